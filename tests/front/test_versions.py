"""Two stored versions of one month: each reason why the sum is another one is a part of its own, and they add up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

import flexlib as fl
from flexlib.analysis import compare_usage
from flexlib.cli.main import main
from flexlib.errors import InvalidRequest
from flexlib.front.compare import Comparison
from flexlib.front.spend import Spend
from flexlib.front.versions import compare_named, compare_versions
from flexlib.page.compare import heading_for_parts, plot_parts, show_compare_headlines, show_compare_title
from flexlib.tables.compare import table_parts, table_people

OLD: dict[str, Any] = {"price_source": "list", "price_date": date(2025, 1, 1), "fx_rate": Decimal(900)}
NEW_LIST: dict[str, Any] = OLD | {"price_date": date(2025, 9, 1)}
NEW_RATE: dict[str, Any] = {"fx_rate": Decimal(1000)}


def row(name: str, usd: str | None, tokens: int = 100, user: int = 7, **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    said = OLD | {"prompt_tokens": tokens, "total_tokens": tokens} | columns
    pesos = None if usd is None else Decimal(usd) * said["fx_rate"]
    return call(name, "2025-09-05T10:00:00", usd, amount_in_clp=pesos, usable_type="user", usable_id=user, **said)


def list_parts(made: Comparison) -> dict[str, Decimal]:
    return {name: part.normalize() for name, part in made.change.sum_parts().items() if part}


BEFORE = [row("same", "10"), row("dearer", "10"), row("grown", "10"), row("gone", "5"), row("unpriced", None)]
AFTER = [
    row("same", "10"),
    row("dearer", "12", **NEW_LIST | NEW_RATE),
    row("grown", "30", 200, **NEW_LIST),  # twice the tokens, each half as dear again
    row("late", "7"),
    row("unpriced", "1", **NEW_LIST),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store(tmp_path, "import", SEPTEMBER, *BEFORE)
    store(tmp_path, "import", SEPTEMBER, *AFTER)
    return tmp_path


@pytest.mark.parametrize(
    ("of", "difference", "parts"),
    [
        # grown: 100 tokens more at the mean of 0.10 and 0.15 are 12.50, 0.05 more of a mean of 150 tokens 7.50.
        ("usd", 25, {"new": 7, "gone": -5, "restated": 12.5, "price": 2 + 7.5 + 1}),
        # dearer: US$ 2 at the mean rate of 950 are 1,900, and 100 pesos more for each of a mean of US$ 11 are 1,100.
        ("clp", 23800, {"new": 6300, "gone": -4500, "restated": 11250, "price": 1900 + 6750 + 900, "rate": 1100}),
    ],
)
def test_late_rows_restatements_a_price_list_and_a_rate_are_each_their_own_part(
    of: str, difference: int, parts: Mapping[str, float], root: Path
) -> None:
    if of == "clp":
        difference -= 100  # the call that had no price is converted at 900
    made = compare_versions(SEPTEMBER, 1, None, root, of=of)
    assert made.change.difference == difference
    assert list_parts(made) == parts
    assert made.change.people == {"new": 1, "gone": 1, "restated": 1, "price": 3, "rate": int(of == "clp")}
    assert (made.versions, made.lacking) == ((1, 2), (True, False))
    assert any(text.startswith("Version 1: 1 call without") for text in made.missing)
    back = compare_versions(SEPTEMBER, 2, 1, root, of=of).change.sum_parts()
    swapped = {"new": "gone", "gone": "new"}
    assert {name: -back[swapped.get(name, name)] for name in back} == made.change.sum_parts()


def test_rows_that_only_the_rate_moved_count_as_such_beside_one_of_the_same_user_and_model_that_was_restated(
    tmp_path: Path,
) -> None:
    store(tmp_path, "import", SEPTEMBER, row("a", "10"), row("b", "10"), row("c", "10"))
    store(tmp_path, "import", SEPTEMBER, *(row(*one, **NEW_RATE) for one in (("a", "12"), ("b", "10"), ("c", "10"))))
    change = compare_versions(SEPTEMBER, 1, None, tmp_path, of="clp").change
    # 2 more at the mean rate of 950, and 100 pesos more for each of 20 and of a mean of 11.
    assert {name: part for name, part in change.sum_parts().items() if part} == {"restated": 1900, "rate": 3100}
    assert (change.people["restated"], change.people["rate"]) == (1, 3)


@pytest.mark.parametrize("of", ["usd", "clp"])
def test_rows_that_an_analyst_brings_in_pandas_or_duckdb_are_taken_apart_alike(of: str, root: Path) -> None:
    one, other = (Spend(SEPTEMBER.span, "UTC", (SEPTEMBER,), root, version=version).calls for version in (1, 2))
    made = compare_versions(SEPTEMBER, 1, 2, root, of=of).change
    for change in (
        compare_usage(one.relation, other.relation, of),
        compare_usage(one.frame(), other.frame(), of),
    ):
        assert change.sum_parts() == made.sum_parts()
        assert change.people == made.people
        assert [sum(parts.values()) for parts in change.sum_by_model().values()] == [made.difference]
    with pytest.raises(InvalidRequest, match="'CLP' is not a unit of usage; compare it in usd, clp"):
        compare_usage(one.relation, other.relation, "CLP")
    with pytest.raises(InvalidRequest, match="the frame lacks the column tier"):
        compare_usage(one.relation, other.relation.project("* EXCLUDE (tier)"), of)


def test_rows_of_two_sources_are_the_same_by_source_and_id(tmp_path: Path) -> None:
    """The ledger's `a` is another call than the import's."""
    store(tmp_path, "import", SEPTEMBER, row("a", "7"), row("b", "2"))
    imported = Spend(SEPTEMBER.span, "UTC", (SEPTEMBER,), tmp_path).calls.relation
    recorded = imported.filter("id = 'a'").project(
        "* REPLACE ('ledger' AS source, 1::DECIMAL(20, 10) AS amount_in_usd)"
    )
    both = recorded.union(imported)
    change = compare_usage(recorded, both)
    assert change.difference == change.sum_parts()["new"] == 9
    with pytest.raises(InvalidRequest, match="the id a stands twice in one version"):
        compare_usage(both.project("* EXCLUDE (source)"), both)


def test_credits_that_were_restated_and_a_row_that_another_has_now(tmp_path: Path) -> None:
    store_credits(tmp_path, (1, "u1", "m", 0, 200), (2, "u1", "m", 0, 300))
    store_credits(tmp_path, (1, "u1", "m", 0, 450), (2, "u2", "m", 0, 300))
    store(tmp_path, "import", SEPTEMBER, *BEFORE)
    made = compare_versions(SEPTEMBER, 1, 3, tmp_path)
    assert made.change.people == {"new": 1, "gone": 1, "restated": 1, "price": 0, "rate": 0}  # calls have no credits
    assert list_parts(made) == {"new": 3, "gone": -3, "restated": Decimal("2.5")}
    assert [sum(parts.values()) for parts in made.change.sum_by_person().values()] == [3, Decimal("-0.5")]


def test_a_version_that_lacks_a_source_which_the_month_has_now_is_at_least_and_the_source_is_named(
    tmp_path: Path,
) -> None:
    store_credits(tmp_path, (1, "u1", "m", 0, 200))
    store(tmp_path, "import", SEPTEMBER, *AFTER)
    made = compare_versions(SEPTEMBER, 1, None, tmp_path, of="usd")
    said = (
        "Version 1 has nothing of imported files, which was stored later: what it held then is not known, and is not "
        "zero."
    )
    assert (made.lacking, made.missing) == ((True, False), (said,))
    assert compare_versions(SEPTEMBER, 2, 1, tmp_path, of="usd").lacking == (False, True)
    made = compare_versions(SEPTEMBER, 1, None, tmp_path)
    assert (made.lacking, made.missing) == ((False, False), ())  # imported calls have no credits
    store(tmp_path, "ledger", SEPTEMBER, row("z", "1"))
    both = compare_versions(SEPTEMBER, 1, 2, tmp_path, of="usd")
    assert both.lacking == (True, True)  # neither is the newest, which has the ledger, too
    assert said in both.missing


def test_credits_that_a_version_lacks_are_named(tmp_path: Path) -> None:
    store(tmp_path, "import", SEPTEMBER, *AFTER)
    store_credits(tmp_path, (1, "u1", "m", 0, 200))
    for of in ("credits", "usd"):
        made = compare_versions(SEPTEMBER, 1, None, tmp_path, of=of)
        assert made.lacking == (True, False)
        assert made.missing[0].startswith("Version 1 has nothing of Windsurf, which was stored later: "), made.missing


def test_what_is_left_after_a_refund_tells_no_rate_of_a_version(tmp_path: Path) -> None:
    """US$ 5 at 900 and 4.99 back at 1,000, by a file that says no rate, each with twice the tokens and another price
    list later: 5 to 12 are 5.50 and 1.50 at 900, and -4.99 to -5 are -3.745 and 3.735 at 1,000."""
    for tokens, listed, *rows in ((100, OLD, ("a", "5", 900), ("b", "-4.99", 1000)),
                                  (200, NEW_LIST, ("a", "12", 900), ("b", "-5", 1000))):  # fmt: skip
        calls = [row(name, usd, tokens, **listed | {"fx_rate": Decimal(rate)}) for name, usd, rate in rows]
        store(tmp_path, "import", SEPTEMBER, *(one | {"fx_rate": None} for one in calls))
    parts = list_parts(compare_versions(SEPTEMBER, 1, 2, tmp_path, of="clp"))
    assert parts == {"restated": 4950 - 3745, "price": 1350 + 3735}


def test_a_shell_names_versions_and_is_told_which_there_are(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    assert main(["compare", "2025-09@1", "2025-09@2", "--of", "usd", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["before"], said["after"], said["difference"]) == ("2025-09@1", "2025-09@2", "25")
    assert said["rows"] == {"new": 1, "gone": 1, "restated": 1, "price": 3, "rate": 0}
    assert main(["compare", "2025-09@1", "2025-09", "--of", "usd"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "Version 2 of September 2025 against version 1 in US$: " + (
        "60.00, and at least 35.00 before; what is known differs by +25.00"
    )
    assert [line.split() for line in shown[1:5]] == [
        ["1", "late", "row", "+7.00"],
        ["1", "row", "withdrawn", "-5.00"],
        ["1", "row", "restated", "+12.50"],
        ["A", "new", "price", "list", "(3", "rows)", "+10.50"],
    ]
    assert main(["compare", "2025-09@1", "2025-09@3"]) != 0
    assert "flexlib: 2025-09 has no version 3; those stored are 1 of 20" in capsys.readouterr().err
    assert main(["compare", "2025-08@1", "2025-09"]) != 0
    assert "versions are of one month" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", "2025-09@0", "2025-09"])
    assert "'2025-09@0' is no version of a month; write 2025-09@1" in capsys.readouterr().err


def test_a_page_shows_versions(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    made = compare_named("2025-09@1", fl.load("2025-09"), "usd")
    assert "Version 2 of September 2025 vs version 1" in show_compare_title(made).text
    assert "Late rows" in show_compare_headlines(made).text
    assert heading_for_parts(made).heading == "1 row restated moved most: +12.50"
    assert [one["part"] for one in table_parts(made.change, "usd").rows][-1] == "A new price list (3 rows)"
    headings = [column.heading for column in table_people(made.change, "usd", 5).columns]
    assert headings == ["People", "US$", "Late, or withdrawn", "Price", "Restated"]
    assert "Late rows +7.00" in plot_parts(made).description
    with pytest.raises(InvalidRequest, match="compare it with that month"):
        compare_named(f"{AUGUST}@1", fl.load("2025-09"), "usd")


ROWS = st.dictionaries(
    st.integers(0, 4),
    st.tuples(st.none() | st.integers(0, 50), st.integers(0, 3), st.sampled_from([7, 8]), st.booleans(), st.booleans()),
    max_size=5,
)


@pytest.mark.parametrize("of", ["usd", "clp"])
@given(versions=st.tuples(ROWS, ROWS))
@settings(max_examples=12, deadline=None)
def test_the_parts_of_two_versions_sum_to_the_difference_and_the_other_way_round_to_its_opposite(
    of: str, versions: tuple[dict[int, tuple[int | None, int, int, bool, bool]], ...]
) -> None:
    sums = []
    with TemporaryDirectory() as folder:
        for rows in versions:
            built = [row("always", "3")]
            for name, (usd, tokens, user, has_list, has_rate) in rows.items():
                said = (NEW_LIST if has_list else {}) | (NEW_RATE if has_rate else {})
                built.append(row(str(name), None if usd is None else f"{usd}.37", tokens, user, **said))
            store(Path(folder), "import", SEPTEMBER, *built)
            column = "amount_in_usd" if of == "usd" else "amount_in_clp"
            sums.append(sum(one[column] for one in built if one[column] is not None))
        there, back = (compare_versions(SEPTEMBER, *pair, Path(folder), of=of).change for pair in ((1, 2), (2, 1)))
    assert there.difference == sums[1] - sums[0]
    for level in ([there.sum_parts()], there.sum_by_person().values(), there.sum_by_model().values()):
        assert sum(sum(parts.values()) for parts in level) == there.difference
    swapped = {"new": "gone", "gone": "new"}
    assert {name: -part for name, part in back.sum_parts().items()} == {
        name: there.sum_parts()[swapped.get(name, name)] for name in there.names
    }


@pytest.mark.parametrize("pair", [(1, 2), (2, 1)])
def test_a_version_of_which_no_amount_is_known_is_refused_and_not_taken_for_zero(
    pair: tuple[int, int], tmp_path: Path
) -> None:
    store(tmp_path, "import", SEPTEMBER, row("a", "5"), row("b", "7"))
    store(tmp_path, "import", SEPTEMBER, row("a", None), row("b", None), row("free", "0"))
    said = r"2025-09@2 has no US\$[.]$"  # nor has it any other amount
    with pytest.raises(InvalidRequest, match=said):
        compare_versions(SEPTEMBER, *pair, tmp_path, of="usd")
