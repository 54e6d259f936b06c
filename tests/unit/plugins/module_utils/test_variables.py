# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as a weak secret, a missing variable and a misspelt one."""

from __future__ import annotations

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils import variables


@pytest.mark.parametrize(
    "placeholder",
    [
        "your_secure_password",
        "your_jwt_secret_here",
        "your_system_project_id_here",
        "changeme",
        "CHANGE_ME",
        "<password>",
        "secret123",
    ],
)
def test_placeholders_of_manuals_are_refused(placeholder: str) -> None:
    assert variables.weakness(placeholder, 1) == "a placeholder of a manual"


@pytest.mark.parametrize("weak", ["", "short", "aaaaaaaaaaaaaaaaaaaa", "abababababababababab"])
def test_weak_secrets_are_refused_without_being_quoted(weak: str) -> None:
    failed = variables.secret("x", weak, 12)
    assert failed is not None and failed["status"] == "fail"
    assert not weak or weak not in str(failed)


@pytest.mark.parametrize("strong", ["q9'\"%\\ $@/ Zb7", "Vt0bWm3Zc8Yk", "your horse battery staple 17"])
def test_strong_secrets_pass(strong: str) -> None:
    assert variables.secret("x", strong, 12) is None


def test_names_that_systemd_would_leave_out_are_told() -> None:
    value = {"GOOD_1": 1, "_x": "any\ntext", "BAD-NAME": 2, "1ST": 3, "NEW\nLINE": 4}
    rule = {"<name>": "environment_name"}
    failed = list(variables.values("app_secret_environment", {"no_log": True}, rule, value, []))
    assert [one["observed"] for one in failed] == ["'BAD-NAME'", "'1ST'", r"'NEW\nLINE'"]
    assert all("systemd leaves such a variable out" in one["hint"] for one in failed)


def test_of_a_refused_secret_nothing_is_quoted() -> None:
    (failed,) = variables.values("aidis_database_password", {"no_log": True}, "line", "two\nlines", [])
    assert failed["status"] == "fail" and "two" not in str(failed) and "lines" not in str(failed)


def test_of_a_refused_value_the_password_of_a_url_is_not_quoted() -> None:
    (failed,) = variables.values("app_repository", {}, "repository", "https://me:hidden@host/a b", [])
    assert "hidden" not in str(failed) and "***@host/a b" in failed["observed"]


def test_a_nul_is_refused_wherever_it_stands() -> None:
    (failed,) = variables.values("app_health_probes", {}, None, [{"path": "/\0"}], [])
    assert failed["observed"] == "a NUL"


def test_numbers_are_plain() -> None:
    assert [
        list(variables.values("x", {"type": "int"}, None, one, [])) != [] for one in (5, "5", "5\n", " 5", "1_0")
    ] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_missing_variable_names_its_misspelling() -> None:
    failed = variables.missing("aidis_database_password", ["aidis_databse_password", "other"])
    assert failed["status"] == "fail" and "aidis_databse_password" in failed["hint"]


def test_a_misspelt_option_is_a_warning_with_the_right_name() -> None:
    found = list(variables.unknown(["app_helth_timeout", "app_of_mine", "helth"], ["app_health_timeout"], ["app"]))
    assert [one["id"] for one in found] == ["variable.app_helth_timeout"]
    assert "app_health_timeout" in found[0]["hint"] and found[0]["status"] == "warn"
