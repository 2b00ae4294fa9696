"""The months of a site as an Atom feed: an entry each, the newest first; one that is read again is told again."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # noqa: N817  # as everybody writes it
from datetime import datetime, timezone
from uuid import NAMESPACE_URL, uuid5

from flexlib.i18n import _, find_language
from flexlib.site.facts import OF
from flexlib.site.frame import FEED, INDEX
from flexlib.site.site import Site, name_state, write_usd
from flexlib.store.server import read_server

ATOM = "http://www.w3.org/2005/Atom"


def render_feed(site: Site) -> bytes:
    """Addresses are relative to the feed, wherever the folder is put; ids are those of the data, and stay."""
    facts, owner = site.facts, str(read_server(site.facts.spend.root).get("server", ""))
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": find_language()})
    read = {month.month: max(one.read_at for one in month.certificates) for month in facts.spend.loaded}
    _add(feed, "title", site.title)
    _add(feed, "id", uuid5(NAMESPACE_URL, f"flexlib site {owner}").urn)
    _add(feed, "updated", _write_moment(max(read.values())))
    _add(_add(feed, "author"), "name", "flexlib")
    _add(feed, "link", rel="self", href=FEED)
    _add(feed, "link", rel="alternate", type="text/html", href=INDEX)
    for month in sorted(read, reverse=True):
        row, entry = facts.rows[month], _add(feed, "entry")
        amount, state = write_usd(row[OF]), name_state(row["state"])
        _add(entry, "title", f"{month.title}: {write_usd(row[OF], is_least=OF in row['lacks'])}")
        _add(entry, "id", uuid5(NAMESPACE_URL, f"flexlib site {owner} {month}").urn)
        _add(entry, "updated", _write_moment(read[month]))
        _add(entry, "link", rel="alternate", type="text/html", href=site.months[str(month)])
        text = _("{amount}; the certificate says: {state}.")
        if OF in row["lacks"]:
            text = _("At least {amount}; the certificate says: {state}.")
        _add(entry, "summary", text.format(amount=amount, state=state))
    ET.indent(feed)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(feed, "unicode")}\n'.encode()


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, name, attributes)
    child.text = text
    return child


def _write_moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
