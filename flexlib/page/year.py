"""The page of a year: headlines, what stands out, and the models as they replace each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from flexlib.analysis.ranking import measure_bound_change
from flexlib.certificate import Certificate, State
from flexlib.dates import Month, Span, name_months
from flexlib.formats import (
    UNKNOWN,
    capitalize_first,
    format_amount,
    format_change,
    format_month,
    format_number,
)
from flexlib.i18n import _, translate_count
from flexlib.page.kit.markup import Html, escape
from flexlib.page.kit.parts import BADGES, Heading, show_cards, show_title
from flexlib.page.kit.units import UNITS
from flexlib.spend.before import find_lacking
from flexlib.tables.year import LEAST, find_unsure, name_short


class Months(Protocol):
    """What is loaded of some months, as `fl.load` gives it."""

    @property
    def span(self) -> Span: ...
    @property
    def zone(self) -> str: ...
    @property
    def stored(self) -> tuple[Month, ...]: ...
    @property
    def state(self) -> State: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def certificates(self) -> tuple[Certificate, ...]: ...


WHOLE = (State.COMPLETE, State.UNWITNESSED, State.UNRECONCILED)
"""States of a month that can be the least of a year: a part of one would be it by what it lacks."""

Row = dict[str, Any]


def show_year_title(title: str, spend: Months) -> Html:
    """Title, year and the worst state of its months; which are not stored, and what is missing from the others."""
    months = spend.span.months
    name = str(months[0].year) if months[0].year == months[-1].year else name_months(months)
    stored = translate_count("{stored} of {count} month stored", "{stored} of {count} months stored", len(months))
    stored = stored.format(stored=len(spend.stored), count=len(months))
    return show_title(
        _(title),
        name,
        _("All that is stored · the months of a year · days of {zone}").format(zone=spend.zone),
        BADGES[spend.state],
        stored,
        # Of a year that is whole, the figures themselves say what they lack.
        () if spend.state is State.COMPLETE else spend.missing,
        demo=any(getattr(one, "demo", False) for one in spend.certificates),
        for_scripts={"state": str(spend.state), "missing": list(spend.missing), "possible_duplicates": []},
    )


def show_year_headlines(months: Sequence[Row], of: str = "usd") -> Html:
    """The year's sum, its best and worst month, spenders, and the price of a credit and of a million tokens, then and
    now."""
    known = [row for row in months if row[of] is not None]
    awaited = [row for row in months if row["why_absent"] not in ("coming", "ended")]
    total = sum((row[of] for row in known), Decimal(0))
    least = (
        f" <b>{escape(_(LEAST))}</b>" if len(known) < len(awaited) or any(of in row["lacks"] for row in known) else ""
    )
    highest, lowest = _find_extremes(months, of)
    count = translate_count("in {count} month", "in {count} months", len(known))
    return show_cards([
        (f"{_('Spent')}{least}", _write(total if known else None, of), count.format(count=len(known))),
        (_("Highest month"), *_describe(highest, lowest, of, is_whole=all(_is_exact(row, of) for row in awaited))),
        (_("Spenders"), *_compare(months, "people", format_number)),
        (_("A flex credit"), *_compare(months, "usd_per_credit", _write_price)),
        (_("1M tokens"), *_compare(months, "usd_per_million", _write_price)),
    ])  # fmt: skip


def heading_for_months(months: Sequence[Row], of: str = "usd") -> Heading:
    """By how much the last whole month differs from the first that is out of the same sources and whose amount lacks
    nothing; nothing where that is not known."""
    whole = [row for row in months if row[of] is not None and row["state"] in WHOLE]
    exact = [row for row in whole if of not in row["lacks"] and _is_alike(row, whole[-1])]
    note = _("A month that is not stored is a gap, and no zero. The certificate of each month stands beside it.")
    change = None
    if exact and exact[0] is not whole[-1]:
        change = measure_bound_change(whole[-1][of], exact[0][of], is_least=of in whole[-1]["lacks"])
    if change is None:
        return Heading("The months side by side", note)
    first, last = format_month(exact[0]["month"]), format_month(whole[-1]["month"])
    said = _("{last}: {change} against {first}")
    if of in whole[-1]["lacks"]:
        said = _("{last}: at least {change} against {first}")
    return Heading(capitalize_first(said.format(last=last, change=format_change(change), first=first)), note)


def _is_alike(one: Row, other: Row) -> bool:
    """Whether both months are out of the same sources, but for those that had ended: what is not stored is no zero."""
    pairs = ((one, other), (other, one))
    return not any(find_lacking(here["sources"], there["sources"], here["ended"]) for here, there in pairs)


def heading_for_year_models(models: Sequence[Row], of: str = "usd") -> Heading:
    """The models that came to most first and last; that it is of what is known where not all of those months is."""
    note = _("{unit} by model and month, as counted. 0: none of it in that month; a dash: not known.")
    note = note.format(unit=UNITS[of].title)
    months = [name for name in (models[0] if models else {}) if name[:1].isdigit()]
    ranked = [max(models, key=lambda row, name=month: row[name] or 0) for month in months]  # type: ignore[misc]
    if not any(row[month] for row, month in zip(ranked, months, strict=True)):
        return Heading("No amount is known", note)
    named = [(month, row["model"]) for row, month in zip(ranked, months, strict=True) if row[month]]
    (begin, then), (end, now) = named[0], named[-1]
    short = name_short([*map(Month.parse, months)])
    first, last = short[begin], short[end]
    said = _("In {first} {then} came to most, in {last} {now}")
    if then == now:
        said = _("{now} came to most in {first} and in {last}") if begin != end else _("{now} came to most")
    if {begin, end} & find_unsure(models):
        said = _("Of what is known, {then} came to most in {first}, {now} in {last}")
        if then == now:
            said = _("Of what is known, {now} came to most in {first} and in {last}")
        if begin == end:
            said = _("Of what is known, {now} came to most")
    return Heading(said.format(first=first, then=then, last=last, now=now), note)


def _find_extremes(months: Sequence[Row], of: str) -> tuple[Row | None, Row | None]:
    known = [row for row in months if row[of] is not None]
    whole = [row for row in known if _is_exact(row, of)]
    return max(known, key=lambda row: row[of], default=None), min(whole, key=lambda row: row[of], default=None)


def _is_exact(row: Row, of: str) -> bool:
    """Whether all of the month is known."""
    return row[of] is not None and row["state"] in WHOLE and of not in row["lacks"]


def _describe(highest: Row | None, lowest: Row | None, of: str, *, is_whole: bool) -> tuple[str, str]:
    if highest is None:
        return UNKNOWN, _("no amount is known")
    note = format_month(highest["month"])
    if lowest is not None and lowest is not highest:
        said = _("{highest}; the least in {month}, {amount}")
        note = said.format(highest=note, month=format_month(lowest["month"]), amount=_write(lowest[of], of))
    return _write(highest[of], of), note if is_whole else _("{said}; of what is known").format(said=note)


def _compare(months: Sequence[Row], name: str, write: Any) -> tuple[str, str]:  # noqa: ANN401
    """The last known value, and the first."""
    short = name_short([Month.containing(row["month"]) for row in months])
    known = [row for row in months if row[name] is not None]
    if not known:
        return UNKNOWN, _("not known")
    first, last = known[0], known[-1]
    then, now = (short[f"{one['month']:%Y-%m}"] for one in (first, last))
    said = _("in {now}; {amount} in {then}") if first is not last else _("in {now}")
    return write(last[name]), said.format(now=now, amount=write(first[name]), then=then)


def _write(amount: Decimal | None, of: str) -> str:
    return UNKNOWN if amount is None else UNITS[of].write(amount)


def _write_price(amount: Decimal) -> str:
    return _("US$ {amount}").format(amount=format_amount(amount, "0.001" if amount < 1 else "0.01"))
