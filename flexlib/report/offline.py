"""Whether a page is all there is: nothing in it makes a browser fetch or run something when it is opened."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LOADERS = {"script", "iframe", "object", "embed", "link"}
SOURCES = {"src", "srcset", "poster", "data", "background"}
FAR = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
STYLE = re.compile(r"(?:@import|url\()[\s\"']*(?:https?:)?//", re.IGNORECASE)


class _Loaded(HTMLParser):
    """Notes the first tag, attribute or style that would load something; what only looks so in a text is none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: str | None = None
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        for name, value in attrs:
            text = value or ""
            is_source = name in SOURCES or (name.endswith("href") and tag not in ("a", "link"))
            if (is_source and FAR.match(text)) or STYLE.search(text):
                self._note()
        if tag in LOADERS:
            self._note()

    def handle_data(self, data: str) -> None:
        if self._in_style and STYLE.search(data):
            self.found = self.found or data

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def _note(self) -> None:
        self.found = self.found or self.get_starttag_text()


def find_loaded(page: str) -> str | None:
    """The first piece of the page that would load or run something, or None."""
    parser = _Loaded()
    parser.feed(page + "</style>")  # a browser reads a style that never ends; this parser passes over it
    parser.close()
    return parser.found
