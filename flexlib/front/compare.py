"""Two spans of stored months compared: the difference taken apart, with what it lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from flexlib.analysis.compare import Change, take_apart
from flexlib.analysis.top import NOT_GIVEN
from flexlib.checks import BillTolerance
from flexlib.dates import Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import capitalize_first, format_count, format_span
from flexlib.front.credits_days import CreditsMonth
from flexlib.front.months import compare_total, tell_left_out
from flexlib.front.narrow import count_shares, sum_rows
from flexlib.front.no_amount import KNOWN, choose_unit, explain_no_amount, refuse_side
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable, check_found
from flexlib.front.undecided import explain_apart, list_apart
from flexlib.front.unstored import find_unstored, list_sources
from flexlib.front.uses import KINDS, UNITS, collect_uses, is_nothing_known
from flexlib.i18n import _
from flexlib.proof import Certificate, Look, State, find_worst, look_nowhere
from flexlib.sources.registry import WINDSURF
from flexlib.spend.before import explain_hole, explain_running, find_edges, list_running
from flexlib.spend.month import MonthUsage
from flexlib.store.ended import check_going
from flexlib.store.membership import LEVELS
from flexlib.store.server import name_command
from flexlib.store.snapshots import list_newest
from flexlib.store.unstored import explain_unstored


@dataclass(frozen=True)
class Comparison:
    """What changed from one span to another, in one unit, and what is not in it."""

    before: Span
    after: Span
    unit: str
    change: Change
    """Its people are pairs of source and user, under pseudonyms unless names were asked for."""
    state: State
    certificates: tuple[Certificate, ...]
    """Those of both sides."""
    lacking: tuple[bool, bool]
    """Whether the sum of each side lacks something: calls whose amount is not known, or rows that are not stored."""
    missing: tuple[str, ...]
    """What is not in the sums, or not certain in them, in sentences."""
    versions: tuple[int, int] | None = None
    """Which versions of one month, as `store.snapshots.find_state` counts them; None: two spans."""
    by: str = "user"
    """What its people are: users, or one of `LEVELS`."""
    zone: str = "UTC"
    """Whose months they are."""
    running: str = ""
    """That a side was not over when it was read, in a sentence, which is among the `missing`, too; no share of a change
    is stated then."""

    @property
    def sides(self) -> tuple[str, str]:
        """What is compared, in words."""
        before, after = (format_span(span) for span in (self.before, self.after))
        if not self.versions:
            return before, after
        first, second = self.versions
        return _("version {number}").format(number=first), _("version {number} of {month}").format(
            number=second, month=after
        )


def compare_spans(
    before: Span,
    after: Span,
    root: Path,
    *,
    of: str = "",
    names: bool = False,
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
    by: str = "user",
    roster: Path | None = None,
) -> Comparison:
    """The change from `before` to `after`, whole months each, by source, user and model, from the data folder `root`.

    `of`: `credits`, `usd` or `clp`; where it is empty, `choose_unit` does. Developers' use is counted in requests, that
    of applications in tokens. `look` as of `load_month_usage`; `by` one of `LEVELS`, such as `department`, instead of
    users, with the `roster` of `Spend`. Raises `InvalidRequest` for a unit that is none, days that are no months or
    spans that overlap; `SnapshotMissing` where a month is not stored.
    """
    sides = [tuple(span.months) for span in (before, after)]
    of = choose_unit(of, sides, root)
    check_unit(of)
    for span, months in zip((before, after), sides, strict=True):
        if (months[0].first, months[-1].last) != (span.first, span.last):
            raise InvalidRequest(
                _("{span} is not made of whole months; compare months, or spans of them.").format(span=span)
            )
    if twice := {*sides[0]} & {*sides[1]}:
        raise InvalidRequest(_("{twice} is in both spans; compare months that are apart.").format(twice=min(twice)))
    if absent := [month for months in sides for month in months if not list_newest(month, root)]:
        check_going(absent[0], root)
        command = name_command(WINDSURF, absent[0], root)
        raise SnapshotMissing(
            _("Nothing of {absent} is stored in {root}. Run: {command}, or import it.").format(
                absent=absent[0], root=root, command=command
            )
        )
    whole = Span(min(before.first, after.first), max(before.last, after.last))
    months = tuple(sorted({*sides[0], *sides[1]}))
    spend = Spend(whole, zone, months, root, names, tolerance, look, roster=roster)
    keys = ("month", "source", by, "model")
    kinds = {"kind": KINDS[of]}
    known = sum_rows(spend, keys, KNOWN[of], kinds)
    if by in LEVELS and not roster and not known.empty:
        _check_placed(spend, known, by, of)
    known = known.rename(columns={by: "user"})
    counted = count_shares(spend, keys, KNOWN[of], kinds)
    if counted is not None:
        counted = counted.rename(columns={by: "user"})
    unstored = find_unstored(spend.loaded, of, root)
    for span, own in zip((before, after), sides, strict=True):
        if not (known.empty or any(list_sources(one, of) for one in spend.loaded if one.month in own)):
            raise refuse_side(format_span(span), of, own, root)
    if known.empty:
        raise InvalidRequest(
            _("neither {before} nor {after} has {lack}.").format(
                before=format_span(before), after=format_span(after), lack=explain_no_amount(of, months, root)
            )
        )
    others = known[:0] if of == "credits" else sum_rows(spend, keys, f"NOT ({KNOWN[of]})").rename(columns={by: "user"})
    uses, unknown = zip(*(collect_uses(known, others, own, of, counted) for own in sides), strict=True)
    for span, own, used, count in zip((before, after), sides, uses, unknown, strict=True):
        if count and is_nothing_known(used):
            raise refuse_side(format_span(span), of, own, root)
    missing = explain_unstored(unstored, root)
    missing += [text for month in spend.loaded
                for text in month.list_problems({*month.unstored} & unstored.keys())]  # fmt: skip
    if moved := list_apart(spend, by) if of != "credits" else ():
        missing.append(explain_apart(name for _source, name in moved))
    if of != "credits":
        missing += [text for month in spend.loaded for text in compare_total(month)]
        missing += [_explain_edges(month) for month in spend.loaded
                    if (edges := find_edges(month)) and month.month not in edges]  # fmt: skip
        lacks = of
        if of == "clp" and (others["unpriced_requests"] > others["unconverted_requests"]).any():
            lacks = "both"
        for span, count in zip((before, after), unknown, strict=True):
            if count:
                calls = _("{calls} of {span}").format(calls=format_count(count, "call"), span=format_span(span))
                missing.append(tell_left_out(count, calls, lacks))
    partial = {month for months_without in unstored.values() for month in months_without}
    running = {one.month: said for one in spend.loaded if (said := _explain_running(one, of))}
    told = " ".join(running.values())
    missing = [told, *missing] if told else missing
    state = find_worst({month.state for month in spend.loaded})
    partial |= {month.month for month in spend.loaded if lacks_rows(month, of)}
    lacking = [bool(count) or not partial.isdisjoint(own) for count, own in zip(unknown, sides, strict=True)]
    unsure = {(source, name or NOT_GIVEN) for source, name in moved}
    apart = {person for side in uses for person in side if person[0] in unstored or person in unsure}
    return Comparison(
        before,
        after,
        UNITS[of],
        replace(take_apart(uses[0], uses[1], apart), is_running=not running.keys().isdisjoint(sides[1])),
        state,
        spend.certificates,
        (lacking[0], lacking[1]),
        tuple(dict.fromkeys(missing)),
        by=by,
        zone=zone,
        running=told,
    )


def _explain_edges(month: MonthUsage) -> str:
    """Which hours it is that one side lacks: the certificates of the months that have them say no more than which."""
    return f"{capitalize_first(explain_hole(month, month.month.title))}."


def _explain_running(month: MonthUsage, of: str) -> str:
    """That days of the month are still to come of what has the unit; empty where none are."""
    sources = list_sources(month, of)
    running = list_running(month, sources)
    return explain_running(month, running, is_all=len(running) == len(sources)) if running else ""


def _check_placed(spend: Spend, known: SpendTable, by: str, of: str) -> None:
    """Raises `InvalidRequest` where nothing says where anybody belongs, and tells which rows would."""
    if of == "credits" and known[by].isna().all() and not sum_rows(spend, [by])[by].isna().all():
        raise InvalidRequest(
            _(
                "no row of flex credits says a {key}, only calls do; compare these with --of usd, or give the "
                "organization's file (--roster FILE or FLEXLIB_ORGANIZATION)."
            ).format(key=by)
        )
    check_found(known, [by])


def check_unit(of: str) -> None:
    """Raises `InvalidRequest` where `of` is no unit that can be compared."""
    if of not in UNITS:
        raise InvalidRequest(_("{of!r} cannot be compared; choose {units}.").format(of=of, units=", ".join(UNITS)))


def compare_loaded(before: Span, after: Spend, of: str) -> Comparison:
    """`compare_spans` of days before and of what is loaded, as that shows it."""
    return compare_spans(
        before,
        after.span,
        after.root,
        of=of,
        names=after.names,
        zone=after.zone,
        tolerance=after.tolerance,
        look=after.look,
    )


def compare_before(spend: Spend, of: str) -> Comparison | None:
    """What changed from the month before to the one that is loaded; None where a change on it means nothing, or the
    amounts of that one are not all known, or none of this one's."""
    before = spend.before
    totals = before.totals
    if before.obstacle or totals is None or totals[f"unpriced_{of}"] or _is_unknown(spend, of):
        return None
    return compare_loaded(before.month.span, spend, of)


def _is_unknown(spend: Spend, of: str) -> bool:
    if of == "credits":
        return False
    known, others = (sum_rows(spend, ("month",), where) for where in (KNOWN[of], f"NOT ({KNOWN[of]})"))
    return not others.empty and not any(known[UNITS[of]])


def lacks_rows(month: MonthUsage | CreditsMonth, of: str) -> bool:
    """Whether what is stored of the month is known not to be all of it."""
    if of != "credits":
        return month.state is State.GAP
    if WINDSURF.name in month.unstored:
        return True
    return any(one.certificate.state is State.GAP for one in month.snapshots if one.dataset == WINDSURF.dataset)
