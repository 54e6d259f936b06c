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
    failed = variables.environment("app_environment_extra", {"GOOD_1": 1, "BAD-NAME": 2, "1ST": 3, "NEW\nLINE": 4})
    assert failed is not None and failed["observed"].startswith("BAD-NAME, 1ST")
    assert variables.environment("app_environment", {"GOOD": 1, "_x": 2}) is None
    assert variables.environment("systemd_limits", {"BAD-NAME": 2}) is None


def test_a_missing_variable_names_its_misspelling() -> None:
    failed = variables.missing("aidis_database_password", ["aidis_databse_password", "other"])
    assert failed["status"] == "fail" and "aidis_databse_password" in failed["hint"]


def test_a_misspelt_option_is_a_warning_with_the_right_name() -> None:
    found = list(variables.unknown(["app_helth_timeout", "app_of_mine", "helth"], ["app_health_timeout"], ["app"]))
    assert [one["id"] for one in found] == ["variable.app_helth_timeout"]
    assert "app_health_timeout" in found[0]["hint"] and found[0]["status"] == "warn"
