"""A notebook executed by papermill in a kernel of its own, with the file of what it showed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.errors import NotebookFailed, SnapshotChanged, SumsDiffer
from flexlib.i18n import _, write_number
from flexlib.nesting import decode_json
from flexlib.report.parameters import name_parameters

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from flexlib.report.kernel import ReportKernel

STARTS = 3
"""How often a kernel is started: of many at once one may find that another has taken its port meanwhile."""
PATHS = ("input_path", "output_path")
"""What papermill notes of where it read and wrote."""
NOT_STARTED = "before replying to kernel_info"
FORMATS = ("rfc3987_syntax", "isoduration")
"""Forms of texts that jsonschema can check: a grammar that it compiles for a second, the calendars of all languages.
The schema of a notebook asks for neither."""


def execute_notebook(
    source: Path,
    target: Path,
    values: Mapping[str, Any],
    open_own: Callable[[], AbstractContextManager[ReportKernel]],
    how: Mapping[str, Any],
    starts: int = STARTS,
) -> NotebookNode:
    """The notebook `source` with its outputs, which the file `target` has too; `open_own` opens its kernel, `how` is as
    papermill takes it. Raises `NotebookFailed`."""
    # The kernel first: it boots while papermill is imported, which takes as long.
    with open_own() as kernel:
        import_notebooks()
        import papermill
        from papermill.exceptions import PapermillExecutionError
        from papermill.iorw import papermill_io

        # It reads and writes with this whole process, all its threads, moved to where its last report was begun: of two
        # at once one may leave the process there. Every path that it is given is absolute.
        papermill_io.get_handler("local").cwd = lambda __: None
        python = {"km": kernel, "kernel_name": "python3", "language": "python"}
        try:
            # No `cwd`: the kernel has its own.
            node: NotebookNode = papermill.execute_notebook(
                _escape(source.absolute()), _escape(target.absolute()), dict(values), **how, **python
            )
        except PapermillExecutionError as error:
            what = name_parameters(f"{error.ename}: {error.evalue}", source)
            failed = NotebookFailed(
                _("Cell {exec_count} of {name} failed: {what}").format(
                    exec_count=error.exec_count, name=source.name, what=what
                )
            )
            told = {one.__name__: one.exit_code for one in (SnapshotChanged, SumsDiffer)}
            failed.exit_code = told.get(error.ename, failed.exit_code)
            raise failed from error
        except TimeoutError as error:
            limit = _("{seconds} s").format(seconds=write_number(f"{how['execution_timeout']:g}"))
            raise NotebookFailed(_("A cell of {name} took more than {limit} and was stopped")
                .format(name=source.name, limit=limit)) from error  # fmt: skip
        except RuntimeError as error:  # so nbclient says that a kernel is gone
            if starts > 1 and NOT_STARTED in str(error):
                return execute_notebook(source, target, values, open_own, how, starts - 1)
            raise NotebookFailed(
                _("The kernel of {name} ended in the middle ({error}); memory?").format(name=source.name, error=error)
            ) from error
        finally:
            if target.is_file():
                _name_files(target)
        return node


def _name_files(executed: Path) -> None:
    """Keeps the names alone of the paths that papermill notes: a notebook is handed on, and where it was made is
    nobody's business."""
    content = decode_json(executed.read_text("utf-8"))
    noted = content["metadata"]["papermill"]
    noted |= {name: Path(noted[name]).name for name in PATHS}
    executed.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True), "utf-8")


def _escape(path: Path) -> str:
    """The path as papermill takes it, which puts parameters in place of names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def import_notebooks() -> None:
    """Imports what papermill and nbconvert stand on, without what jsonschema would load on the way: see `FORMATS`."""
    for name in FORMATS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # to import it fails, as if it were missing
    import nbformat  # noqa: F401

    for name in FORMATS:
        if sys.modules.get(name, sys) is None:
            sys.modules.pop(name, None)  # another thread may have been here
