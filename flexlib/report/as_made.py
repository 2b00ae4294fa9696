"""A page as it was when it was made: of the stored versions of then, or of the executed notebook beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from flexlib.errors import BadParameter, FlexlibError
from flexlib.home import find_home
from flexlib.i18n import _, speak
from flexlib.report.execute import import_notebooks
from flexlib.report.manifest import Manifest, hash_bytes
from flexlib.report.moved import Moved, name_path
from flexlib.report.notes import is_as_made
from flexlib.report.parameters import ReportRequest, check_request
from flexlib.report.run import render_notebook, run_report
from flexlib.store.pseudonyms import FILE


def find_request(manifest: Manifest) -> ReportRequest:
    """The report that the manifest is of. Raises `BadParameter` where its notebook is gone, or takes other ones."""
    name = str(manifest["notebook"]["file"])
    here = find_home() / name
    try:
        return check_request(str(here) if here.is_file() else Path(name).stem, manifest["parameters"])
    except BadParameter as error:
        raise BadParameter(_("its notebook is not as it was: {error}").format(error=error)) from error


def find_as_made(page: Path, manifest: Manifest, made: Iterable[bytes | None]) -> str | None:
    """The text whose hash the manifest says: of what was `made` again, else of the executed notebook beside the page.
    None where neither gives it, such as with another flexlib."""
    said = manifest["page"]["sha256"]
    for one in made:
        if one is not None and hash_bytes(one) == said:
            return one.decode()
    executed = page.with_suffix(".ipynb")
    if not is_as_made(executed):
        return None
    import_notebooks()
    import nbformat

    with speak(str(manifest["language"])):
        try:
            text = render_notebook(nbformat.read(executed, nbformat.NO_CONVERT))  # type: ignore[no-untyped-call]
        except FlexlibError:
            return None
    return text if hash_bytes(text.encode()) == said else None


def make_of_then(
    then: Manifest, data: Path, inputs: Iterable[Moved], told: Mapping[str, str], unclosed: str
) -> bytes | None:
    """The page out of the stored versions of then, where they are still there and nothing but stored months has moved;
    None else."""
    if not all(one.is_stored for one in inputs):
        return None
    kept = [name_path(one, name) for name, one in then["snapshots"].items()]
    if not all((data / one).is_dir() for one in kept):
        return None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        others = (one for one in (*then["files"], "server.json", FILE) if (data / one).is_file())
        for name in [*kept, *(one for one in others if not one.startswith(tuple(f"{place}/" for place in kept)))]:
            _link(data / name, root / name)
        try:
            there = Path(folder) / "reports"
            return run_report(find_request(then), there, root, unclosed=unclosed, told=told).read_bytes()
        except FlexlibError:
            return None


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source.absolute(), source.is_dir())
    except OSError:  # as on a Windows without the right to make links
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
