"""The analyst's front door: months loaded, totalled, summed by anything, exact and under pseudonyms."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from report_samples import store_month
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, ingest_charges, store, store_credits

import flexlib as fl
import flexlib.names
from flexlib.analysis import credits_by_user, top_users, usage_by_usable
from flexlib.certificate import CreditsCertificate, State
from flexlib.checks import Check
from flexlib.cli.doctor import _look_at_folder
from flexlib.dates import Month, Span
from flexlib.errors import BadMonth, DiskFailed, InvalidRequest, SnapshotMissing
from flexlib.front.months import list_stored_months
from flexlib.front.rows import Rows
from flexlib.front.spend import Spend, load_spend
from flexlib.front.table import SpendTable
from flexlib.names import name_under
from flexlib.page.kit.markup import POLICY
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.store.pseudonyms import FILE, MADE_UP, find_pseudonym_secret
from flexlib.store.version import Snapshot
from flexlib.tables.usage import table_spend_by_usable

CENT = Decimal("0.01")
FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


def load(
    root: Path, first: str = "2025-09", last: str | None = None, zone: str = "UTC", *, names: bool = False
) -> Spend:
    return load_spend(first, last, root, zone=zone, names=names)


def pick(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """The columns row by row, what is missing as None."""
    rows = frame[list(columns)].itertuples(index=False)
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store(tmp_path, "ledger", SEPTEMBER,
          call("a", "2025-09-01T10:00:00", "0.01", usable_type="user", usable_id=7, metadata=json.dumps({"team": "x"})),
          call("b", "2025-09-02T23:30:00", None, model="gpt-5", usable_type="key", usable_key="3f1c"),
          call("c", "2025-09-02T00:00:00", "2.5", grain="day", requests=52, proxy="openrouter"))  # fmt: skip
    store_credits(tmp_path, (2, "u-1", "claude-sonnet-4", 100, 250), (2, "u-2", "claude-sonnet-4", 0, 1000))
    return tmp_path


def test_totals_are_exact_in_the_unit_that_their_name_says(root: Path) -> None:
    month = load(root)
    # 12.50 flex credits at the list's US$0.04, and 2.51 of calls.
    assert month.total("usd") == Decimal("0.50") + Decimal("2.51")
    assert month.total("flex_credits") == Decimal("12.50")
    assert month.total("prompt_credits") == Decimal("1.00")
    assert (month.total("requests"), month.total("prompt_tokens")) == (1 + 1 + 52 + 2, 300)


def test_what_is_loaded_is_printed_as_its_months_and_its_zone(root: Path) -> None:
    assert repr(load(root)) == "Spend(2025-09, UTC)"
    assert repr(load(root, "2025-09", "2025-10")) == "Spend(2025-09-01 to 2025-10-31, UTC)"


def test_a_total_of_which_nothing_is_known_is_none_and_not_zero(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01", None))
    month = load(tmp_path)
    assert [month.total(unit) for unit in ("usd", "clp", "flex_credits")] == [None, None, None]
    assert month.total("requests") == 1


def test_a_unit_that_is_none_is_refused_with_those_there_are(root: Path) -> None:
    with pytest.raises(InvalidRequest, match="'eur' is not a unit of a total; ask for usd, clp, flex_credits"):
        load(root).total("eur")


def test_sums_by_source_keep_what_is_not_told_apart_from_zero(root: Path) -> None:
    rows = load(root).by("source")
    assert pick(rows, "source", "requests", "total_tokens", "flex_credits", "usd", "unpriced_requests") == [
        ("ledger", 54, 300, None, Decimal("2.51"), 1),
        ("windsurf", 2, None, Decimal("12.50"), Decimal("0.50"), 0),
    ]


def test_sums_by_time_are_in_its_order(root: Path) -> None:
    month = load(root)
    assert pick(month.by("day"), "day", "usd") == [
        (datetime(2025, 9, 1), CENT),
        (datetime(2025, 9, 2), Decimal("3.00")),
    ]
    assert pick(month.by("weekday"), "weekday", "requests") == [(1, 1), (2, 55)]
    assert pick(month.by("hour"), "hour", "requests") == [(10, 1), (23, 1), (None, 54)]


def test_a_sum_of_a_month_has_no_day_and_a_chart_of_days_says_what_it_does_not_show(tmp_path: Path) -> None:
    whole = call("whole", "2025-09-01", "7", grain="month", requests=90)
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00:00", "0.01"), whole)
    month = load(tmp_path)
    days = month.by("day")
    assert pick(days, "day", "usd") == [(datetime(2025, 9, 1), CENT), (None, Decimal(7))]
    assert pick(month.by("weekday"), "weekday", "usd") == [(1, CENT), (None, Decimal(7))]
    assert pick(month.by("month"), "month", "usd") == [(datetime(2025, 9, 1), Decimal("7.01"))]
    assert days.plot("usd").title == "US$ by day (not shown: US$ 7.00 of sums of a month)"
    store(tmp_path, "ledger", SEPTEMBER, whole)
    with pytest.raises(InvalidRequest, match="all of this table's sums are of months, and have no day"):
        load(tmp_path).by("day").plot("usd")


def test_sums_by_two_keys_have_both(root: Path) -> None:
    rows = pick(load(root).by("month", "source"), "month", "source", "requests")
    assert rows == [(datetime(2025, 9, 1), "ledger", 54), (datetime(2025, 9, 1), "windsurf", 2)]


def test_spellings_of_a_model_are_one_line_with_the_same_sums(tmp_path: Path) -> None:
    names = ("gpt-4.1", "GPT-4.1", "openai/gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4o", "gpt-4o-2024-05-13")
    store(tmp_path, "ledger", SEPTEMBER,
          *(call(name, "2025-09-01", f"0.000000000{place}", model=name) for place, name in enumerate(names, 1)),
          call("other", "2025-09-01", "1", model="GPT-4.1", provider="unknown"))  # fmt: skip
    month = load(tmp_path)
    assert pick(month.by("provider", "model"), "provider", "model", "requests", "usd") == [
        ("unknown", "GPT-4.1", 1, Decimal(1)),  # of whom nobody knows: no list says that it is the same
        ("openai", "gpt-4.1", 4, Decimal("0.0000000010")),  # 1 + 2 + 3 + 4
        ("openai", "gpt-4o-2024-05-13", 1, Decimal("0.0000000006")),  # has a price of its own
        ("openai", "gpt-4o", 1, Decimal("0.0000000005")),
    ]
    assert sum(month.by("model")["usd"]) == month.total("usd")
    assert sorted(pick(month.calls.frame(), "model")) == sorted([(name,) for name in (*names, "GPT-4.1")])


def test_any_name_in_the_metadata_is_a_key(root: Path) -> None:
    assert pick(load(root).by("team"), "team", "usd")[-1] == ("x", CENT)


def call_person(key: str, root: Path) -> str:
    return name_under(find_pseudonym_secret(root), [key])[key]


def mask_key(key: str, root: Path) -> str:
    """By hand what `write_mask` says of the folder's secret."""
    salt = blake2b(b"keys", key=find_pseudonym_secret(root), digest_size=32).hexdigest()
    return sha256(f"{salt}{key}".encode()).hexdigest()[:10]


def test_the_secret_of_pseudonyms_is_made_once_for_its_owner_alone_and_of_made_up_people_is_none(
    tmp_path: Path,
) -> None:
    first = find_pseudonym_secret(tmp_path)
    (file,) = (one for one in tmp_path.iterdir() if not one.name.startswith("."))
    assert (file.name, file.stat().st_mode & 0o777) == ("pseudonyms.key", 0o600)
    assert find_pseudonym_secret(tmp_path) == first != find_pseudonym_secret(tmp_path / "other")
    assert find_pseudonym_secret(FIXTURE) == MADE_UP
    file.chmod(0o644)  # as copied
    assert f"others may read pseudonyms.key, by which people get their pseudonyms: chmod 600 {file}" in (
        _look_at_folder(tmp_path).text
    )
    assert find_pseudonym_secret(tmp_path) == first
    assert file.stat().st_mode & 0o777 == 0o600
    for spoilt in ("no key", "", "ab\n", "\0" * 65, "ab" * 31):
        file.write_text(spoilt)
        with pytest.raises(DiskFailed, match="people get their pseudonyms, cannot be read"):
            find_pseudonym_secret(tmp_path)


def test_who_may_only_read_a_folder_gets_pseudonyms_of_the_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and may(path, mode))
    first, second = (sorted(map(str, load(root).by("user")["user"])) for _ in range(2))
    assert len([one for one in first if one.startswith("Person ")]) == 2
    assert first == second
    assert not (root / "pseudonyms.key").exists()


def test_two_people_whose_pseudonyms_begin_alike_are_not_one(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [f"u-{number}" for number in range(200)]
    monkeypatch.setattr(flexlib.names, "SHOWN_DIGITS", 1)
    assert len(set(name_under(b"ours", users).values())) == len(users)


def test_people_stand_under_one_pseudonym_unless_names_are_asked_for(root: Path) -> None:
    (people,) = root.glob("credits/*/*/people.json")
    people.write_text(json.dumps({"u-2": {"name": "Ana Rojas", "email": "ana@example.com"}}))
    assert set(pick(load(root).by("user"), "user", "flex_credits")) == {
        (None, None),
        ("user 7", None),
        (f"key {mask_key('3f1c', root)}", None),
        (call_person("u-2", root), Decimal("10.00")),
        (call_person("u-1", root), Decimal("2.50")),
    }
    assert ("Ana Rojas", Decimal("10.00")) in pick(load(root, names=True).by("user"), "user", "flex_credits")
    assert "u-2" not in load(root).credits.frame().to_string()


def test_several_months_are_one_and_those_that_are_not_stored_are_named(root: Path) -> None:
    store(root, "ledger", OCTOBER, call("d", "2025-10-05", "1"))
    months = load(root, "2025-08", "2025-10")
    assert (months.state, months.missing[0]) == (State.GAP, "Nothing of 2025-08 is stored.")
    assert pick(months.by("month"), "month", "usd") == [
        (datetime(2025, 9, 1), Decimal("3.01")),
        (datetime(2025, 10, 1), Decimal(1)),
    ]


def test_nothing_stored_says_which_command_stores_it(tmp_path: Path) -> None:
    with pytest.raises(
        SnapshotMissing,
        match="Nothing of 2025-09 is stored in .*Run: flexlib fetch --year 2025 --month 9, flexlib close",
    ):
        load(tmp_path)
    with pytest.raises(SnapshotMissing, match="Nothing of 2025-08-01 to 2025-09-30 is stored"):
        load(tmp_path, "2025-08", "2025-09")
    with pytest.raises(BadMonth, match="'September' is not a month; write it as 2025-09"):
        load(tmp_path, "September")


def test_days_are_those_of_the_zone(root: Path) -> None:
    store(root, "ledger", OCTOBER, call("d", "2025-10-01T02:00:00", "4"))  # the evening of 30 September in Santiago
    store(root, "ledger", AUGUST, call("e", "2025-08-01", "8"))
    calls = load(root, zone="America/Santiago").by("day", "source")
    assert (datetime(2025, 9, 30), "ledger", Decimal(4)) in pick(calls, "day", "source", "usd")


def test_rows_are_a_relation_and_stay_exact_in_pandas(root: Path) -> None:
    calls = load(root).calls.filter("provider = 'openai'").order("id")
    assert calls.frame()["amount_in_usd"].tolist() == [CENT, None, Decimal("2.5")]
    assert calls.df()["amount_in_usd"].tolist() == [CENT, None, Decimal("2.5")]
    assert calls.relation.df()["amount_in_usd"].dtype == float  # what DuckDB itself would give
    assert len(load(root).credits.frame()) == 2


def test_the_stored_months_are_listed_with_their_state(root: Path) -> None:
    store(root, "import", AUGUST, call("z", "2025-08-05"))
    rows = list_stored_months(root)
    assert pick(rows, "month", "credits", "usage", "state") == [
        ("2025-08", "", "import", "COMPLETE"),
        ("2025-09", "windsurf", "ledger", "GAP"),  # of the files that had begun in August nothing is stored
    ]
    assert rows["read_at"].tolist() == [datetime(2025, 12, 1)] * 2


def read_columns(axes: Axes) -> dict[float, float]:
    """The height of all that is stacked at each place."""
    heights: dict[float, float] = {}
    for bar in axes.patches:
        assert isinstance(bar, Rectangle)
        place = round(bar.get_x() + bar.get_width() / 2, 3)
        heights[place] = round(heights.get(place, 0) + bar.get_height(), 6)
    return heights


def test_a_chart_of_two_months_has_a_place_for_each_of_their_days(root: Path) -> None:
    store(root, "ledger", OCTOBER, call("d", "2025-10-02", "4"))
    chart = load(root, "2025-09", "2025-10").by("day", "source").plot("usd", title="Mine", name="mine")
    (axes,) = chart.figure.axes
    # 1 and 2 September are the first two of 61 days, 2 October is the 32nd.
    assert read_columns(axes) == {1: 0.01, 2: 3.0, 32: 4.0}
    assert (chart.title, chart.name, repr(chart)) == ("Mine", "mine", "<chart mine>")


def test_a_chart_of_months_has_a_column_for_each_and_a_gap_for_one_that_is_missing(root: Path) -> None:
    store(root, "ledger", Month(2025, 11), call("d", "2025-11-02", "4"))
    (axes,) = load(root, "2025-09", "2025-11").by("month").plot().figure.axes
    assert read_columns(axes) == {0: 3.01, 2: 4.0}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Sep 2025", "Oct 2025", "Nov 2025"]


def test_a_chart_without_time_has_a_bar_for_each_the_largest_first(root: Path) -> None:
    (axes,) = load(root).by("source").plot("usd").figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ledger", "windsurf"]
    assert [round(bar.get_width(), 6) for bar in axes.patches if isinstance(bar, Rectangle)] == [2.51, 0.5]


def test_small_labels_are_one_and_nothing_of_them_is_lost(tmp_path: Path) -> None:
    calls = [call(str(n), "2025-09-01", str(n + 1), model=f"m{n}") for n in range(9)]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    chart = load(tmp_path).by("day", "model").plot()
    assert [text for text, _ in chart.legend] == ["m8", "m7", "m6", "m5", "m4", "m3", "Other"]
    assert read_columns(chart.figure.axes[0]) == {1: sum(range(1, 10))}


@pytest.mark.parametrize(
    ("keys", "unit", "sentence"),
    [
        (["source"], "euros", "'euros' cannot be drawn of this table; it has usd"),
        (["day", "model", "source"], None, "room for one key beside day or month, not for model and source"),
    ],
)
def test_what_cannot_be_drawn_is_refused(root: Path, keys: list[str], unit: str | None, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        load(root).by(*keys).plot(unit)


def test_a_part_of_a_table_can_be_drawn_too(root: Path) -> None:
    table = load(root).by("day", "source")
    part = table[table["source"] == "ledger"]
    assert read_columns(part.plot("usd").figure.axes[0]) == {1: 0.01, 2: 2.5}


def test_a_table_that_has_lost_its_keys_is_refused(root: Path) -> None:
    table = load(root).by("day", "source")
    for lost in (table[["usd"]], SpendTable(table)):
        with pytest.raises(InvalidRequest, match="has a chart; sum by other keys"):
            lost.plot()


def test_one_month_alone_is_one_column(root: Path) -> None:
    assert read_columns(load(root).by("month").plot().figure.axes[0]) == {0: 3.01}


def test_what_the_totals_lack_is_said_in_sentences(root: Path) -> None:
    assert load(root).missing == (
        "1 call without a price: not in the total in US$.",
        "56 calls without pesos: not in the total in CLP.",
    )


def test_a_total_of_tokens_that_nobody_reports_is_none(tmp_path: Path) -> None:
    store_credits(tmp_path, (2, "u-1", "claude-sonnet-4", 100, 250))
    assert (load(tmp_path).total("total_tokens"), load(tmp_path).total("requests")) == (None, 1)


def test_an_analysts_own_cell_shows_the_pseudonyms_of_the_page(tmp_path: Path) -> None:
    september = [(2, "u-1", "gpt-4", 0, 250), (2, "u-2", "gpt-4", 0, 1000), (3, "u-9", "gpt-4", 0, 500)]
    store_month(tmp_path, september, unmapped_keys=1, unmapped_users=("u-9",))
    store_month(tmp_path, [(2, "u-1", "gpt-4", 0, 100), (2, "u-3", "gpt-4", 0, 700)], month=AUGUST)
    month = load(tmp_path)
    rows, before = month.windsurf.frame, month.windsurf_before
    one, two, three, nine = (call_person(f"u-{number}", tmp_path) for number in (1, 2, 3, 9))
    assert rows.groupby("user")["flex_credits"].sum().to_dict() == {two: 1000, one: 250, nine: 500}
    assert before is not None
    assert before.frame.groupby("user")["flex_credits"].sum().to_dict() == {three: 700, one: 100}
    certificate = month.windsurf.certificate
    assert isinstance(certificate, CreditsCertificate)
    top = top_users(credits_by_user(rows), certificate)
    assert pick(top, "person", "people", "flex_credits") == [
        (two, 1, 1000), (one, 1, 250), ("Not on the list of people", 1, 500),
    ]  # fmt: skip


def test_neither_the_relation_nor_the_certificate_has_a_key_of_a_user_nor_is_the_file_given(tmp_path: Path) -> None:
    differs = Check("differs", figures={"differing_users": ["u-2", "u-8"], "flex_credits_alone": 1})
    september = [(2, "u-1", "gpt-4", 0, 250), (2, "u-2", "gpt-4", 0, 1000)]
    store_month(tmp_path, september, users_failed=2, failed_users=("u-1", "u-7"), cross_check=differs)
    hidden = load(tmp_path).windsurf
    sums = dict(hidden.relation.aggregate('"user", sum(flex_credits)::BIGINT').fetchall())
    one, two, seven, eight = (call_person(f"u-{number}", tmp_path) for number in (1, 2, 7, 8))
    assert sums == {two: 1000, one: 250}
    certificate = hidden.certificate
    assert isinstance(certificate, CreditsCertificate)
    assert certificate.failed_users == (one, seven)
    assert certificate.cross_check.figures["differing_users"] == [two, eight]
    assert "u-" not in certificate.to_json()
    assert load(tmp_path).certificates == (certificate,)
    assert '"u-7"' in load(tmp_path, names=True).certificates[0].to_json()
    with pytest.raises(InvalidRequest, match="names=True"):
        _ = hidden.parquet
    assert load(tmp_path, names=True).windsurf.parquet.exists()


def list_reachable(value: object, seen: dict[int, object]) -> Iterator[str]:
    """The text of all that can be reached from `value` by public attributes and by going through what holds others."""
    if id(value) in seen or isinstance(value, Month | Span):
        return
    seen[id(value)] = value  # kept, so that its number is no other's
    if isinstance(value, pd.DataFrame):
        yield value.to_csv()
    elif isinstance(value, Rows):
        yield from (value.frame().to_csv(), repr(value.fetchall()))
    elif isinstance(value, duckdb.DuckDBPyRelation):
        yield repr(value.fetchall())
    elif isinstance(value, Mapping | list | tuple | set | frozenset):
        for one in [*value, *(value.values() if isinstance(value, Mapping) else [])]:
            yield from list_reachable(one, seen)
    elif type(value).__module__.startswith("flexlib") and not isinstance(value, Enum):
        for name in dir(value):
            try:
                found: Any = None if name.startswith("_") else getattr(value, name)
                yield from list_reachable(found() if name in ("list_problems", "to_json") else found, seen)
            except InvalidRequest:
                continue
    yield repr(value)


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_nothing_that_can_be_reached_without_names_has_a_raw_key(tmp_path: Path, zone: str) -> None:
    differs = Check("differs", figures={"differing_users": ["raw-2", "raw-8"], "flex_credits_alone": 1})
    keys = {"usable_type": "key", "usable_key": "raw-4"}
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        rows = [(2, "raw-1", "gpt-4", 0, 250), (2, "raw-2", "gpt-4", 0, 1000)]
        store_month(tmp_path, rows, month=month, users_failed=1, failed_users=("raw-7",), cross_check=differs)
        store(tmp_path, "ledger", month, call(f"{month}", f"{month}-05T10:00:00", **keys))
    bill = tmp_path / "bill.csv"
    bill.write_text("day,usd,key\n2025-08-05,1,raw-5\n2025-09-05,2,raw-5\n")
    charges = ChargeMapping(period_start="day", amount="usd", provider="openai", currency="USD", key="key")
    ingest_charges([bill], charges, tmp_path)
    names = {"snapshots", "loaded", "before", "of_bills", "windsurf", "windsurf_before", "certificates", "calls"}
    for shows_names in (False, True):
        spend = load(tmp_path, zone=zone, names=shows_names)
        texts = [*list_reachable(spend, {}), repr(spend.by("user")), repr(spend.by("usable_key"))]
        assert [text[:300] for text in texts if "raw-" in text and not shows_names] == []
        assert ({"raw-1", "raw-4", "raw-5", "raw-7"} <= {*re.findall(r"raw-\d", " ".join(texts))}) is shows_names
        assert names - {*dir(spend), *dir(spend.loaded[0])} == set()
    (usage,) = load(tmp_path, zone=zone).loaded
    masked = f"key {mask_key('raw-4', tmp_path)}"
    table = table_spend_by_usable(usage_by_usable(usage.calls))
    assert masked in str(table.rows)  # one pseudonym, on the page as in a sum of one's own
    assert masked in load(tmp_path, zone=zone).by("user")["user"].to_list()
    assert sha256(b"raw-4").hexdigest()[:8] not in masked  # who guesses a key cannot try it
    (tmp_path / FILE).unlink()
    assert masked not in load(tmp_path, zone=zone).by("user")["user"].to_list()


def test_what_is_hidden_holds_no_key_in_anything_that_can_be_looked_into(tmp_path: Path) -> None:
    """Its fields, and what was read of them: an analyst's own cell may show any of them."""
    key = "key-SECRET"
    store_credits(tmp_path, (2, key, "claude-sonnet-4", 100, 250))
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-01T10:00:00", "0.01"))
    spend = load(tmp_path)
    hidden = [*spend.loaded, *(one.of_bills for one in spend.loaded), spend.windsurf]
    snapshots = [one for month in spend.loaded for one in month.snapshots]
    for one in snapshots:
        assert key not in f"{one.frame}{one.relation}"
    dtypes = load(tmp_path, names=True).windsurf.frame.dtypes
    assert spend.windsurf.frame.dtypes.equals(dtypes)  # whether names are shown changes no amount's kind

    seen = dict[int, object]()

    def look(thing: object) -> None:
        if id(thing) in seen:
            return
        seen[id(thing)] = thing
        if isinstance(thing, Mapping):
            parts: list[object] = [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            parts = [*thing]
        else:
            parts = [*vars(thing).values()] if is_dataclass(thing) else []
        for part in parts:
            look(part)

    look(hidden)
    assert [one for one in seen.values() if isinstance(one, Snapshot) and one.shows_people] == []
    assert [one for one in seen.values() if key in str(one)] == []


def test_a_person_has_one_pseudonym_in_every_month_that_is_loaded_and_in_their_sums(tmp_path: Path) -> None:
    store_month(tmp_path, [(2, "u-1", "gpt-4", 0, 300), (2, "u-2", "gpt-4", 0, 100)], month=AUGUST)
    rows = [(2, "u-2", "gpt-4", 0, 900), (2, "u-1", "gpt-4", 0, 50), (3, "u-9", "gpt-4", 0, 5)]
    store_month(tmp_path, rows, unmapped_users=("u-9",))
    spend = load(tmp_path, "2025-08", "2025-09")
    sums = [dict(zip(one["user"], one["flex_credits"], strict=True))
            for one in (month.snapshots[0].frame for month in spend.loaded)]  # fmt: skip
    one, two, nine = (call_person(f"u-{number}", tmp_path) for number in (1, 2, 9))
    assert sums == [{two: 100, one: 300}, {two: 900, one: 50, nine: 5}]
    assert pick(spend.by("user"), "user", "flex_credits") == [
        (two, Decimal("10.00")), (one, Decimal("3.50")), ("Not on the list of people", Decimal("0.05")),
    ]  # fmt: skip
    # The month before the last and Windsurf's credits are those of `loaded`, and so are their names.
    assert spend.before.usage is not None
    assert spend.windsurf_before is not None
    beside = (spend.before.usage.snapshots[0], spend.windsurf_before, spend.windsurf)
    frames = (one.frame for one in beside)
    assert [dict(zip(one["user"], one["flex_credits"], strict=True)) for one in frames] == [sums[0], sums[0], sums[1]]


def test_who_failed_without_rows_has_one_pseudonym_and_nobody_else_has_it(tmp_path: Path) -> None:
    for month, failed in ((AUGUST, "u-7"), (SEPTEMBER, "u-6"), (OCTOBER, "u-7")):
        store_month(tmp_path, [(2, "u-1", "gpt-4", 0, 300)], month=month, users_failed=1, failed_users=(failed,))
    spend = load(tmp_path, "2025-09", "2025-10")
    credits_before = load(tmp_path, "2025-09").windsurf_before
    read = [*spend.certificates, spend.windsurf_before and spend.windsurf_before.certificate,
            credits_before and credits_before.certificate]  # fmt: skip
    failed_users = [one.failed_users for one in read if isinstance(one, CreditsCertificate)]
    six, seven = (call_person(f"u-{number}", tmp_path) for number in (6, 7))
    assert failed_users == [(six,), (seven,), (six,), (seven,)]


def test_the_month_that_bills_are_of_is_read_only_where_bills_are_and_only_when_asked_for(tmp_path: Path) -> None:
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        store_month(tmp_path, [(2, "raw-1", "gpt-4", 0, 250)], month=month)
    (usage,) = load(tmp_path, zone="America/Santiago").loaded
    assert (usage.state, usage.list_problems()) == (State.COMPLETE, [])
    assert "of_bills" not in vars(usage)
    assert usage.of_bills.zone == "UTC"
    assert usage.of_bills.snapshots[0].frame["user"].to_list() == [call_person("raw-1", tmp_path)]


def test_names_and_keys_of_people_are_nowhere_unless_asked_for(root: Path) -> None:
    (people,) = root.glob("credits/*/*/people.json")
    people.write_text(json.dumps({"u-2": {"name": "Ana Rojas", "email": "ana@example.com"}}))
    month = load(root)
    assert (month.people, month.windsurf.people) == (None, {})
    assert "3f1c" not in month.calls.frame().to_string() + month.by("usable_key").to_string()
    assert load(root, names=True).windsurf.people["u-2"]["name"] == "Ana Rojas"
    assert load(root, names=True).windsurf.frame["user"].tolist() == ["u-1", "u-2"]
    assert "key 3f1c" in load(root, names=True).by("user")["user"].tolist()


def test_rows_of_credits_are_in_credits(root: Path) -> None:
    assert sorted(load(root).credits.frame()["flex_credits"]) == [Decimal("2.50"), Decimal("10.00")]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("modle", "no row has 'modle', nor its metadata; sum by day, month"),
        ("usd", "'usd' is what is summed, not what it can be summed by"),
        ("id", "no row has 'id', nor its metadata"),
        ("department", r"no row has a department: neither the organization's file \(--roster FILE or"),
        (("day", "model"), "is not a key; name each by itself, such as by"),
        ("", "'' is not a key"),
    ],
)
def test_a_key_that_is_none_is_refused(root: Path, key: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        load(root).by(key)


def test_rows_can_be_copied(root: Path) -> None:
    calls = load(root).calls
    assert copy.copy(calls).frame().equals(calls.frame())


def test_a_chart_is_saved_as_a_page_where_no_notebook_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(Path(__file__).parents[1] / "data" / "fixture"))
    file = fl.load("2025-09").by("day", "model").plot(title="Mine").save(tmp_path / "days.html")
    page = file.read_text("utf-8")
    assert "<h1>Mine</h1>" in page
    assert page.count("<svg") == 2
    assert page.index(f'http-equiv="Content-Security-Policy" content="{POLICY}"') < page.index("<style")


def test_a_whole_month_without_a_row_came_to_nothing_and_one_that_is_not_whole_to_nobody_knows_what(
    tmp_path: Path,
) -> None:
    store_credits(tmp_path)
    empty = load_spend("2025-09", None, tmp_path, zone="UTC", names=False)
    assert [empty.total(unit) for unit in ("usd", "clp", "flex_credits", "requests")] == [0, 0, 0, 0]
    with_absent = load_spend("2025-08", "2025-09", tmp_path, zone="UTC", names=False)
    assert [with_absent.total(unit) for unit in ("usd", "flex_credits")] == [None, None]


def test_a_sum_by_person_makes_neither_the_ids_of_credits_nor_their_metadata(root: Path) -> None:
    """Of a large company these are millions of texts, by which its credits were once joined with who spent them."""
    plan = load(root)._rows.aggregate('"user", sum(flex_credits), sum(amount_in_usd)', '"user"').explain()
    assert "spender" in plan
    assert not {"id", "row_id", "metadata"} & {*re.findall(r"\w+", plan)}


def test_the_rows_of_credits_are_made_in_the_order_of_time(tmp_path: Path) -> None:
    store_credits(tmp_path, *((day, user, "x", 0, 100) for day in (1, 2, 3) for user in "abcdefgh"))
    days = load(tmp_path).credits.frame()["date"]
    assert [*days] == sorted(days)
