# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any secret, anywhere, in any form: it is gone afterwards."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.ridgetop.aidis.plugins.module_utils.masking import MASK, Mask, looks_secret
from ansible_collections.ridgetop.aidis.plugins.module_utils.secret_forms import SHORTEST
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(Path(__file__).resolve().parents[4] / ".cache" / "hypothesis")
PHASES = (Phase.explicit, Phase.generate)
settings.register_profile(
    "masking", deadline=None, database=None, phases=PHASES, suppress_health_check=list(HealthCheck), derandomize=True
)
settings.load_profile("masking")

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "URL": lambda secret: quote(secret, safe=""),
    "URL with slashes": quote,
    "form": quote_plus,
    "lower case URL": lambda secret: "".join(f"%{byte:02x}" if byte > 126 else chr(byte) for byte in secret.encode()),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 of an URL": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "shell": shlex.quote,
    "JSON": json.dumps,
    "JSON with letters": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret)),
    "Python": repr,
    "HTML": html.escape,
    "SQL": lambda secret: secret.replace("'", "''"),
}
# What trips programs up stands in most of them.
SIGNIFICANT = "'\"%\\ $@/:+=&*#<>{}ü"
SECRETS = st.text(
    st.one_of(st.sampled_from(SIGNIFICANT), st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    min_size=SHORTEST,
    max_size=40,
)
# Beside a secret stands anything, and what gives it away.
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(["password=", '"token": "', "postgres://user:", "@host/db", "PASSWORD '", "Bearer "]),
)


@settings(max_examples=300)
@given(st.lists(SECRETS, min_size=1, max_size=4), st.data())
def test_no_secret_survives_anywhere_in_any_form(secrets: list[str], data: st.DataObject) -> None:
    parts = [data.draw(TEXTS)]
    for _number in range(data.draw(st.integers(1, 5))):
        form = FORMS[data.draw(st.sampled_from(sorted(FORMS)))]
        parts += [form(data.draw(st.sampled_from(secrets))), data.draw(TEXTS)]
    mask = Mask(secrets)
    masked = mask.text("".join(parts))
    assert not mask.finds(masked)
    for secret in secrets:
        left = [name for name, form in FORMS.items() if len(form(secret)) >= SHORTEST and form(secret) in masked]
        # A form of nothing but the mask's own characters says nothing.
        assert [name for name in left if set(FORMS[name](secret)) - set("*'\"\\")] == []


@settings(max_examples=100)
@given(SECRETS, st.binary(max_size=8), st.binary(max_size=8))
def test_base64_of_a_text_that_holds_a_secret(secret: str, before: bytes, after: bytes) -> None:
    """At most the characters at its ends, which hold its neighbours' bits, too, are left."""
    raw = secret.encode()
    if len(raw) < 9:
        return
    text = base64.b64encode(before + raw + after).decode()
    assert MASK in Mask([secret]).text(text)


@settings(max_examples=100)
@given(SECRETS, TEXTS)
def test_the_password_of_an_url_is_a_secret_by_itself(password: str, other: str) -> None:
    url = f"postgresql://user:{quote(password, safe='')}@db.example.org:5432/name"
    assert password not in Mask([url]).text(f"{other} {password} {other}").replace(other, "")


@settings(max_examples=100)
@given(TEXTS)
def test_a_text_without_secrets_stays_what_it_is(text: str) -> None:
    if not any(sign in text for sign in ":="):
        assert Mask(["a secret of some length"]).text(text) == text


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    assert Mask(["abcdefgh", "efghijkl"]).text("<abcdefghijkl>") == f"<{MASK}>"


def test_what_the_mask_makes_may_be_a_secret() -> None:
    assert not Mask(["XXXXXX", "a***b6"]).finds(Mask(["XXXXXX", "a***b6"]).text("aXXXXXXb6"))


def test_a_short_secret_is_masked_by_its_place_only() -> None:
    mask = Mask(["on", "abc"])
    assert mask.text("the connection abc is on") == "the connection abc is on"
    assert mask.text("DB_PASSWORD=abc postgres://u:on@h/d") == f"DB_PASSWORD={MASK} postgres://u:{MASK}@h/d"


def test_each_line_of_a_key_is_a_secret() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAwEHBG0wawIBAQQg1234\n-----END PRIVATE KEY-----\n"
    text = "-----BEGIN PRIVATE KEY-----\n   AwEHBG0wawIBAQQg1234"
    assert Mask([key]).text(text) == f"-----BEGIN PRIVATE KEY-----\n   {MASK}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgres://u:p@h/d", f"postgres://u:{MASK}@h/d"),
        (
            "redis://:p%40ss@h:6379/0 and http://localhost:3000/a@b",
            f"redis://:{MASK}@h:6379/0 and http://localhost:3000/a@b",
        ),
        ("JWT_SECRET='a b'", f"JWT_SECRET='{MASK}'"),
        ('{"password": "x\\"y", "user": "u"}', f'{{"password": "{MASK}", "user": "u"}}'),
        ("api-key: abc, next", f"api-key: {MASK}, next"),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("ALTER ROLE r PASSWORD 'it''s'", f"ALTER ROLE r PASSWORD '{MASK}'"),
        ('FATAL: password authentication failed for user "u"', 'FATAL: password authentication failed for user "u"'),
        ("/etc/passwd: no such file", "/etc/passwd: no such file"),
    ],
)
def test_places_that_give_a_secret_away(text: str, masked: str) -> None:
    assert Mask([]).text(text) == masked


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "jwtSecret", "API_KEY", "api-key", "SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY"]
)
def test_names_that_look_secret(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["LOG_LEVEL", "MCP_PORT", "KEYBOARD", "COMPASS", "DATABASE_SSL", "SECRETARY"])
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


def test_a_structure_is_masked_throughout() -> None:
    value = {"a": ["secret-1", {"b secret-1": ("x", 1, None, True)}]}
    assert Mask(["secret-1"]).value(value) == {"a": [MASK, {f"b {MASK}": ["x", 1, None, True]}]}
