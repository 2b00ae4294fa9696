"""Whether a page is all there is: nothing in it makes a browser fetch or run something when it is opened.

The page's own policy (`markup.POLICY`) makes a browser refuse that too; this looks first, so that nobody gets a page
with holes.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

LOADERS = {"script", "iframe", "frame", "object", "embed", "link", "base", "animate", "set"}
SOURCES = {"src", "srcset", "imagesrcset", "poster", "data", "background", "ping"}
LINKS = {"a", "area"}
"""Their address is followed by whoever clicks on it, and not before."""
TEXTS = {"alt", "title", "aria-label", "content", "value", "placeholder"}
"""Attributes that a browser shows or passes over, whatever is in them."""

OWN = re.compile(r"\s*(?:data:image/|#|$)", re.IGNORECASE)
"""The beginning of an address inside the page."""
RUN = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
BLANK = re.compile(r"[\x00-\x20]")
"""What a browser takes out of an address before it looks at it."""
STYLE = re.compile(
    r"@import|(?:image-set|image|src)\(|url\((?!\s*[\"']?\s*(?:data:image/|#|\)))|<[a-z/!]", re.IGNORECASE
)
"""What of a style loads something; markup in it would end it in a browser."""
ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE | re.DOTALL)


class _Loaded(HTMLParser):
    """Notes the first tag, attribute or style that would load something; what only looks so in a text is none."""

    CDATA_CONTENT_ELEMENTS = ("style",)  # type: ignore[misc]
    RCDATA_CONTENT_ELEMENTS = ()  # type: ignore[misc]  # inside an SVG a title holds tags

    def __init__(self) -> None:
        super().__init__()
        self.found: str | None = None
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag in LOADERS or any(_is_loading(tag, name, value or "") for name, value in attrs):
            self.found = self.found or self.get_starttag_text()

    def handle_data(self, data: str) -> None:
        if self._in_style and (_has_source(data) or _has_source(html.unescape(data))):  # an SVG reads them unescaped
            self.found = self.found or data

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_comment(self, data: str) -> None:
        self.found = self.found or find_loaded(data)  # a browser may find its end sooner

    handle_decl = handle_pi = unknown_decl = handle_comment  # type: ignore[assignment]


def find_loaded(page: str) -> str | None:
    """The first piece of the page that would load or run something, or None."""
    parser = _Loaded()
    parser.feed(page + "</style>")  # a browser reads a style that never ends; this parser passes over it
    parser.close()
    return parser.found


def _is_loading(tag: str, name: str, text: str) -> bool:
    if name.startswith("on") or (name == "http-equiv" and text.strip().lower() != "content-security-policy"):
        return True
    if name in SOURCES:
        return not OWN.match(text) or (name.endswith("srcset") and text.strip() != "")
    if name.rpartition(":")[2] in ("href", "action", "formaction"):
        return (
            bool(RUN.match(BLANK.sub("", text))) if tag in LINKS or not name.endswith("href") else not OWN.match(text)
        )
    return name not in TEXTS and _has_source(text)


def _has_source(style: str) -> bool:
    """Whether a style loads something, however it is written: `\\75 rl(` is `url(`."""
    return bool(STYLE.search(ESCAPE.sub(lambda escape: _read_escape(escape[1]) or escape[2] or "", style)))


def _read_escape(digits: str | None) -> str:
    return chr(number) if digits and (number := int(digits, 16)) < 0x110000 else ""
