"""Runs every notebook on the fixture month and stores its outputs: what `make refresh` does, and nothing else may.

Text and HTML only, the same bytes for the same data: no timings, no paths, no kernel of one machine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.errors import NotebookFailed, OtherServer, SnapshotMissing
from flexlib.report.kernel import open_kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode

HOME = Path(__file__).parents[1]

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

KEPT_METADATA = ("flexlib",)
"""What a notebook says of itself, such as which snapshots it reads."""

KEPT_CELL_METADATA = ("tags",)

PICTURES = ("image/png", "image/jpeg")
"""What nbval never compares: a stored one could show anything."""


def refresh_notebooks(
    folder: Path = HOME / "notebooks", data: Path = HOME / "tests" / "data" / "fixture"
) -> list[Path]:
    """Runs all notebooks of `folder` on `data`; those that changed.

    Raises `OtherServer` when `data` holds anything that was not made up, `SnapshotMissing` when it holds nothing, and
    `NotebookFailed`; a notebook that fails stays as it was.
    """
    _check_made_up(data)
    changed = []
    for notebook in sorted(folder.glob("*.ipynb")):
        text = refresh_notebook(notebook, data)
        if text != notebook.read_text("utf-8"):
            notebook.write_text(text, "utf-8")
            changed.append(notebook)
    return changed


def refresh_notebook(notebook: Path, data: Path) -> str:
    """The notebook as text with the outputs that it has on `data`. Raises `NotebookFailed`."""
    with open_kernel(data, notebook.parent) as kernel:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError

        node: NotebookNode = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
        try:
            NotebookClient(node, km=kernel, kernel_name="python3", record_timing=False).execute()
        except CellExecutionError as error:
            raise NotebookFailed(f"{notebook.name} failed: {error.ename}: {error.evalue}") from error
    kept = {name: node.metadata[name] for name in KEPT_METADATA if name in node.metadata}
    node.metadata = nbformat.from_dict(METADATA | kept)  # type: ignore[no-untyped-call]
    for cell in node.cells:
        cell.metadata = {name: cell.metadata[name] for name in KEPT_CELL_METADATA if name in cell.metadata}
        for output in cell.get("outputs", ()):
            if shown := [kind for kind in PICTURES if kind in output.get("data", {})]:
                raise NotebookFailed(
                    f"{notebook.name}, cell {cell.id} shows a picture ({shown[0]}); "
                    "draw it by a function of flexlib.page.credits.charts, which gives SVG."
                )
    return str(nbformat.writes(node)) + "\n"  # type: ignore[no-untyped-call]


def _check_made_up(data: Path) -> None:
    certificates = sorted(data.glob("credits/*/*/certificate.json"))
    if not certificates:
        raise SnapshotMissing(f"No month is stored in {data}. Run: python tests/make_fixture.py")
    for file in certificates:
        if not json.loads(file.read_text("utf-8")).get("demo"):
            raise OtherServer(
                f"{file.parent} is not made-up data, and notebooks are shared: refresh them on the fixture."
            )


if __name__ == "__main__":
    changed = refresh_notebooks()
    print("\n".join(f"refreshed {notebook}" for notebook in changed) or "all notebooks are fresh")
