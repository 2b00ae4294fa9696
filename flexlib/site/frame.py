"""What every page of a site has around what it shows: head, navigation, foot, and the search of the first one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import flexlib
from flexlib.i18n import _, find_language
from flexlib.page.kit.markup import POLICY, Piece, escape, render_element
from flexlib.page.kit.theme import LAB_STYLE, render_lab_style, render_page_style

FEED = "feed.xml"
INDEX = "index.html"
Entry = dict[str, str]


@dataclass(frozen=True)
class Navigation:
    """The links above a page, addresses from itself on: where it stands, and what is before and after it."""

    trail: Sequence[tuple[str, str]]
    """Words and address of each page above it, the first one first."""
    here: str
    before: tuple[str, str] | None = None
    after: tuple[str, str] | None = None


def render_page(title: str, pieces: Sequence[Piece], navigation: Navigation | None, root: str, foot: str) -> str:
    """A page of the site; `root` is the way from it to the first page, such as `../`."""
    return _render(title, [_render_navigation(navigation) if navigation else "", *_render_pieces(pieces)], root, foot)


def render_first_page(title: str, pieces: Sequence[Piece], index: Sequence[Entry], foot: str) -> str:
    """The first page: title and headlines, then the search in `index`, then the rest."""
    script = _read("search.js")
    head, *rest = _render_pieces(pieces)
    body = [head, _render_search(index), *rest, f"<script>{script}</script>"]
    return _render(title, body, "", foot, script)


def _render(title: str, body: Sequence[str], root: str, foot: str, script: str = "") -> str:
    policy = POLICY
    if script:  # of scripts, this one
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    style = "\n".join([render_page_style(), (files("flexlib") / "templates/flexlib/page.css").read_text("utf-8"),
                       _read("site.css")])  # fmt: skip
    feed = render_element("a", escape(_("Atom feed of the months")), href=f"{root}{FEED}")
    made = _("Made by flexlib {version}.").format(version=flexlib.__version__)
    return (
        f'<!doctype html>\n<html lang="{find_language()}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="alternate" type="application/atom+xml" href="{root}{FEED}">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, body))
        + f'\n<footer class="flex-foot"><p>{escape(f"{foot} {made}".strip())}</p><p>{feed}</p></footer>\n'
        "</main>\n</body>\n</html>\n"
    )


def _render_pieces(pieces: Sequence[Piece]) -> list[str]:
    lab = f'<style class="{LAB_STYLE}">{render_lab_style()}</style>\n'
    return [piece.render_html().replace(lab, "") for piece in pieces]


def _render_navigation(navigation: Navigation) -> str:
    links = [render_element("a", escape(words), href=address) for words, address in navigation.trail]
    trail = " › ".join([*links, escape(navigation.here)])
    parts = [render_element("span", trail, class_="trail")]
    if navigation.before:
        words, address = navigation.before
        parts.append(render_element("a", f"← {escape(words)}", href=address, rel="prev", class_="before"))
    if navigation.after:
        words, address = navigation.after
        parts.append(render_element("a", f"{escape(words)} →", href=address, rel="next", class_="after"))
    return render_element("nav", "".join(parts), class_="flex-nav", aria_label=_("Pages"))


def _render_search(index: Sequence[Entry]) -> str:
    field = '<input type="search" id="words" autocomplete="off" spellcheck="false">'
    words = _("Search months, models, departments and reports")
    label = render_element("label", escape(words), for_="words")
    said = {"none": _("Nothing is found."), "one": _("One page is found."), "many": _("{count} pages are found.")}
    sentences = "".join(f' data-{name}="{escape(text)}"' for name, text in said.items())
    return (
        f'<form id="search" class="flex-search" role="search" hidden{sentences}>{label}{field}'
        f'<p role="status"></p><ul class="flex-found"></ul></form>\n'
        f'<script type="application/json" id="search-index">{_write_json(index)}</script>'
    )


def _write_json(value: Any) -> str:  # noqa: ANN401 (JSON)
    """JSON that ends no element of a page, whatever a name holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _read(name: str) -> str:
    return (files("flexlib") / "templates" / "site" / name).read_text("utf-8")
