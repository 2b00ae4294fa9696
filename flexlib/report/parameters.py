"""What a report may be given: the notebooks there are, their parameters, and what must never be one."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexlib.dates import SHARED_ZONE, Month
from flexlib.errors import BadParameter
from flexlib.guesses import guess_names
from flexlib.home import find_home
from flexlib.i18n import _, join_and, join_or, translate_count
from flexlib.nesting import decode_json, format_given
from flexlib.refusals import explain_refusal
from flexlib.report.folder import find_packaged
from flexlib.report.values import Parameter as Parameter
from flexlib.report.values import check_value, find_zone
from flexlib.setting_values import explain_unknown

REQUIRED = ("year", "month")
"""What has a default only so that the notebook can be worked on: a report says which month it is of."""

SECRET_NAMES = {"key", "apikey", "token", "password", "passwd", "pwd", "secret", "credential", "credentials", "auth"}

SECRET_VALUE = re.compile(
    r"\bsk-\w"  # keys of several providers
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # a Windsurf service key is a UUID
    r"|\b(?:gh[a-z]_|xox[a-z]-|AKIA)\w{8}|\beyJ\w{10}"  # other common kinds
    r"|^[\w\-+/=]{32,}$",  # and any long word that nobody would type
    re.IGNORECASE | re.ASCII,
)

AGAINST = "_vs_"
"""In the name of a page: behind it stands what its month is held against."""

NBFORMAT = 4
"""How Jupyter has written notebooks since 2015; those before had no cells of their own."""

HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)
"""Of a notebook in its own words."""

CELLS = ("code", "markdown", "raw")


def find_notebook(notebook: str) -> Path:
    """The file of a notebook: a path, or a name in `notebooks/` of the current folder, else of those that come along.

    Raises `BadParameter`, with the names there are.
    """
    as_path = Path(notebook)
    if as_path.suffix == ".ipynb" and as_path.is_file():
        return as_path.absolute()
    folders = _list_folders()
    for folder in folders:
        file = folder / f"{notebook.removesuffix('.ipynb')}.ipynb"
        if file.is_file():
            return file
    known = sorted({file.stem for folder in folders for file in folder.glob("*.ipynb")})
    said = _(
        "There is no notebook {notebook!r}{near}; there is {known} in {folders}. Give one of these names, "
        "or the path of an .ipynb file."
    )
    near, names = guess_names([notebook], known), ", ".join(known) or _("none")
    raise BadParameter(said.format(notebook=notebook, near=near, known=names, folders=folders[-1]))


def list_notebooks() -> dict[str, str]:
    """The names of the notebooks that there are, of a month or a year, with the heading of each in the reader's
    language."""
    found = {file.stem: file for folder in reversed(_list_folders()) for file in sorted(folder.glob("*.ipynb"))}
    return {name: _read_heading(file) for name, file in sorted(found.items()) if "year" in read_parameters(file)}


def _list_folders() -> list[Path]:
    """Where notebooks are looked for, the first one first."""
    return [home / "notebooks" for home in dict.fromkeys((Path.cwd(), find_home(), find_packaged()))]


def _read_heading(notebook: Path) -> str:
    cells = _read_notebook(notebook)["cells"]
    texts = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = next(filter(None, (HEADING.search(_(text)) for text in texts)), None)
    return found[1] if found else notebook.stem


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """The parameters that a notebook declares, in its order, each with its choices and what it is: its metadata may say
    `"flexlib": {"choices": {"of": ["credits", "usd"]}, "kinds": {"top": "count"}}`. Raises `BadParameter` when it is no
    notebook."""
    content = _read_notebook(notebook)
    tagged = [cell for cell in content["cells"] if "parameters" in (cell["metadata"].get("tags") or [])]
    try:
        tree = ast.parse("".join("".join(cell["source"]) for cell in tagged[:1]))
    except (SyntaxError, ValueError) as error:
        raise BadParameter(
            _("The parameters of {notebook} are no Python (line {line}); correct them in Jupyter.").format(
                notebook=notebook, line=getattr(error, "lineno", 1)
            )
        ) from error
    found, (choices, kinds) = {}, (read_map(content, name) for name in ("choices", "kinds"))
    for node in tree.body:
        target: ast.expr
        if isinstance(node, ast.AnnAssign):
            target, kind = node.target, ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            target, kind = node.targets[0], ""
        else:
            continue
        if isinstance(target, ast.Name):
            offered, default = choices.get(target.id), ast.unparse(node.value) if node.value else ""
            of = tuple(offered) if isinstance(offered, list) else ()
            found[target.id] = Parameter(target.id, kind, default, of, str(kinds.get(target.id, "")))
    return found


def read_dataset(notebook: Path) -> tuple[str, int]:
    """Which snapshots the notebook reads, and of how many months before its own: its metadata may say
    `"flexlib": {"reads": "usage", "months_before": 8}`, else `credits` and of one."""
    said = _read_own(_read_notebook(notebook))
    before = said.get("months_before", 1)
    return str(said.get("reads", "credits")), before if type(before) is int else 1


def _read_own(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a notebook's metadata say to flexlib."""
    own = content["metadata"].get("flexlib")
    return own if isinstance(own, dict) else {}


def read_map(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What a notebook's metadata say to flexlib of its parameters, by their names: their `choices` or `kinds`."""
    found = _read_own(content).get(name)
    return found if isinstance(found, dict) else {}


def _read_notebook(file: Path) -> dict[str, Any]:
    """What a notebook holds, as Jupyter would read it. Raises `BadParameter` for what is none."""
    try:
        content: dict[str, Any] = decode_json(file.read_text("utf-8"))
        if content["nbformat"] != NBFORMAT or type(content["nbformat_minor"]) is not int:
            raise ValueError(_("it is not of Jupyter's format {number}").format(number=NBFORMAT))
        content["metadata"].get("flexlib")
        for cell in content["cells"]:
            cell["metadata"].get("tags"), "".join(cell["source"])
            if cell["cell_type"] not in CELLS:
                said = _("a cell is {given}, and not {kinds}")
                raise ValueError(said.format(given=format_given(cell["cell_type"]), kinds=join_or(CELLS)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = explain_refusal(error)
        if isinstance(error, KeyError):
            why = _("it lacks {name}").format(name=error)
        elif isinstance(error, TypeError | AttributeError):
            why = _("it is not built as one")
        raise BadParameter(
            _("{file} cannot be read as a notebook ({why}); save it again from Jupyter.").format(file=file, why=why)
        ) from error
    return content


@dataclass(frozen=True)
class ReportRequest:
    """A report that can be made: a notebook and parameters that it can take, checked."""

    notebook: Path
    values: dict[str, Any]
    month: Month | None
    """Of which it is; None where the notebook declares no year and month."""
    reads: str | None
    """The dataset whose month it reads, `credits` or `usage`; None where it is of no month."""
    months_before: int = 1
    """Months before it that it reads too."""
    zone: str = SHARED_ZONE
    """Of its month."""

    @property
    def stem(self) -> str:
        """The name of its page: the notebook's, with what its month is held against where that is named."""
        against = str(self.values.get("against") or "")
        return self.notebook.stem + f"{AGAINST}{against}" * bool(re.fullmatch(r"[\w@-]+", against, re.ASCII))

    @property
    def period(self) -> str:
        """The month, or the year, that it is of; empty where it is of none: the folder of its page."""
        return str(self.month or self.values.get("year", ""))


def check_request(notebook: str, given: Mapping[str, Any], service_key: str | None = None) -> ReportRequest:
    """The report of a notebook (a name or a path) with these parameters: every name known, `year` and `month` there
    where it declares them, each of its kind, no secret.

    Raises `BadParameter`, which never repeats a value that may be a secret, and `BadMonth`.
    """
    source = find_notebook(notebook)
    values = _check_parameters(source, given, service_key)
    month = Month(values["year"], values["month"]) if {"year", "month"} <= values.keys() else None
    reads, before = read_dataset(source)
    zone = find_zone(values, read_parameters(source))
    return ReportRequest(source, values, month, reads if month else None, before, zone)


def _check_parameters(notebook: Path, given: Mapping[str, Any], service_key: str | None) -> dict[str, Any]:
    known = read_parameters(notebook)
    for name, value in given.items():
        text = str(value)
        if is_secret_name(name) or SECRET_VALUE.search(text) or (service_key and service_key in text):
            raise BadParameter(
                _(
                    "The parameter {name} looks like a secret, and a notebook keeps its parameters: leave it "
                    "out; the key belongs into WINDSURF_SERVICE_KEY or .env, and no notebook needs it."
                ).format(name=name)
            )
        if name not in known:
            raise explain_unknown(name, notebook.stem, known)
        check_value(known[name], value)
    missing = [name for name in REQUIRED if name in known and name not in given]
    if missing:
        raise BadParameter(
            translate_count(
                "The parameter {missing} is missing; {notebook} takes {known}. Give it, such as --year 2025.",
                "The parameters {missing} are missing; {notebook} takes {known}. Give them: --year 2025 --month 9.",
                len(missing),
            ).format(missing=join_and(missing), notebook=notebook.stem, known=", ".join(known))
        )
    return dict(given)


def is_secret_name(name: str) -> bool:
    """Whether one of the words of the name is that of a secret, as in `API_KEY`."""
    return not SECRET_NAMES.isdisjoint(re.split(r"[_\W]+", name.lower()))


def name_parameters(text: str, notebook: Path) -> str:
    """A sentence that names options of the console, such as `--of`, with those that the notebook has as a report takes
    them: `-p of`."""
    names = "|".join(read_parameters(notebook))
    command = r"\bflexlib [^;]*?(?=(?<!\.)\.(?:\s|$)|;|$)"  # one that is named keeps its own options
    return re.sub(rf"({command})|--({names})\b", lambda found: found[1] or f"-p {found[2]}", text) if names else text
