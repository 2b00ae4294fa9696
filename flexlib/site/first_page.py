"""The first page of a site: all months, models and departments, and the search in all of its pages."""

from __future__ import annotations

from collections.abc import Iterator

from flexlib.certificate import State
from flexlib.front.year import MARKS
from flexlib.i18n import _, translate_count
from flexlib.page.kit.markup import Html, Piece, escape, render_element
from flexlib.page.kit.parts import BADGES, Heading, show_section, show_title
from flexlib.page.year import heading_for_months, heading_for_year_models, show_year_headlines
from flexlib.site.facts import OF
from flexlib.site.frame import INDEX, Entry, render_first_page
from flexlib.site.month_page import render_month
from flexlib.site.part_page import render_part
from flexlib.site.site import PARTS, Site, draw_months, name_state, show_reports, show_table, write_usd
from flexlib.site.tables import table_months, table_parts


def render_site(site: Site) -> Iterator[tuple[str, str]]:
    """Path and text of each page."""
    yield INDEX, render_first(site)
    for month in site.facts.months:
        yield site.months[str(month)], render_month(site, month)
    for key, addresses in site.parts.items():
        for name, path in addresses.items():
            yield path, render_part(site, key, name)


def render_first(site: Site) -> str:
    """The page of all months."""
    facts = site.facts
    proof = show_section(heading_for_months([*facts.rows.values()]), table_months(facts, site.months))
    notes = {
        "model": _("All months together, as counted; the line is its months."),
        "department": _("Who spent it, as the organization or the calls say."),
    }
    tables = (
        table_parts(site.rows[key], key, facts.span, site.parts[key], site.kinds[key], f"table-{folder}")
        for key, folder in PARTS.items()
    )
    parts = [show_table(site.headings[table.columns[0].key], notes[table.columns[0].key], table) for table in tables]
    others = [one for one in facts.reports if one.period not in site.months]
    pieces = [
        _show_head(site),
        Html("months", render_element("div", proof.text, id="proof")),
        _draw_models(site),
        *parts,
        show_reports(others, "", facts),
    ]
    return render_first_page(site.title, pieces, list_entries(site), site.tell_read())


def list_entries(site: Site) -> list[Entry]:
    """What the search knows: the newest month first, then models and departments, then reports by their headings."""
    entries = []
    for month in reversed(site.facts.months):
        row = site.facts.rows[month]
        text = " ".join([str(month), name_state(row["state"]), write_usd(row[OF], is_least=OF in (row["lacks"] or ()))])
        entries.append({"title": month.title, "kind": _("Month"), "text": text, "href": site.months[str(month)]})
    for key, addresses in site.parts.items():
        kind = {"kind": site.kinds[key], "text": ""}
        entries += [{"title": one, **kind, "href": path} for one, path in addresses.items()]
    for one in site.facts.reports:
        text = " ".join([one.period, one.name, *one.headings])
        entries.append({"title": one.title, "kind": _("Report"), "text": text, "href": one.path})
    return entries


def _show_head(site: Site) -> Piece:
    facts, spend = site.facts, site.facts.spend
    first, last = facts.span.months[0].title, facts.span.months[-1].title
    span = first if first == last else f"{first} – {last}"
    state = spend.state
    count = len(spend.stored)
    stored = translate_count("{count} month is stored", "{count} months are stored", count).format(count=count)
    absent = ", ".join(one.title for one in spend.absent)
    gaps = [_("Not stored: {months}.").format(months=absent)] if absent else []
    over = _("All that is stored, month by month: {span} · days of {zone}").format(span=span, zone=spend.zone)
    missing, notes = ((), gaps) if state is State.COMPLETE else (gaps, ())
    title = show_title(site.title, "", over, BADGES[state], stored, missing, demo=site.is_demo)
    written = "".join(render_element("p", escape(text), class_="flex-why") for text in notes)
    return Html("head", title.text + show_year_headlines([*facts.rows.values()]).text + written)


def _draw_models(site: Site) -> Html:
    facts = site.facts
    known = ("model", "total", *MARKS, *map(str, facts.span.months))
    models = [{name: row[name] for name in known} for row in facts.models]
    chart = draw_months([row for row in models if row["total"]], "model", facts.span, _("Models by month"))
    if not chart:
        return Html("chart", "")
    found = heading_for_year_models(models)
    return show_section(Heading(found.heading, _("US$ by model and month, as counted.")), chart)
