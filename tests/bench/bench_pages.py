"""`make bench-analysis`, its last part: what each page and command takes of a month of many calls.

A company of 6,000 people: a year of their credits, and of their calls, in September as many as are asked for and a
hundredth of that in each other month. Figures are of whole processes, with the notebook's kernel among them: CPU
seconds, and the peak of the largest process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from bench import measure

sys.path.insert(0, str(Path(__file__).parents[1]))

from stored import hash_rows, write_snapshot  # noqa: E402
from usage_rows import write_usage  # noqa: E402

from flexlib.certificate import CreditsCertificate, UsageCertificate  # noqa: E402
from flexlib.checks import Check  # noqa: E402
from flexlib.dates import Month, Span  # noqa: E402
from flexlib.schema import CREDITS  # noqa: E402
from flexlib.store.row_hash import hash_file, hash_parquet  # noqa: E402
from flexlib.store.snapshots import move_version, write_version  # noqa: E402

PEOPLE, YEAR, LARGE = 6000, 2025, Month(2025, 9)
LATER = datetime(2026, 2, 1, tzinfo=timezone.utc)
MODELS = ["gpt-4o", "claude-sonnet-4-20250514", "gemini-2.5-pro", "mistral-large-latest", "gpt-4o-mini",
          "claude-3-5-haiku-latest", "gemini-2.5-flash", "mistral-small-latest", "gpt-4.1", "claude-opus-4-20250514",
          "gemini-of-tomorrow", "mistral-embed"]  # fmt: skip
"""Of the twelve kinds of calls that `write_usage` draws."""

CREDIT_ROWS = """
SELECT TIMESTAMP '{first}' + to_days(day::INT) AS date, 'user' || person AS "user",
    ['MODEL_CLAUDE_4_SONNET', 'MODEL_CHAT_GPT_5', 'MODEL_SWE_1'][1 + pick::INT] AS model_uid,
    0::BIGINT AS prompt_credits, (50 + hash(person, day, pick, '{first}') % 1950)::BIGINT AS flex_credits,
    (1 + hash(day, person) % 9)::BIGINT AS requests
FROM range({people}) people(person), range({days}) days(day), range(3) picks(pick)
WHERE hash(person, day, pick, '{first}', 7) % 3 = 0
    AND dayofweek(TIMESTAMP '{first}' + to_days(day::INT)) BETWEEN 1 AND 5
ORDER BY ALL
"""

NOTEBOOKS = ("llm_usage", "flex_credits", "compare_months -p of usd", "forecast -p of usd", "latency",
             "cost_effectiveness", "chargeback -p level person")  # fmt: skip
COMMANDS = ("spend", "compare 2025-08 2025-09 --of usd", "compare 2025-08 2025-09", "forecast --of usd", "anomalies",
            "anomalies --of usd", "latency", "what-if", "certificate --source import")  # fmt: skip


def store_calls(root: Path, month: Month, rows: int) -> None:
    """Calls of the month, written by DuckDB and moved in with their certificate: they need not fit into memory."""
    days = (month.last - month.first).days + 1
    drawn = write_usage(root / "drawn.parquet", rows, day=month.first, days=days, users=PEOPLE)
    parquet, draft = root / "rows.parquet", root / "draft"
    models = ", ".join(f"'model-{chr(97 + kind)}': '{name}'" for kind, name in enumerate(MODELS))
    duckdb.execute(
        f"COPY (SELECT * REPLACE (MAP {{{models}}}[model] AS model) FROM '{drawn}' ORDER BY created_at, id) "
        f"TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"
    )
    sums = "sum(prompt_tokens), sum(completion_tokens), count(*) - count(amount_in_usd), sum(amount_in_usd)"
    prompt, completion, unpriced, usd = duckdb.execute(f"SELECT {sums} FROM '{parquet}'").fetchall()[0]
    certificate = UsageCertificate(
        month=month, read_at=LATER, rows=rows, quarantined_rows=0, source="import", rows_read=rows, requests=rows,
        file_sha256=(sha256 := hash_file(parquet)), rows_sha256=hash_parquet(parquet, sha256),
        prompt_tokens=prompt, completion_tokens=completion, unpriced_rows=unpriced, unpriced_requests=unpriced,
        amount_in_usd=str(Decimal(usd)),
    )  # fmt: skip
    write_version(draft, parquet, certificate)
    move_version(draft, certificate, root)
    drawn.unlink()


def store_credits(root: Path, month: Month) -> None:
    days = (month.last - month.first).days + 1
    query = CREDIT_ROWS.format(first=month.first, people=PEOPLE, days=days)
    table = duckdb.connect().sql(query).to_arrow_table().cast(CREDITS)
    certificate = CreditsCertificate(
        month=month, read_at=LATER, rows=len(table), quarantined_rows=0, rows_sha256=hash_rows(table), server="bench",
        route="team", users_asked=PEOPLE, users_active=PEOPLE, prompt_credits_hundredths=0,
        flex_credits_hundredths=sum(table["flex_credits"].to_pylist()), sums=Check("agrees"),
    )  # fmt: skip
    write_snapshot(table, certificate, (), {}, root)


def store_year(root: Path, rows: int) -> None:
    for month in Span(Month(YEAR, 1).first, Month(YEAR, 12).last).months:
        store_calls(root, month, rows if month == LARGE else max(rows // 100, 1000))
        store_credits(root, month)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls of September")
    parser.add_argument("--only", default="", help="pages and commands whose name holds this")
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.store:
        store_year(arguments.store, arguments.rows)
        return
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as folder:
        root = Path(folder) / "data"
        root.mkdir()
        # By a process of its own: a child's peak is never below the memory of the process that it is forked from.
        subprocess.run([sys.executable, __file__, "--rows", str(arguments.rows), "--store", str(root)], check=True)
        rows = sum(pq.read_metadata(file).num_rows for file in (root / "credits").rglob("*.parquet"))
        print(f"\n{arguments.rows:,} calls in {LARGE}, {rows:,} rows of credits of {PEOPLE:,} people in {YEAR}")
        print(f"{'':<40}{'CPU s':>9}{'MiB':>7}{'wall s':>9}", flush=True)
        flexlib, when = [sys.executable, "-m", "flexlib"], ["--year", str(YEAR), "--month", str(LARGE.month)]
        report = [*flexlib, "report", "--offline", "--alone", "--output-dir", f"{folder}/reports", "--notebook"]
        works = {f"page {one.split()[0]}": [*report, *one.split(), *when] for one in NOTEBOOKS}
        works["page year"] = [*report, "year", *when[:2]]
        works |= {one: [*flexlib, *one.split(), *(() if one.startswith("compare") else when)] for one in COMMANDS}
        environment = {"FLEXLIB_DATA": str(root), "WINDSURF_SERVICE_KEY": ""}
        made = [print_figures(name, command, environment) for name, command in works.items() if arguments.only in name]
        sys.exit(not all(made))


def print_figures(name: str, command: list[str], environment: dict[str, str]) -> bool:
    """Whether it ran to its end."""
    try:
        made = measure(command, environment)
    except RuntimeError as error:
        print(f"{name:<40} {str(error)[-60:]}", flush=True)
        return False
    print(f"{name:<40}{made.cpu:>9.2f}{made.mib:>7.0f}{made.wall:>9.2f}", flush=True)
    return True


if __name__ == "__main__":
    main()
