"""The tables made and moved: made equals written down, whoever comes first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import Postgresql, execute, query

from flexlib.ledger import (
    Ledger,
    LedgerMissing,
    UsageQuery,
    get_ledger_status,
    init_ledger,
    open_ledger,
    record_many,
    record_usage,
    upgrade_ledger,
)
from flexlib.ledger.db.migrate import MIGRATIONS
from flexlib.ledger.db.table import HEAD, VERSION_TABLE, build_metadata

CALL: dict[str, Any] = {"usable": ("user", 42), "provider": "openai", "model": "gpt-4o", "prompt_tokens": 100}


def test_what_the_migrations_make_is_what_the_table_says(new_ledger: Ledger) -> None:
    init_ledger(new_ledger)
    metadata = build_metadata(new_ledger.backend)
    with new_ledger.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        there = sa.inspect(connection)
        for table in metadata.sorted_tables:
            checks = {one["name"]: one["sqltext"] for one in there.get_check_constraints(table.name)}
            written = {one.name for one in table.constraints if isinstance(one, sa.CheckConstraint)}
            assert set(checks) == written
            assert {one.name for one in table.columns if one.nullable} == {
                one["name"] for one in there.get_columns(table.name) if one["nullable"]
            }


def test_the_comparison_sees_a_column_that_is_missing(new_ledger: Ledger) -> None:
    init_ledger(new_ledger)
    execute(new_ledger, "ALTER TABLE llm_usage_statistics DROP COLUMN status")
    with new_ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        (difference,) = compare_metadata(context, build_metadata(new_ledger.backend))
    assert (difference[0], difference[3].name) == ("add_column", "status")


def test_the_newest_revision_is_the_one_that_this_version_works_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_first_record_on_an_empty_sqlite_needs_no_init(tmp_path: Path) -> None:
    ledger = open_ledger(data=tmp_path / "not there yet")
    record_usage(**CALL, ledger=ledger)
    assert UsageQuery(ledger).count() == 1
    assert query(ledger, "PRAGMA journal_mode") == [("wal",)]
    assert query(ledger, "PRAGMA synchronous") == [(2,)]  # FULL: what is acknowledged is on the disk
    assert query(ledger, "PRAGMA busy_timeout") == [(10_000,)]
    files = sorted((tmp_path / "not there yet").glob("ledger.sqlite*"))
    assert [file.name.removeprefix("ledger.sqlite") for file in files] == ["", "-shm", "-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}  # callers' metadata is for their owner only
    ledger.close()


def test_postgresql_without_a_ledger_says_which_command_makes_it(postgresql: Postgresql) -> None:
    url = postgresql.create()
    ledger = open_ledger(url)
    for ask in (lambda: record_usage(**CALL, ledger=ledger), UsageQuery(ledger).count, lambda: upgrade_ledger(ledger)):
        with pytest.raises(LedgerMissing, match="There is no ledger in .* yet. Run: flexlib ledger init") as caught:
            ask()
        assert caught.value.exit_code == 2
    ledger.close()
    postgresql.drop(url)


def test_status_tells_backend_revision_rows_first_and_last_and_makes_nothing(new_ledger: Ledger) -> None:
    status = get_ledger_status(new_ledger)
    assert (status.backend, status.revision, status.rows) == (new_ledger.backend, None, None)
    if new_ledger.path:
        assert list(new_ledger.data.iterdir()) == []
    assert init_ledger(new_ledger).rows == 0
    record_many([{**CALL, "created_at": f"2025-{month}-10T12:00Z"} for month in ("10", "08", "09")], ledger=new_ledger)
    assert json.loads(get_ledger_status(new_ledger).to_json()) == {
        "backend": new_ledger.backend,
        "place": new_ledger.place,
        "revision": HEAD,
        "head": HEAD,
        "rows": 3,
        "first": "2025-08-10T12:00:00+00:00",
        "last": "2025-10-10T12:00:00+00:00",
        "archived": [],
    }


def test_init_and_upgrade_of_what_is_there_change_nothing(ledger: Ledger) -> None:
    record_usage(**CALL, ledger=ledger)
    before = get_ledger_status(ledger)
    assert init_ledger(ledger) == upgrade_ledger(ledger) == before


@pytest.mark.parametrize(
    ("revision", "advice"),
    [("0000", "A newer flexlib made it: update flexlib."), ("9999", "A newer flexlib made it: update flexlib.")],
)
def test_a_ledger_of_another_revision_is_refused_with_what_to_do(ledger: Ledger, revision: str, advice: str) -> None:
    execute(ledger, f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'")
    with pytest.raises(LedgerMissing, match=f"is at revision {revision}, not {HEAD}. {advice}"):
        record_usage(**CALL, ledger=ledger)
    with pytest.raises(LedgerMissing, match=f"is at revision {revision}, not {HEAD}. {advice}"):
        upgrade_ledger(ledger)


def test_the_applications_own_migrations_are_left_alone(new_ledger: Ledger) -> None:
    if new_ledger.path:
        new_ledger.path.touch()
    execute(new_ledger, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    execute(new_ledger, "INSERT INTO alembic_version VALUES ('theirs')")
    init_ledger(new_ledger)
    record_usage(**CALL, ledger=new_ledger)
    assert query(new_ledger, "SELECT version_num FROM alembic_version") == [("theirs",)]


RECORD_ONE = """
import sys
from pathlib import Path
from flexlib.ledger import init_ledger, open_ledger, record_usage
url, number = sys.argv[1:]
ledger = open_ledger(url, data=Path("/nonexistent"))
if ledger.backend == "postgresql":
    init_ledger(ledger)
call = {"usable": ("user", 1), "provider": "openai", "model": "gpt-4o", "amount_in_usd": 1}
record_usage(**call, request_id=f"own {number}", ledger=ledger)
record_usage(**call, request_id="shared", ledger=ledger)
"""


def test_many_processes_may_be_the_first_at_once(new_ledger: Ledger) -> None:
    url = new_ledger._url.render_as_string(hide_password=False)  # noqa: SLF001
    command = [sys.executable, "-W", "error", "-c", RECORD_ONE, url]
    processes = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 4
    assert UsageQuery(new_ledger).count() == 5


LOOK_AT_IMPORTS = """
import sys
import flexlib.ledger
assert "alembic" not in sys.modules
from pathlib import Path
ledger = flexlib.ledger.open_ledger(sys.argv[1], data=Path("/nonexistent"))
flexlib.ledger.record_usage(usable=None, provider="openai", model="gpt-4o", amount_in_usd=1, ledger=ledger)
assert "flexlib.ledger.record.models" in sys.modules
print(sorted(name for name in ("alembic", "pandas", "pyarrow", "genai_prices") if name in sys.modules))
"""


def test_a_ledger_made_by_another_between_two_questions_is_not_a_foreign_table(new_ledger: Ledger) -> None:
    if new_ledger.path:
        new_ledger.path.touch()
    other = open_ledger(new_ledger._url.render_as_string(hide_password=False))  # noqa: SLF001
    questions = 0

    def make_it_meanwhile(*_: object) -> None:
        nonlocal questions
        questions += 1
        if questions == 1:
            init_ledger(other)

    sa.event.listen(new_ledger.engine, "after_cursor_execute", make_it_meanwhile)
    assert init_ledger(new_ledger).revision == HEAD
    assert questions > 1
    other.close()


def test_recording_imports_neither_alembic_nor_what_it_does_not_need(ledger_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", LOOK_AT_IMPORTS, ledger_url]
    for imported in (["genai_prices"], []):  # of a model that is new the price lists say what it is called, once
        assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == f"{imported}\n"
