"""Lines of a bill that could not be taken are forgotten only where the newer bills have as many of their days."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from spend_samples import ingest_charges

from flexlib.certificate import State
from flexlib.errors import BadParameter
from flexlib.ingest.charges.importing import ChargesImport
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.registry import BILLS
from flexlib.store.snapshots import find_snapshot

OLD = "05-01,a,1", "05-05,b,oops"
MAPPING = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="who")


def bring(
    root: Path,
    files: Mapping[str, tuple[str, ...]],
    *,
    agrees: bool = False,
    **options: Any,  # noqa: ANN401
) -> list[ChargesImport]:
    """The files imported in one command: each row is a day of 2025, an item, an amount, and who bills it (OpenAI).
    `agrees`: to whatever is asked."""
    for name, rows in files.items():
        lines = (row if row.count(",") == 3 else f"{row},openai" for row in rows)
        (root / name).write_text("\n".join(["day,item,usd,who", *(f"2025-{line}" for line in lines), ""]), "utf-8")
    return ingest_charges([root / name for name in files], MAPPING, root / "data", drops_others=agrees, **options)


@pytest.mark.parametrize(
    ("new", "is_asked"),
    [
        (("05-01,a,1", "05-09,c,3"), True),  # as many in all, none of the 5th
        (("05-01,a,1", "05-04,b,2", "05-06,b,2", "05-09,c,3"), True),
        (("05-01,a,1", "05-05,b,2"), False),
        (("05-01,a,1", "05-05,b,still oops"), False),  # still held, so not forgotten
        (("05-05,b,2",), True),  # fewer in all
    ],
)
@pytest.mark.parametrize("how", ["stored", "in one command"])
def test_superseding_a_bill_asks_where_the_newer_one_has_fewer_lines_of_the_day_of_one_that_could_not_be_taken(
    tmp_path: Path, how: str, new: tuple[str, ...], *, is_asked: bool
) -> None:
    older = {"old.csv": ("05-01,a,0", OLD[1])}
    if how == "stored":
        (found,) = bring(tmp_path, older)
        assert (found.certificate.state, found.certificate.files[0]["held_days"]) == (State.GAP, {"2025-05-05": 1})
    given = {"new.csv": new} if how == "stored" else {**older, "new.csv": new}
    if is_asked:
        with pytest.raises(BadParameter, match=r"this would drop 1 row of old\.csv that could not be taken"):
            bring(tmp_path, given, supersedes=("old.csv",))
        (kept,) = bring(tmp_path, older)
        assert kept.certificate.state is State.GAP
    else:
        (found,) = bring(tmp_path, given, supersedes=("old.csv",))
        assert [one["name"] for one in found.certificate.files] == ["new.csv"]


HELD = "05-05,b,oops", "05-06,b,oops", "06-05,b,oops", "06-06,b,oops"


@pytest.mark.parametrize("more", [("05-09,c,3", "06-09,c,3"), ("05-05,b,2", "05-06,b,2", "06-05,b,2", "06-06,b,2"), ()])
@pytest.mark.parametrize(("has_days", "how"), [(True, "supersedes"), (False, "supersedes"), (False, "replaces")])
def test_a_bill_of_a_version_that_kept_no_days_of_its_held_lines_is_asked_about_whatever_the_newer_one_has(
    tmp_path: Path, more: tuple[str, ...], how: str, *, has_days: bool
) -> None:
    taken = "05-01,a,1", "06-01,a,1"
    for certificate in [one.certificate for one in bring(tmp_path, {"old.csv": (*taken, *HELD)})]:
        assert certificate.files[0].pop("held_days") == {f"{certificate.month}-0{day}": 1 for day in (5, 6)}
        stored = find_snapshot(BILLS.dataset, certificate.month, tmp_path / "data", BILLS.name)
        assert stored is not None
        if not has_days:
            (stored.path / "certificate.json").write_text(certificate.to_json(), "utf-8")
    options: dict[str, Any] = {"replace_months": True} if how == "replaces" else {"supersedes": ("old.csv",)}
    given = {"old.csv" if how == "replaces" else "new.csv": (*taken, *more)}
    said = "would drop 4 rows of old.csv" if has_days else "would drop rows of old.csv .* which days they are"
    if has_days and len(more) == 4:
        assert [one.certificate.state for one in bring(tmp_path, given, **options)] == [State.COMPLETE] * 2
        return
    with pytest.raises(BadParameter, match=said):
        bring(tmp_path, given, **options)
    assert [one.certificate.state for one in bring(tmp_path, given, agrees=True, **options)] == [State.COMPLETE] * 2


@pytest.mark.parametrize(
    ("new", "is_asked"),
    [
        (("05-01,a,1",), True),
        (("05-01,a,1", "05-09,c,3"), True),
        (("05-01,a,1", "05-05,b,2"), False),
        (("05-01,a,1", "05-05,b,still oops"), False),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"more.csv": ("05-05,x,7",)}])
def test_replacing_a_month_asks_where_the_bill_of_the_same_name_has_fewer_lines_of_the_day_of_one_not_taken(
    tmp_path: Path, beside: dict[str, tuple[str, ...]], new: tuple[str, ...], *, is_asked: bool
) -> None:
    (found,) = bring(tmp_path, {"old.csv": OLD, **beside}, distinct=bool(beside))
    assert found.certificate.state is State.GAP
    options: dict[str, Any] = {"replace_months": True, "distinct": bool(beside)}
    if is_asked:
        with pytest.raises(BadParameter, match=r"^this would drop 1 row of old\.csv that could not be taken, and"):
            bring(tmp_path, {"old.csv": new, **beside}, **options)
        (found,) = bring(tmp_path, {"old.csv": new, **beside}, agrees=True, **options)
        assert found.certificate.state is State.COMPLETE
    else:
        (found,) = bring(tmp_path, {"old.csv": new, **beside}, **options)
        assert found.certificate.state is (State.GAP if "oops" in new[1] else State.COMPLETE)


def test_a_bill_that_is_superseded_and_replaced_at_once_is_counted_once(tmp_path: Path) -> None:
    bring(tmp_path, {"old.csv": OLD})
    given = {"old.csv": ("05-01,a,1", "05-05,b,2")}
    (found,) = bring(tmp_path, given, replace_months=True, supersedes=("old.csv",))
    assert found.certificate.state is State.COMPLETE


@pytest.mark.parametrize(("whose", "is_asked"), [("anthropic", True), ("OpenAI", False)])
def test_only_bills_of_a_provider_of_the_older_one_stand_in_the_place_of_its_held_lines(
    tmp_path: Path, whose: str, *, is_asked: bool
) -> None:
    bring(tmp_path, {"old.csv": OLD})
    given = {"new.csv": ("05-01,a,1",), "other.csv": (f"05-05,x,7,{whose}",)}
    if is_asked:
        with pytest.raises(BadParameter, match="would drop 1 row"):
            bring(tmp_path, given, supersedes=("old.csv",))
    else:
        assert bring(tmp_path, given, supersedes=("old.csv",))[0].certificate.state is State.COMPLETE


def test_a_line_of_no_readable_day_counts_once_though_it_stands_in_each_month_of_its_bill(tmp_path: Path) -> None:
    days = "05-01,a,1", "06-01,a,1"
    bring(tmp_path, {"old.csv": (*days, "no day,b,2", "no day,c,2")})  # 4 lines
    with pytest.raises(BadParameter, match="would drop 2 rows"):
        bring(tmp_path, {"new.csv": (*days, "no day,b,2")}, supersedes=("old.csv",))  # 3
    found = bring(tmp_path, {"new.csv": (*days, "05-02,b,3", "05-02,c,9")}, supersedes=("old.csv",))
    assert [one.certificate.state for one in found] == [State.COMPLETE, State.COMPLETE]
