"""The page of one model or department: its months, and of a model its departments, of a department its models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flexlib.analysis.ranking import share_out
from flexlib.certificate import State
from flexlib.dates import Month, name_months
from flexlib.formats import UNKNOWN, capitalize_first, format_share_percent
from flexlib.front.table import SpendTable
from flexlib.front.undecided import explain_lack
from flexlib.front.year import add_lacking, is_known, list_parts
from flexlib.i18n import _
from flexlib.page.kit.markup import Html, Piece, render_element
from flexlib.page.kit.parts import BADGES, Heading, mark_total, show_cards, show_section, show_title
from flexlib.proof import find_worst
from flexlib.site.facts import OF, Row
from flexlib.site.frame import INDEX, Navigation, render_page
from flexlib.site.site import PARTS, Site, draw_months, show_table, write_usd
from flexlib.site.tables import table_of_part, table_parts

SUMMED = (OF, "flex_credits", "requests", "total_tokens")


def render_part(site: Site, key: str, name: str) -> str:
    """`key`: `model` or `department`; `name`: which."""
    facts, table = site.facts, site.facts.select(key, name)
    place, row = next((place, one) for place, one in enumerate(site.rows[key]) if one[key] == name)
    other = "department" if key == "model" else "model"
    others = list_parts(table, other, facts.spend, OF) if other in table else []
    # Of which of its models the sum of somebody who moved is, their lines do not tell.
    marks = ("lacking", "missing")
    others = [{**one, **{mark: one[mark] | row["moved"] for mark in marks}} for one in others]
    used = sorted({moment.date() for moment in table["month"]})
    states = {month.state for month in facts.spend.loaded if month.month.first in used}
    months = [month.title for month in facts.months if month.first in used]
    part = share_out([one["total"] for one in site.rows[key]])[place]
    share = UNKNOWN if part is None else format_share_percent(part)
    is_least = row["total"] is not None and bool(row["lacking"])
    least = mark_total(BADGES[State.GAP]) if is_least else ""
    has_gap = any(month.state is State.GAP for month in facts.spend.loaded)
    is_part = has_gap or any(one["lacking"] for one in site.rows[key])
    cards = [
        (_("Spend") + least, write_usd(row["total"]), _("as counted, in all months")),
        (_("Share"), share, _("of the amounts that are known") if is_part else _("of all that is counted")),
        (_("First month"), months[0], ""),
        (_("Last month"), months[-1], ""),
    ]
    worst, why = find_worst(states), _explain_elsewhere(row, key)
    badge = BADGES[State.GAP if why else worst]
    said = _("the worst state of its months") if badge is BADGES[worst] else _("it may have come to more")
    months_of = _sum_months(table, row["lacking"])
    proof = show_table(
        _("Month by month"), "", table_of_part(months_of, site.lead(), "table-months", is_least=is_least)
    )
    pieces: list[Piece] = [
        show_title(name, "", site.kinds[key], badge, said, why, demo=site.is_demo),
        show_cards(cards),
        _show_chart(site, others or [row], other if others else key, name),
        _show_others(site, others, other),
        Html("months", render_element("div", proof.text, id="proof")),
    ]
    navigation = Navigation([(_("All months"), f"../{INDEX}")], name)
    return render_page(f"{name}, {site.title}", pieces, navigation, "../", "")


def _explain_elsewhere(row: Row, key: str) -> list[str]:
    """What else may be its than its lines have, in sentences: of somebody who moved, and of months without a line."""
    moved, absent = ({*map(Month.parse, months)} for months in (row["moved"], row["missing"] - {*row["used"]}))
    said = [explain_lack(moved, key)] if moved else []
    if absent:
        said.append(_("rows of {months} are missing").format(months=name_months(sorted(absent))))
    return [capitalize_first(one) + "." for one in said]


def _show_chart(site: Site, rows: Sequence[Row], key: str, name: str) -> Html:
    chart = draw_months(rows, key, site.facts.span, _("{name} by month").format(name=name))
    return show_section(Heading(_("By month"), _("US$ as counted.")), chart) if chart else Html("chart", "")


def _show_others(site: Site, rows: Sequence[Row], other: str) -> Html:
    made = table_parts(rows, other, site.facts.span, site.lead(other), site.kinds[other], f"table-{PARTS[other]}")
    return show_table(site.headings[other], "", made)


def _sum_months(table: SpendTable, lacking: Collection[str]) -> list[Row]:
    """The lines summed by month; what none of them knows is not known. `lacking` as of `list_parts`."""
    months: dict[Any, Row] = {}
    for line in table.to_dict("records"):
        new = {"month": line["month"].date(), **dict.fromkeys(SUMMED), "unpriced": 0}
        new["lacking"] = f"{line['month']:%Y-%m}" in lacking
        row = months.setdefault(line["month"].date(), new)
        row["unpriced"] = add_lacking(row["unpriced"], line)
        for name in SUMMED:
            if is_known(line[name]):
                row[name] = (row[name] or 0) + line[name]
    return list(months.values())
