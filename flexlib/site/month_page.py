"""The page of one month: what it came to, its days, models and departments, its reports and its proof."""

from __future__ import annotations

from flexlib.certificate import State
from flexlib.commands import leave_out_commands
from flexlib.dates import Month
from flexlib.formats import UNKNOWN, format_amount, format_change, format_number
from flexlib.front.year import find_before
from flexlib.i18n import _
from flexlib.page.kit.markup import Html, Piece, escape, render_element
from flexlib.page.kit.parts import (
    BADGES,
    Heading,
    mark_total,
    show_cards,
    show_certificates,
    show_section,
    show_title,
)
from flexlib.page.kit.units import UNITS
from flexlib.page.usage.sections import show_month_title
from flexlib.site.facts import OF, UTC, Facts
from flexlib.site.frame import INDEX, Navigation, render_page
from flexlib.site.site import PARTS, Site, show_reports, show_table, write_usd
from flexlib.site.tables import table_of_month


def render_month(site: Site, month: Month) -> str:
    """Also of a month of which only reports are there."""
    facts = site.facts
    reports = show_reports([one for one in facts.reports if one.period == str(month)], "../", facts)
    if month in facts.spend.stored:
        one = facts.pick(month)
        proof = show_certificates(
            one.state, one.certificates, leave_out_commands(one.missing) if facts.is_shared else one.missing
        )
        pieces = [*_show_month(site, month), reports, proof]
    else:
        why = _("Nothing of {month} is stored.").format(month=month.title)
        badge = BADGES[State.GAP]
        title = show_title(site.title, month.title, "", badge, _("not stored"), [why], demo=site.is_demo)
        pieces = [title, Html("proof", render_element("div", reports.text, id="proof"))]
    place = facts.months.index(month)
    before = facts.months[place - 1] if place else None
    after = facts.months[place + 1] if place + 1 < len(facts.months) else None
    trail = [(_("All months"), f"../{INDEX}")]
    navigation = Navigation(trail, month.title, site.link(before), site.link(after))
    return render_page(f"{site.title}, {month.title}", pieces, navigation, "../", site.tell_read(month))


def _show_month(site: Site, month: Month) -> list[Piece]:
    facts = site.facts
    usage = next(one for one in facts.spend.loaded if one.month == month)
    day_sums = facts.by_day[facts.by_day["day"].dt.strftime("%Y-%m") == str(month)]
    day_sums.span = month.span
    has_days = bool(day_sums[OF].notna().any())
    chart = day_sums.plot(of=OF, title=_("Spend by day and model"), name="chart-days") if has_days else None
    counted = _("US$ as counted; where bills say otherwise, the month's spend takes them.")
    tables = (
        show_table(
            site.headings[key],
            counted,
            table_of_month(
                site.rows[key],
                key,
                month,
                site.lead(key),
                site.kinds[key],
                f"table-{folder}",
                chart.coloured if chart else frozenset(),
            ),
        )
        for key, folder in PARTS.items()
    )
    return [
        show_month_title(site.title, usage, is_shared=facts.is_shared),
        _show_headlines(facts, month),
        show_section(Heading(_("Day by day"), counted), chart) if chart else Html("days", ""),
        *tables,
    ]


def _show_headlines(facts: Facts, month: Month) -> Html:
    row, before = facts.rows[month], find_before(facts.spend, month)
    marks = {
        unit: mark_total(BADGES[State.GAP]) if row[unit] is not None and unit in row["lacks"] else ""
        for unit in ("usd", "clp", "flex_credits")
    }
    change, why = UNKNOWN, _("nothing of the month before is stored")
    if before:
        is_least, then = OF in row["lacks"], facts.rows[before.month]
        tenths = before.measure_change(row[OF], is_least=is_least)
        if tenths is not None:
            change = (render_element("small", _("at least")) + " ") * is_least + format_change(tenths)
        amount = write_usd(then[OF], is_least=OF in then["lacks"])
        why = "; ".join(filter(None, (_("{amount} then").format(amount=amount), escape(before.obstacle))))
    pesos = UNKNOWN if row["clp"] is None else UNITS["clp"].write(row["clp"])
    spent = UNKNOWN if row["flex_credits"] is None else format_amount(row["flex_credits"])
    counts = {name: UNKNOWN if row[name] is None else format_number(row[name]) for name in ("people", "requests")}
    said = _("as flexlib spend says it")
    if facts.spend.zone != UTC:
        said = _("of {zone}; flexlib spend says that of UTC").format(zone=facts.spend.zone)
    return show_cards([
        (_("Spend") + marks["usd"], write_usd(row[OF]), said),
        (_("In pesos") + marks["clp"], pesos, ""),
        (_("Flex credits") + marks["flex_credits"], spent, ""),
        (_("Spenders"), counts["people"], _("with flex credits")),
        (_("Application calls"), counts["requests"], ""),
        (_("Against the month before"), change, why),
    ])  # fmt: skip
