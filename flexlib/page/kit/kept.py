"""What a page says besides showing it: its title, sections, tables and facts as data, for the files beside it.

A report keeps them in its executed notebook; in Jupyter nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from typing import TYPE_CHECKING, Any

from flexlib.i18n import _
from flexlib.tables.definition import Table
from flexlib.tables.frozen import KEPT_TYPE, freeze_table

if TYPE_CHECKING:
    from flexlib.page.kit.chart import Chart

KeptPart = Mapping[str, Any]
"""`part` says what it is: title, cards, section or facts."""

_keeps = False  # of this process: a report's kernel runs one notebook


def start_keeping() -> None:
    """From here on what is shown is kept as well."""
    global _keeps
    _keeps = True


def write_kept(parts: Iterable[KeptPart]) -> dict[str, Any]:
    """The parts under `KEPT_TYPE`, ready for JSON; nothing where nothing is kept."""
    found = [_freeze(part) for part in parts] if _keeps else []
    return {KEPT_TYPE: found} if found else {}


def keep_title(
    title: str, month: str, state: str, summary: str, over: str, missing: Iterable[str], *, is_demo: bool
) -> KeptPart:
    """The title of a page, `month` as HTML, `state` by its word, which in capitals is its code."""
    said = {"part": "title", "title": title, "month": strip_markup(month), "state": _(state), "summary": summary}
    return said | {"code": state.upper(), "over": over, "missing": [*missing], "is_demo": is_demo}


def keep_cards(cards: Iterable[tuple[str, str, str]]) -> KeptPart:
    """Headline numbers, of HTML."""
    return {"part": "cards", "cards": [[strip_markup(text) for text in card] for card in cards]}


def strip_markup(html: str) -> str:
    """The text of some HTML in a line.

    >>> strip_markup('Spend <b class="warn">at least</b>')
    'Spend at least'
    >>> strip_markup("<small>US$</small>401.57")
    'US$ 401.57'
    >>> strip_markup('<small class="tight">US$</small>401,57')  # of Spanish, whatever language the reader has
    'US$401,57'
    """
    text = re.sub(r"<(?:small|br)\b[^>]*>", " ", re.sub(r'<small class="tight">(.*?)</small>', r" \1", html))
    text = re.sub(r"</small>(?=\S)", " ", text)
    return " ".join(unescape(re.sub("<[^>]+>", "", text)).split())


def _freeze(part: KeptPart) -> dict[str, Any]:
    return {key: [_freeze_shown(one) for one in value] if key == "shown" else value for key, value in part.items()}


def _freeze_shown(shown: Table | Chart) -> dict[str, Any]:
    if isinstance(shown, Table):
        return {"table": freeze_table(shown)}
    names = ("title", "description")
    legend = [list(one) for one in getattr(shown, "legend", ())]
    said = {name: _(getattr(shown, name, "")) for name in names}
    return {"chart": {"name": getattr(shown, "name", "")} | said | {"legend": legend}}
