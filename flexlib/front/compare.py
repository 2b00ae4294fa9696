"""Two spans of stored months compared: the difference taken apart, with what it lacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from flexlib.analysis.compare import Change, take_apart
from flexlib.certificate import ChargesCertificate, UsageCertificate
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import UNIT_NAMES, format_count, format_span
from flexlib.front.credits_days import CreditsMonth
from flexlib.front.months import compare_total, tell_left_out
from flexlib.front.narrow import sum_rows
from flexlib.front.organization_check import count_undecided, explain_undecided
from flexlib.front.spend import Spend
from flexlib.front.table import check_found
from flexlib.front.unstored import find_unstored, list_sources
from flexlib.front.uses import UNITS as UNITS
from flexlib.front.uses import collect_uses, is_nothing_known
from flexlib.i18n import _, join_or
from flexlib.proof import Certificate, Look, State, find_worst, look_nowhere
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.spend.unstored import explain_unstored
from flexlib.store.ended import check_going
from flexlib.store.membership import LEVELS
from flexlib.store.snapshots import list_newest
from flexlib.store.strays import list_misplaced

KNOWN = {
    "credits": "flex_credits IS NOT NULL",
    "usd": "amount_in_usd IS NOT NULL",
    "clp": "amount_in_usd IS NOT NULL AND amount_in_clp IS NOT NULL",
}
"""The rows that a unit is known of. In pesos both amounts of the same calls: else what they have to one another would
be no exchange rate."""


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
    of: str = "credits",
    names: bool = False,
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
    by: str = "user",
    roster: Path | None = None,
) -> Comparison:
    """The change from `before` to `after`, whole months each, by source, user and model, from the data folder `root`.

    Developers' use is counted in requests, that of applications in tokens. `look` as of `load_month_usage`; `by` one of
    `LEVELS`, such as `department`, instead of users, with the `roster` of `Spend`. Raises `InvalidRequest` for a unit
    that is none, days that are no months or spans that overlap; `SnapshotMissing` where a month is not stored.
    """
    check_unit(of)
    sides = [tuple(span.months) for span in (before, after)]
    for span, months in zip((before, after), sides, strict=True):
        if (months[0].first, months[-1].last) != (span.first, span.last):
            raise InvalidRequest(
                _("{span} is not made of whole months; compare months, or spans of them.").format(span=span)
            )
    if twice := {*sides[0]} & {*sides[1]}:
        raise InvalidRequest(_("{twice} is in both spans; compare months that are apart.").format(twice=min(twice)))
    if absent := [month for months in sides for month in months if not list_newest(month, root)]:
        check_going(absent[0], root)
        command = WINDSURF.format_command(absent[0])
        raise SnapshotMissing(
            _("Nothing of {absent} is stored in {root}. Run: {command}, or import it.").format(
                absent=absent[0], root=root, command=command
            )
        )
    whole = Span(min(before.first, after.first), max(before.last, after.last))
    months = tuple(sorted({*sides[0], *sides[1]}))
    spend = Spend(whole, zone, months, root, names, tolerance, look, roster=roster)
    keys = ("month", "source", by, "model")
    known = sum_rows(spend, keys, KNOWN[of])
    if by in LEVELS and not roster:
        check_found(known, [by])
    known = known.rename(columns={by: "user"})
    unstored = find_unstored(spend.loaded, of, root)
    for span, own in zip((before, after), sides, strict=True):
        if not (known.empty or any(list_sources(one, of) for one in spend.loaded if one.month in own)):
            lack = explain_lack(of, own, root)
            raise InvalidRequest(_("{span} has no {lack}.").format(span=format_span(span), lack=lack))
    if known.empty:
        raise InvalidRequest(
            _("neither {before} nor {after} has {lack}.").format(
                before=before, after=after, lack=explain_lack(of, months, root)
            )
        )
    others = known[:0] if of == "credits" else sum_rows(spend, keys, f"NOT ({KNOWN[of]})").rename(columns={by: "user"})
    uses, unknown = zip(*(collect_uses(known, others, months, of) for months in sides), strict=True)
    for span, own, used, count in zip((before, after), sides, uses, unknown, strict=True):
        if count and is_nothing_known(used):
            raise InvalidRequest(
                _("{span} has no {lack}.").format(span=format_span(span), lack=explain_lack(of, own, root))
            )
    missing = explain_unstored(unstored, root)
    missing += [text for month in spend.loaded
                for text in month.list_problems({*month.unstored} & unstored.keys())]  # fmt: skip
    if by in LEVELS and (count := count_undecided(spend)):
        missing.append(explain_undecided(count))
    if of != "credits":
        missing += [text for month in spend.loaded for text in compare_total(month)]
        lacks = of
        if of == "clp" and (others["unpriced_requests"] > others["unconverted_requests"]).any():
            lacks = "both"
        for span, count in zip((before, after), unknown, strict=True):
            if count:
                calls = _("{calls} of {span}").format(calls=format_count(count, "call"), span=format_span(span))
                missing.append(tell_left_out(count, calls, lacks))
    partial = {month for months_without in unstored.values() for month in months_without}
    state = find_worst({month.state for month in spend.loaded})
    partial |= {month.month for month in spend.loaded if lacks_rows(month, of)}
    lacking = [bool(count) or not partial.isdisjoint(own) for count, own in zip(unknown, sides, strict=True)]
    apart = {person for side in uses for person in side if person[0] in unstored}
    return Comparison(
        before,
        after,
        UNITS[of],
        take_apart(uses[0], uses[1], apart),
        state,
        spend.certificates,
        (lacking[0], lacking[1]),
        tuple(dict.fromkeys(missing)),
        by=by,
    )


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


def explain_lack(of: str, months: Collection[Month], root: Path, units: Collection[str] = tuple(UNITS)) -> str:
    """What no day of the months has, and what to do: `units` are those that may be asked for. Calls without a price
    beside a bill are no month of bills only."""
    unit = _(UNIT_NAMES[UNITS[of]])
    if misplaced := list_misplaced(root, months):
        return f"{unit}: {misplaced[0].removesuffix('.')}"
    stored = {one.dataset for month in months for one in list_newest(month, root)}
    has_bills_only = ChargesCertificate.dataset in stored and UsageCertificate.dataset not in stored
    if of != "credits" and has_bills_only:
        said = _("{unit} of calls, only bills, which are of no day and no user; flexlib spend has their sum")
        return said.format(unit=unit)
    others = join_or(one for one in units if one != of)
    return _("{unit}; choose another with --of, {others}").format(unit=unit, others=others)


def lacks_rows(month: MonthUsage | CreditsMonth, of: str) -> bool:
    """Whether what is stored of the month is known not to be all of it."""
    if of != "credits":
        return month.state is State.GAP
    if WINDSURF.name in month.unstored:
        return True
    return any(one.certificate.state is State.GAP for one in month.snapshots if one.dataset == WINDSURF.dataset)
