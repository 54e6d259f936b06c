# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What aidis-health asks a real server for, as the application's role and by its password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ridgetop.aidis.plugins.module_utils import health_database
from ansible_collections.ridgetop.aidis.plugins.module_utils.health_config import Config
from ansible_collections.ridgetop.aidis.tests.integration.conftest import PASSWORD, Database

ROOT = Path(__file__).resolve().parents[2]
QUERIES = yaml.safe_load((ROOT / "roles/health/defaults/main.yml").read_text(encoding="utf-8"))["health_queries"]
# Of the guide's tables what is asked for.
TABLES = """
CREATE TABLE projects (status text, created_at timestamptz DEFAULT now());
CREATE TABLE sessions (status text, user_name text, started_at timestamptz, last_activity_at timestamptz DEFAULT now());
CREATE TABLE contexts (created_at timestamptz DEFAULT now());
CREATE TABLE event_log (event_type text, status text, created_at timestamptz DEFAULT now());
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO app;
"""
ROWS = """
INSERT INTO projects VALUES ('active', now()), ('archived', now()), ('archived', now() - interval '2 days');
INSERT INTO sessions VALUES ('active', 'a', now() - interval '30 s', now()),
  ('active', 'b', now() - interval '10 s', now()), ('ended', 'b', now() - interval '1 h', now()),
  ('ended', 'c', now() - interval '9 d', now() - interval '8 d');
INSERT INTO contexts VALUES (now()), (now() - interval '25 hours');
INSERT INTO event_log VALUES ('session_created', 'success', now()), ('session_created', 'failure', now()),
  ('session_created', 'failure', now()), ('session_created', 'success', now() - interval '61 minutes'),
  ('project_assigned', 'success', now()), ('other', 'failure', now());
"""


def asked(database: Database, tmp_path: Path, **more: Any) -> Any:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    config = Config(
        database_host="127.0.0.1",
        database_port=database.cluster.port,
        database=database.name,
        user="app",
        password_file=str(secret),
        sql=True,
        **{"queries": QUERIES, **more},
    )
    section, samples, left_out = health_database.asked(config)
    values = {(one.name, *one.labels.values()): one.value for one in samples}
    values.pop(("aidis_sql_query_seconds",), None)
    return section.status, values, left_out


def test_the_guides_tables(database: Database, tmp_path: Path) -> None:
    database.query(TABLES)
    database.query(ROWS)
    status, values, left_out = asked(database, tmp_path)
    oldest = values.pop(("aidis_sql_sessions_age_seconds", "oldest"))
    mean = values.pop(("aidis_sql_sessions_age_seconds", "mean"))
    assert 30 <= oldest < mean + 11 and 20 <= mean < oldest
    assert (status, left_out) == ("ok", [])
    assert values == {
        ("aidis_sql_sessions", "active"): 2,
        ("aidis_sql_sessions", "ended"): 2,
        ("aidis_sql_session_events", "success"): 1,
        ("aidis_sql_session_events", "failure"): 2,
        ("aidis_sql_project_events", "success"): 1,
        ("aidis_sql_project_events", "failure"): 0,
        ("aidis_sql_projects", "active"): 1,
        ("aidis_sql_projects", "archived"): 2,
        ("aidis_sql_projects_created_1d",): 2,
        ("aidis_sql_users_active_1d",): 2,
        ("aidis_sql_contexts_created_1d",): 1,
        ("aidis_sql_up",): 1,
    }


def test_tables_without_rows(database: Database, tmp_path: Path) -> None:
    database.query(TABLES)
    _status, values, left_out = asked(database, tmp_path)
    assert set(values.values()) == {0, 1} and values["aidis_sql_sessions", "active"] == 0 and left_out == []


def test_tables_that_are_not_there(database: Database, tmp_path: Path) -> None:
    database.query(TABLES)
    database.query("DROP TABLE event_log; ALTER TABLE sessions DROP COLUMN last_activity_at")
    status, values, left_out = asked(database, tmp_path)
    assert status == "ok" and ("aidis_sql_projects", "active") in values and ("aidis_sql_up",) in values
    assert [text.partition(":")[0] for text in left_out] == [
        *("aidis_sql_session_events", "aidis_sql_project_events", "aidis_sql_users_active_1d")
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT pg_sleep(30)", "statement timeout"),
        ("INSERT INTO contexts VALUES (now()) RETURNING 1", "read-only transaction"),
        ("COMMIT; INSERT INTO contexts VALUES (now()) RETURNING 1", "read-only transaction"),
    ],
)
def test_a_query_neither_takes_long_nor_writes(database: Database, tmp_path: Path, query: str, reason: str) -> None:
    database.query(TABLES)
    queries = [{"metric": "bad", "query": query}, {"metric": "good", "query": "SELECT 1"}]
    status, values, left_out = asked(database, tmp_path, queries=queries, query_seconds=1)
    assert status == "ok" and values["good",] == 1
    assert len(left_out) == 1 and reason in left_out[0]
    assert database.query("SELECT count(*) FROM contexts") == [(0,)]


def test_a_wrong_password(database: Database, tmp_path: Path) -> None:
    database.query("ALTER ROLE app PASSWORD 'another'")
    try:
        status, values, _left_out = asked(database, tmp_path)
    finally:
        database.query("ALTER ROLE app PASSWORD %s", (PASSWORD,))
    assert status == "failed" and values == {("aidis_sql_up",): 0}
