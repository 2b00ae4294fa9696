"""A forecast as the console and JSON show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexlib.formats import UNIT_NAMES, UNIT_PLACES, format_count, format_short_day
from flexlib.i18n import _, write_number

if TYPE_CHECKING:
    import pandas as pd

    from flexlib.analysis.forecast import Forecast
    from flexlib.front.forecast import MonthForecast


def describe_forecast(made: MonthForecast, band: float) -> dict[str, Any]:
    """For JSON: numbers in the unit, null where nothing can be said."""
    expected, earliest, latest = (day and day.isoformat() for day in made.reached)
    return {"month": str(made.month), "of": made.unit, "as_of": made.as_of.isoformat(), "known": round(made.known, 2),
        "known_is_at_least": made.is_least, "band": band, **describe_sum(made.this),
        "next_month": {"month": str(made.month.next), **describe_sum(made.next)},
        "budget_reached": {"expected": expected, "earliest": earliest, "latest": latest},
        "backtest": list_lines(made.backtest), "state": str(made.state), "missing": list(made.missing)}  # fmt: skip


def render_forecast(made: MonthForecast, band: float, budget: float | None) -> str:
    """The forecast for the console."""
    from flexlib.tables.forecast import explain_width

    unit, places = _(UNIT_NAMES[made.unit]), UNIT_PLACES[made.unit]
    said = _("at least {amount} known up to {day}") if made.is_least else _("{amount} known up to {day}")
    if made.as_of < made.month.first:
        said = _("none of it known, only days up to {day}")
    known = said.format(amount=_write(made.known, places), day=format_short_day(made.as_of))
    lines = [_("Forecast of {month} in {unit}: {known}").format(month=made.month, unit=unit, known=known)]
    for month, one in ((made.month, made.this), (made.month.next, made.next)):
        lines.append(f"  {month}  {render_sum(one, band, is_least=made.is_least, places=places)}")
        lines += [f"  {said}" for said in [explain_width(one)] if said and one is made.this]
    for line in list_lines(made.backtest):
        if line["bands"]:
            held = _("held {held} of {bands}, its width {mean_width} of the month").format(held=line["held"],
                bands=line["bands"], mean_width=f"{line['mean_width']:.0%}")  # fmt: skip
            error = _("mean error over {months}: {mean_error}").format(months=line["months"],
                mean_error=write_number(f"{line['mean_error']:.1%}"))  # fmt: skip
            lines.append(_("  As far into earlier months: the band {held}; {error}.").format(held=held, error=error))
    if budget is not None:
        lines.append(f"  {_write(budget, places)} {_render_reached(made, budget)}")
    return "\n".join(lines)


def render_backtest(lines: pd.DataFrame, band: float) -> str:
    """The backtest for the console, a line a day of the month; that there is no month to try it on."""
    if not len(lines):
        return _("No month is known whole: there is none to try a forecast on.")
    heads = (_("known"), _("months"), _("held"), _("coverage"), _("mean error"))
    widths = [max(least, len(head)) for least, head in zip((5, 6, 9, 8, 10), heads, strict=True)]
    rows = [heads]
    for line in list_lines(lines):
        coverage = "-" if line["coverage"] is None else f"{line['coverage']:.0%}"
        held = _("{count} of {all}").format(count=line["held"], all=line["bands"])
        error = "-" if line["mean_error"] is None else write_number(f"{line['mean_error']:.1%}")
        rows.append((str(line["known"]), str(line["months"]), held, coverage, error))
    text = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    text[0] += f"   ({_('{band} promised').format(band=f'{band:.0%}')})"
    return "\n".join(text)


def describe_sum(one: Forecast) -> dict[str, Any]:
    """For JSON; no upper end where the days known lack something."""
    facts: dict[str, Any] = {name: None if (value := getattr(one, name)) is None else round(value, 2)
                             for name in ("expected", "low", "high")}  # fmt: skip
    return {"outcome": str(one.outcome), "reason": one.reason or None, **facts, "origins": one.origins}


def render_sum(one: Forecast, band: float, *, is_least: bool = False, places: int = 2) -> str:
    """The same for the console, with its band or why there is none; amounts with so many decimal places. `is_least`:
    the days known lack something, which comes on top of what is expected by the others."""
    if one.expected is None:
        return _("cannot say: {reason}").format(reason=one.reason)
    expected = _write(one.expected, places)
    origins = format_count(one.origins, "earlier forecast")
    if one.low is None:
        said = _("{expected}, no band yet: {reason}")
        if is_least:
            said = _("{expected} expected by what is known, no band yet: {reason}; what is missing comes on top")
        return said.format(expected=expected, reason=_(one.reason))
    if one.high is None and not one.origins:
        return _("at least {expected}: what is missing comes on top").format(expected=expected)
    if one.high is None:
        said = _(
            "{expected} expected by what is known ({band}: lower end {low}, from {origins}); what is missing comes on "
            "top"
        )
        return said.format(expected=expected, band=f"{band:.0%}", low=_write(one.low, places), origins=origins)
    if not one.origins:
        return f"{expected}, {_(one.reason) if one.reason else _('all of its days are known')}"
    low, high = _write(one.low, places), _write(one.high, places)
    said = _("{expected} ({band}: {low} to {high}, from {origins})")
    return said.format(expected=expected, band=f"{band:.0%}", low=low, high=high, origins=origins)


def _write(amount: float, places: int) -> str:
    return write_number(f"{amount:,.{places}f}")


def _render_reached(made: MonthForecast, budget: float) -> str:
    expected, earliest, latest = made.reached
    if made.this.expected is None:
        return _("cannot be dated.")
    if expected and expected <= made.as_of:
        return _("was used up on {short_day}.").format(short_day=format_short_day(expected))
    if made.so_far >= budget:  # by the day that is running, which is not known whole
        return _("is used up already, by {so_far} stored up to now.").format(
            so_far=_write(made.so_far, UNIT_PLACES[made.unit])
        )
    if made.is_least and expected:
        said = _("is expected to be used up by about {day}, earlier if what is missing adds to it.")
        return said.format(day=format_short_day(expected))
    if made.is_least and made.as_of >= made.month.last:
        return _("cannot be dated: what is known is a lower bound.")
    if made.is_least:
        said = _("is not expected to be used up within {month} by what is known; what is missing comes on top.")
        return said.format(month=made.month)
    if earliest is None and expected is None:
        unsure = _("is not expected to be used up within {month}.")
        return (unsure if made.this.low is None else _("will not be used up within {month}.")).format(month=made.month)
    said = _("may be used up within the month")
    if expected:
        said = _("will be used up on {short_day}") if latest else _("is expected to be used up on {short_day}")
        said = said.format(short_day=format_short_day(expected))
    early = (
        _(", at the earliest on {short_day}").format(short_day=format_short_day(earliest))
        if earliest and earliest != expected
        else ""
    )
    late = (
        _(", at the latest on {short_day}").format(short_day=format_short_day(latest))
        if latest and latest != expected
        else ""
    )
    return said + early + late + "."


def list_lines(backtest: pd.DataFrame) -> list[dict[str, Any]]:
    """Of `sum_up_backtest` for JSON, shares of one."""
    lines = backtest.astype(object).where(backtest.notna(), None).to_dict("records")
    return [{str(name): round(value, 4) if isinstance(value, float) else value for name, value in line.items()}
            for line in lines]  # fmt: skip
