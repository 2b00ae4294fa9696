"""Pages of finished pieces, one for each reader: no notebook is run, and each holds only what it was given."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.page.kit.markup import Piece
from flexlib.report.run import open_exporter, render_notebook
from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, PUBLIC, REPORTS, report_disk, write_whole

if TYPE_CHECKING:
    from nbconvert.exporters import TemplateExporter

LONGEST = 60
"""Letters of a name in the name of its file."""
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Names that no file may have under Windows, whatever ends it."""
OTHER_LETTERS = re.compile(r"[^A-Za-z0-9]+")


def write_letters(
    letters: Iterable[tuple[str, Sequence[Piece]]], folder: Path, stem: str, *, is_private: bool = False
) -> list[Path]:
    """A page for each reader and the pieces that it holds, `folder/stem_platform.html`; `is_private`: for its owner
    alone. All are made before the first is written. Raises `DiskFailed`."""
    exporter = open_exporter()
    pages = [(name, render_pieces(pieces, exporter)) for name, pieces in letters]
    files = name_files([name for name, _ in pages])
    written = []
    with report_disk(folder, REPORTS):
        if is_private:  # the names of its files are those of people
            folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        for name, text in pages:
            write_whole(path := folder / f"{stem}_{files[name]}.html", text, PRIVATE if is_private else PUBLIC)
            written.append(path)
    return written


def render_pieces(pieces: Sequence[Piece], exporter: TemplateExporter | None = None) -> str:
    """The page of these pieces, in the form of a report's."""
    import nbformat.v4 as nbformat

    outputs = [nbformat.new_output("display_data", {"text/html": piece.render_html()}) for piece in pieces]  # type: ignore[no-untyped-call]
    cells = [nbformat.new_code_cell(id=f"piece-{place}", outputs=[one]) for place, one in enumerate(outputs)]  # type: ignore[no-untyped-call]
    return render_notebook(nbformat.new_notebook(cells=cells), exporter)  # type: ignore[no-untyped-call]


def name_files(names: Sequence[str]) -> dict[str, str]:
    """A name of a file for each name, no two the same on any disk: plain letters, and where any were lost, two would
    be one or Windows has it for a device, some of its hash.

    >>> name_files(["Platform", "../I+D", "CON"])
    {'Platform': 'platform', '../I+D': 'i_d_3ac8b283', 'CON': 'con_a3dbc4b6'}
    """
    plain = {name: _simplify(name) for name in names}
    times = Counter(plain.values())
    return {
        name: text if times[text] == 1 and _is_kept(name, text) else "_".join(filter(None, (text, _hash(name))))
        for name, text in plain.items()
    }


def _simplify(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return OTHER_LETTERS.sub("_", letters)[:LONGEST].strip("_").lower()


def _is_kept(name: str, text: str) -> bool:
    return bool(text) and text not in DEVICES and name.lower().replace(" ", "_") == text


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
