"""One path from a laptop to a cluster: on a real Spark cluster every sum is what DuckDB makes of the same files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from spark_samples import OPTIONS
from usage_rows import write_usage

from flexlib import analysis as aggregate
from flexlib.analysis import usage as aggregate_usage
from flexlib.analysis.accepted import measure_accepted
from flexlib.analysis.cells import Route, sum_by_size
from flexlib.analysis.compare import compare_credits
from flexlib.analysis.frames import read_rows
from flexlib.analysis.versions import VERSION_PARTS, compare_usage
from flexlib.analysis.what_if import reprice
from flexlib.analysis.what_if_credits import exchange_models, find_multipliers, simulate_cap
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.store.engines import Engine, open_spark, read_days
from flexlib.store.snapshots import scan

pytestmark = pytest.mark.heavy

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
AUGUST, SEPTEMBER, OCTOBER = Month(2025, 8), Month(2025, 9), Month(2025, 10)
CLUSTER = "local-cluster[2,1,1024]"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """A cluster of two workers on this machine, named in Spark's own settings."""
    import pyspark

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"--master {CLUSTER} {OPTIONS}")
        patch.delenv("SPARK_REMOTE", raising=False)
        spark = open_spark()
    yield spark
    spark.stop()
    shutil.rmtree(Path(pyspark.__file__).parent / "work", ignore_errors=True)  # the workers' logs


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """40,000 calls in two files, in a folder whose name needs care."""
    folder = tmp_path_factory.mktemp("calls of a team")
    one = write_usage(folder / "september.parquet", 30_000, day=SEPTEMBER.first, days=30, users=40)
    other = write_usage(folder / "october.parquet", 10_000, day=OCTOBER.first, days=31, first=30_000, users=40)
    return [one, other]


def scan_calls(files: list[Path], engine: Engine) -> Any:  # noqa: ANN401
    return read_days(files, "created_at", date(2025, 9, 2), date(2025, 10, 30), engine)


def test_the_cluster_is_the_one_of_sparks_own_settings(cluster: Any) -> None:  # noqa: ANN401
    assert cluster.sparkContext.master == CLUSTER
    assert open_spark() is cluster


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    "name",
    [
        "usage_by_day",
        "usage_by_hour",
        "usage_by_provider_and_model",
        "stats_by_task_type",
        "usage_by_proxy",
        "usage_by_usable",
    ],
)
def test_calls_sum_to_the_same_rows_in_the_same_order(calls: list[Path], name: str) -> None:
    sum_calls, period = getattr(aggregate_usage, name), ("2025-09-07", "2025-10-05T12:00:00Z")
    there, here = (sum_calls(scan_calls(calls, engine), *period) for engine in ("spark", "duckdb"))
    assert read_rows(there) == (rows := read_rows(here))
    assert len(rows) > 1


@pytest.mark.usefixtures("cluster")
def test_calls_cost_the_same_to_the_last_digit(calls: list[Path]) -> None:
    there, here = (aggregate_usage.total_cost_by_period(scan_calls(calls, engine)) for engine in ("spark", "duckdb"))
    assert there == here
    assert isinstance(there, dict)
    assert str(there["usd"]) == str(here["usd"])  # type: ignore[index]


@pytest.mark.usefixtures("cluster")
def test_calls_roll_up_to_the_same_hours(calls: list[Path]) -> None:
    there, here = (aggregate.roll_up_usage(scan_calls(calls, engine), "2025-09-07") for engine in ("spark", "duckdb"))
    assert there.order("ALL").fetchall() == (hours := here.order("ALL").fetchall())
    assert len(hours) > 1000
    assert there.types == here.types


@pytest.mark.usefixtures("cluster")
def test_calls_take_as_long(calls: list[Path]) -> None:
    rollups = [aggregate.roll_up_latency(scan_calls(calls, engine)) for engine in ("spark", "duckdb")]
    assert rollups[0].order("ALL").fetchall() == rollups[1].order("ALL").fetchall()
    keys = ("provider", "model", "proxy", "hour")
    there, here = (
        read_rows(aggregate.measure_latency(scan_calls(calls, engine), keys, rollup=rollups[0]))
        for engine in ("spark", "duckdb")
    )
    assert there == here
    assert len(here) > 20


@pytest.mark.usefixtures("cluster")
def test_calls_would_have_cost_the_same_elsewhere(calls: list[Path]) -> None:
    routes = [Route("openai", "gpt-4o"), Route("google", "gemini-2.5-pro"), Route("deepseek", "deepseek-chat")]
    there, here = (sum_by_size(scan_calls(calls, engine), routes) for engine in ("spark", "duckdb"))
    assert there == here
    assert sum(cell["requests"] for cell in here) > 30_000
    moves = reprice(there, {"text": routes})
    assert read_rows(moves) == read_rows(reprice(here, {"text": routes}))
    assert len(moves) > 20


@pytest.mark.usefixtures("cluster")
def test_whose_calls_they_are_and_what_an_accepted_answer_cost_are_the_same(calls: list[Path]) -> None:
    owned, said = ("usable_type", "usable_id", "usable_key"), "*, id LIKE '%1' OR id LIKE '%3' AS accepted"
    routes = [Route("openai", "gpt-4o"), Route("anthropic", "claude-haiku-4-5"), Route("google", "gemini-2.5-pro")]
    found = []
    for engine in ("spark", "duckdb"):
        rows = scan_calls(calls, engine)
        judged = rows.selectExpr(*said.split(", ", 1)) if engine == "spark" else rows.select(said)
        found.append((sum_by_size(rows, routes, owned, by_length=True), read_rows(measure_accepted(judged))))
    assert found[0] == found[1]
    assert all(found[1])


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("name", ["usage_statistics", "usage_distribution", "usage_histogram"])
def test_the_headline_numbers_and_sizes_are_the_same(calls: list[Path], name: str) -> None:
    look = getattr(aggregate, name)
    assert str(look(scan_calls(calls, "spark"))) == str(look(scan_calls(calls, "duckdb")))


SEPTEMBERS_DAYS = {"days": SEPTEMBER.span}
CREDITS: dict[str, Callable[[Any], Any]] = {
    "by day and model": lambda rows: aggregate.credits_by_day_and_model(rows, **SEPTEMBERS_DAYS),
    "by day": lambda rows: aggregate.credits_by_day(rows, **SEPTEMBERS_DAYS),
    "by model": aggregate.credits_by_model,
    "by user": aggregate.credits_by_user,
    "by month": lambda rows: aggregate.credits_by_month(rows, **SEPTEMBERS_DAYS),
    "by weekday and week": lambda rows: aggregate.credits_by_weekday_and_week(rows, **SEPTEMBERS_DAYS),
    "compared": lambda rows: aggregate.compare_models(rows, rows),
    "multipliers": find_multipliers,
    "on other models": lambda rows: exchange_models(rows, find_multipliers(rows)),
    "with a cap": lambda rows: simulate_cap(rows, 1),
}


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("sum_credits", CREDITS.values(), ids=CREDITS)
def test_credits_sum_to_the_same_rows_in_the_same_order(sum_credits: Callable[[Any], Any]) -> None:
    there = sum_credits(scan("credits", SEPTEMBER.span, FIXTURE, engine="spark"))
    here = sum_credits(scan("credits", SEPTEMBER.span, FIXTURE))
    assert read_rows(there) == (rows := read_rows(here))
    assert rows


@pytest.mark.usefixtures("cluster")
def test_a_change_comes_apart_into_the_same_parts() -> None:
    there, here = (
        compare_credits(*(scan("credits", month.span, FIXTURE, engine=engine) for month in (AUGUST, SEPTEMBER)))
        for engine in ("spark", "duckdb")
    )
    assert there == here
    assert len(here.cells) > 100
    assert here.difference == sum(here.sum_parts().values()) == 1207


@pytest.mark.parametrize("of", ["usd", "clp"])
def test_two_versions_of_a_months_calls_are_taken_apart_alike(cluster: Any, tmp_path: Path, of: str) -> None:  # noqa: ANN401
    before = scan("usage", SEPTEMBER.span, FIXTURE)
    tokens, price, rate = ("id[-1] IN ('2', '3')", "id[-1] IN ('3', '4')", "id[-1] = '5'")
    changed = {
        "id": "CASE WHEN id[-1] = '1' THEN 'late ' || id ELSE id END",
        **{name: f"{name} + CASE WHEN {tokens} THEN 50 ELSE 0 END" for name in ("prompt_tokens", "total_tokens")},
        "price_source": f"CASE WHEN {price} THEN 'another list' ELSE price_source END",
        "amount_in_usd": f"amount_in_usd * CASE WHEN {price} THEN 2 ELSE 1 END",
        "fx_rate": f"CASE WHEN {rate} THEN 1000 ELSE fx_rate END",
        "amount_in_clp": f"CASE WHEN {rate} THEN amount_in_usd * 1000 ELSE amount_in_clp END",
    }
    kinds = zip(before.columns, before.types, strict=True)
    columns = ", ".join(f"({changed.get(name, name)})::{kind} AS {name}" for name, kind in kinds)
    files = [str(tmp_path / "before.parquet"), str(tmp_path / "after.parquet")]
    before.write_parquet(files[0])
    before.filter("id[-1] <> '0'").select(columns).write_parquet(files[1])
    there, here = (
        compare_usage(read(files[0]), read(files[1]), of) for read in (cluster.read.parquet, duckdb.read_parquet)
    )
    assert there == here
    moved = {name for name, part in here.sum_parts().items() if part}
    assert moved == set(VERSION_PARTS) - ({"rate"} if of == "usd" else set())


@pytest.mark.usefixtures("cluster")
def test_a_span_of_days_is_cut_alike() -> None:
    days = Span(date(2025, 9, 3), date(2025, 9, 7))
    there, here = (scan("credits", days, FIXTURE, engine="spark"), scan("credits", days, FIXTURE))
    assert aggregate.credits_statistics(there) == (statistics := aggregate.credits_statistics(here))
    assert statistics.days_with_data == 4


def test_a_session_in_another_zone_is_refused(cluster: Any, calls: list[Path]) -> None:  # noqa: ANN401
    session = cluster.newSession()
    session.conf.set("spark.sql.session.timeZone", "America/Santiago")
    rows = session.read.parquet(*map(str, calls))
    with pytest.raises(
        InvalidRequest, match="the Spark session's zone is America/Santiago; set spark.sql.session.timeZone"
    ):
        aggregate_usage.usage_by_day(rows)
