"""The running month as HTML: tiles, today by provider and model, the last calls; greyed where the ledger is lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from flexlib.dashboard.live import PERCENT, Live, Sums, Watch
from flexlib.dashboard.outlook import Outlook
from flexlib.dates import Month
from flexlib.formats import UNKNOWN, format_amount, format_duration, format_number
from flexlib.i18n import _, find_language, translate_count
from flexlib.page.budgets import show_budgets
from flexlib.page.forecast import heading_for_forecast, plot_forecast
from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.parts import Heading, show_cards, show_section
from flexlib.page.kit.units import render_sign
from flexlib.senders import name_provider
from flexlib.tables.definition import Column, Kind, Row, Table, Total


def render_age(looks: int) -> str:
    """How old the figures are, which the page's script counts on from the moment at which this arrives: the server's
    clock and the reader's need not agree."""
    said, lost = (
        _("Looked {seconds} s ago."),
        _("No answer from the server for {seconds} s: these are the last figures."),
    )
    return render_element("p", "", class_="dash-age", data_look=str(looks), data_said=said, data_lost=lost)


def render_live(watch: Watch) -> str:
    """The figures of the last look that saw any, and what is wrong where a later one did not."""
    month = Month.containing(watch.today)
    head = render_element("h1", f"{escape(_('LLM spend'))} <span>{escape(month.title)}</span>")
    over = render_element("p", escape(_("As it is recorded; days are those of UTC")), class_="over")
    title = render_element("header", render_element("div", over + head), class_="flex-title")
    parts, live = [title], watch.live
    if watch.problem:
        said = [watch.problem]
        if live is not None and watch.read_at is not None:
            read = _("These are the figures of {moment} UTC; the ledger is asked again every second.")
            said.append(read.format(moment=f"{watch.read_at:%Y-%m-%d %H:%M:%S}"))
        text = "".join(render_element("p", escape(one)) for one in said)
        parts.append(render_element("div", text, class_="flex-alert bad", role="alert"))
    if live is not None:
        ahead = [] if watch.outlook is None else [render_outlook(watch.outlook, find_language())]
        if watch.outlook_problem:
            ahead.append(render_element("p", escape(watch.outlook_problem), class_="flex-why"))
        shown = "\n".join([_show_tiles(live), *ahead, _show_routes(live), _show_last(live)])
        parts.append(render_element("div", shown, class_="dash-live" + " dash-stale" * bool(watch.problem)))
    elif not watch.problem:
        parts.append(render_element("p", escape(_("The ledger is being read.")), class_="flex-why"))
    return "\n".join(parts)


@lru_cache(maxsize=2)
def render_outlook(outlook: Outlook, language: str) -> str:  # noqa: ARG001 (it decides the words)
    """The budgets and where the month will end, as the month's page has them; drawn once for each outlook, since a
    chart takes longer than all else that is looked at."""
    made, parts = outlook.made, [show_budgets(outlook.lines).render_html()]
    if outlook.left_out:
        said = translate_count(
            "{count} budget is on the month's page alone: it is of people, of a group of them, or in flex credits.",
            "{count} budgets are on the month's page alone: they are of people, of groups of them, or in flex credits.",
            outlook.left_out,
        )
        said = said.format(count=format_number(outlook.left_out))
        parts.append(render_element("p", escape(said), class_="flex-why"))
    chart = plot_forecast(made)
    note = _(
        "The sum of US$ from the first of the month on, as the ledger has it, without other sources. Expected is what "
        "each weekday usually has, holidays like any other day; the band reaches as far as such forecasts were wrong "
        "before."
    )
    heading = replace(heading_for_forecast(made), note=note)
    section = show_section(heading, *([chart] if chart else [])).render_html()
    return "\n".join([*filter(None, parts), section])


def _show_tiles(live: Live) -> str:
    timed = translate_count("of {count} call in the last hour", "of {count} calls in the last hour", live.timed)
    took = UNKNOWN if live.p90_ms is None else format_duration(live.p90_ms)
    return show_cards([
        (_("Today"), *_write_sums(live.today)),
        (_("This month"), *_write_sums(live.month)),
        (_("Calls in the last minute"), format_number(live.a_minute), ""),
        (_("Calls today"), format_number(live.today.calls), ""),
        (_("Failures today"), format_number(live.today.failed), escape(_share(live.today))),
        (_("{percent} % answered within").format(percent=PERCENT), took, escape(timed.format(count=live.timed))),
    ]).render_html()  # fmt: skip


def _share(sums: Sums) -> str:
    return _("of {count}").format(count=format_number(sums.calls))


def _write_sums(sums: Sums) -> tuple[str, str]:
    amount = UNKNOWN if sums.usd is None and sums.calls else render_sign("usd") + format_amount(sums.usd or Decimal(0))
    lacks = translate_count("{count} call without a price", "{count} calls without a price", sums.unpriced)
    return amount, escape(lacks.format(count=format_number(sums.unpriced))) if sums.unpriced else ""


def _show_routes(live: Live) -> str:
    rows: list[Row] = [
        {"model": model, "provider": name_provider(provider), "calls": sums.calls, "failed": sums.failed,
         "usd": sums.usd, "drawn": sums.usd}
        for provider, model, sums in live.routes
    ]  # fmt: skip
    columns = [
        Column("model", _("Model"), total=_("All together"), is_series=True),
        Column("drawn", "", Kind.BAR),
        Column("provider", _("Provider"), is_optional=True),
        Column("calls", _("Calls"), Kind.COUNT, Total.SUM),
        Column("failed", _("Failed"), Kind.COUNT, Total.SUM, is_optional=True),
        Column("usd", "US$", Kind.USD, Total.KNOWN),
    ]
    table = Table("table-routes-now", _("Today by provider and model"), columns, rows)
    heading = Heading(table.caption, _("The most spent first."))
    if not rows:
        return render_element("p", escape(_("No call is recorded today.")), class_="flex-why")
    return show_section(heading, table).render_html()


def _show_last(live: Live) -> str:
    rows = [_list_call(call) for call in live.last]
    columns = [
        Column("when", _("When (UTC)")),
        Column("who", _("Who"), is_optional=True),
        Column("model", _("Model")),
        Column("provider", _("Provider"), is_optional=True),
        Column("tokens", _("Tokens"), Kind.COUNT, is_optional=True),
        Column("usd", "US$", Kind.USD),
        Column("took", _("Took"), is_optional=True),
        Column("status", _("Status"), is_optional=True),
    ]
    table = Table("table-last", _("The last calls"), columns, rows)
    return show_section(Heading(table.caption, _("The newest first.")), table).render_html() if rows else ""


def _list_call(call: tuple[Any, ...]) -> Row:
    when, kind, number, provider, model, tokens, usd, took, status = call
    # A key names its owner; a number does so only to who has the application's own list.
    who = " ".join(str(one) for one in (kind, number) if one is not None)
    return {
        "when": f"{when:%d %H:%M:%S}", "who": who or None, "model": model, "provider": name_provider(str(provider)),
        "tokens": tokens, "usd": usd, "took": None if took is None else format_duration(took), "status": status,
    }  # fmt: skip
