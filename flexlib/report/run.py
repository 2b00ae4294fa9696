"""One notebook, run with its parameters and rendered: notebook -> papermill -> HTML, whole or not at all."""

from __future__ import annotations

import html
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.errors import NotebookFailed
from flexlib.i18n import _, find_language
from flexlib.page.kit.markup import POLICY, STATE_TYPE
from flexlib.page.kit.theme import LAB_STYLE, render_page_style
from flexlib.report.execute import execute_notebook, import_notebooks
from flexlib.report.kernel import STEP, kill_kernels, open_kernel
from flexlib.report.manifest import MANIFEST, build_manifest, names_people
from flexlib.report.no_page import FAILED, NoPage
from flexlib.report.offline import find_loaded
from flexlib.report.parameters import HEADING, ReportRequest
from flexlib.setting_values import CELL_LIMIT
from flexlib.settings import DEMO
from flexlib.store.disk import PRIVATE, REPORTS, report_disk
from flexlib.store.server import is_made_up

if TYPE_CHECKING:
    from nbconvert.exporters import TemplateExporter
    from nbformat import NotebookNode


PROGRESS = {"desc": "📊 Running cell", "bar_format": "{desc} {n} of {total}", "leave": False}
"""What stands on stderr while a notebook runs, as tqdm takes it."""
HIDDEN = {"analyst", "remove_cell"}
"""Tags of cells that a page leaves out."""
_DRAFTS: set[Path] = set()
"""The folders of the reports that are being made."""


def run_report(
    request: ReportRequest,
    output_dir: Path,
    data: Path,
    *,
    shows_progress: bool = False,
    cell_limit: float = CELL_LIMIT,
    unclosed: str = "",
    told: Mapping[str, str] | None = None,
    organization: Path | None = None,
) -> Path:
    """Runs the notebook of `request` on the snapshots in `data` and renders it; several may run at once, in threads.
    `unclosed` is what the ledger told of the months, by `proof.write_unclosed`: a notebook does not ask it; `told` are
    the settings that judge a month, for the manifest; `organization`: who belongs where, instead of the file that the
    settings name.

    Gives the page, `output_dir/2025-09/flex_credits.html`, of a year `output_dir/2025/year.html`, of a comparison with
    a month that is named `compare_months_vs_2025-07.html`; of made-up data it is in a folder `demo` there. The executed
    notebook and the page's manifest lie beside it. Raises `NotebookFailed` when a cell fails: then no page is written,
    one that was there stays, and the marked notebook is kept as `flex_credits.failed.ipynb`. Raises `DiskFailed`.
    """
    source = request.notebook
    folder = output_dir / (DEMO if is_made_up(data) else "") / request.period
    ends = (".html", ".ipynb", MANIFEST, FAILED)
    page, executed, manifest, failed = (folder / f"{request.stem}{end}" for end in ends)
    with report_disk(folder, REPORTS):
        folder.mkdir(parents=True, exist_ok=True)
        with _make_draft(folder) as draft, ThreadPoolExecutor(1) as pool:
            # To import the renderer takes as long as to run the notebook: both at once.
            exporter = pool.submit(open_exporter)
            drafted, written, log = draft / executed.name, draft / page.name, draft / "reads"
            try:
                own = partial(open_kernel, data, source.parent, unclosed, log, keeps=True, organization=organization)
                how = {"progress_bar": PROGRESS if shows_progress else False, "execution_timeout": cell_limit}
                node = execute_notebook(source, drafted, request.values, own, how)
                written.write_text(render_notebook(node, exporter.result()), "utf-8")
                made = build_manifest(request, written, log, data, told=told or {}, unclosed=unclosed)
                (draft / manifest.name).write_text(made, "utf-8")
                if names_people(json.loads(made)):  # as the files that are made of the page
                    for one in draft.iterdir():
                        one.chmod(PRIVATE)
            except NotebookFailed as error:
                if drafted.exists():
                    drafted.chmod(PRIVATE)  # nobody knows whom it names
                    drafted.replace(failed)
                raise NoPage(error, str(failed)) from error
            with STEP:
                drafted.replace(executed)
                written.replace(page)
                (draft / manifest.name).replace(manifest)
            failed.unlink(missing_ok=True)
    return page


def stop_reports() -> None:
    """Ends what the reports of other threads have begun, kernels and drafts: the threads cannot be ended, so that the
    caller ends the process next. Pages that are in place are whole."""
    STEP.acquire()  # for good: none of them begins anything more
    kill_kernels()
    for draft in tuple(_DRAFTS):
        shutil.rmtree(draft, ignore_errors=True)


def read_state(page: Path) -> dict[str, Any] | None:
    """What the notebook behind a page says of the month that it loaded: `state`, `missing`, `possible_duplicates`; None
    where it says nothing.
    """
    cells = json.loads(page.with_suffix(".ipynb").read_text("utf-8"))["cells"]
    outputs = (output.get("data", {}) for cell in cells for output in cell.get("outputs", ()))
    return next((data[STATE_TYPE] for data in outputs if STATE_TYPE in data), None)


def render_notebook(notebook: NotebookNode, exporter: TemplateExporter | None = None) -> str:
    """The page of an executed notebook: one file, no code, nothing loaded from anywhere; the same for the same outputs.

    Raises `NotebookFailed` when an output brings something that a page would load or run.
    """
    exporter = exporter or open_exporter()
    outputs = (output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))
    shown = "".join(data["text/html"] for data in outputs if "text/html" in data)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", shown, re.DOTALL)
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    # Also where the page leaves it out.
    named = next(filter(None, (HEADING.search(cell.source) for cell in texts)), None)
    is_shown = any(
        HEADING.search(cell.source) for cell in texts if not HIDDEN.intersection(cell.metadata.get("tags", ()))
    )
    title = html.unescape(re.sub(r"<[^>]+>", "", heading[1])) if heading else named[1] if named else "Report"
    page, __ = exporter.from_notebook_node(notebook, resources={"title": " ".join(title.split()),
        "has_heading": bool(heading) or is_shown, "style": render_page_style(), "policy": POLICY,
        "language": find_language(), "metadata": {"name": "report"}})  # fmt: skip
    if loaded := find_loaded(page):
        piece = " ".join(loaded.split())[:80]
        raise NotebookFailed(_("An output would load or run something when the page is opened: {piece!r}. Take it out.")
            .format(piece=piece))  # fmt: skip
    return page


@contextmanager
def _make_draft(folder: Path) -> Iterator[Path]:
    with STEP:
        draft = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
        _DRAFTS.add(draft)
    try:
        yield draft
    finally:
        shutil.rmtree(draft)
        _DRAFTS.discard(draft)


def open_exporter() -> TemplateExporter:
    """What makes a page of a notebook; of use for many."""
    import_notebooks()
    from nbconvert.exporters import TemplateExporter
    from traitlets.config import Config

    hidden = {"remove_cell_tags": HIDDEN, "remove_all_outputs_tags": {"remove_output"}}
    exporter: TemplateExporter = TemplateExporter(  # type: ignore[no-untyped-call]
        config=Config(TagRemovePreprocessor={"enabled": True, **hidden}),
        template_name="flexlib",
        template_file="index.html.j2",
        extra_template_basedirs=[str(files("flexlib") / "templates")],
        filters={"drop_lab_style": _drop_lab_style, "render_markdown": _render_markdown},
    )
    exporter.output_mimetype = "text/html"
    return exporter


def _drop_lab_style(text: str) -> str:
    return re.sub(rf'<style class="{LAB_STYLE}">.*?</style>\n?', "", text, flags=re.DOTALL)


def _render_markdown(text: str) -> str:
    from nbconvert.filters import markdown2html

    # Its headings carry a sign to link to them: of use in a document, a stray mark in a report. Prose of ours is in the
    # catalogue.
    return re.sub(r'<a class="anchor-link".*?</a>', "", str(markdown2html(_(text))))
