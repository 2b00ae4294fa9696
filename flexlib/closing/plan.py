"""What a month's run does, out of `params/month.yaml`; without that file what it does by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flexlib.addresses import EMAIL
from flexlib.errors import BadFile, BadParameter, FlexlibError
from flexlib.guesses import read_zone
from flexlib.i18n import LANGUAGES, _, join_or, join_texts
from flexlib.nesting import Faults, explain_fields, format_given
from flexlib.nesting.yaml_texts import Place, decode_yaml, explain_unread, find_places
from flexlib.refusals import explain_refusal
from flexlib.setting_values import has_file

PLAN = Path("params", "month.yaml")
"""In the folder of the project."""
SWITCHES = ("fetch", "rates", "ledger", "organization", "budgets", "notices", "site", "mail")
"""Steps that the file may leave out."""
FLAGS = ("names", "share")


@dataclass(frozen=True)
class ReportLine:
    """One notebook with its parameters."""

    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MonthPlan:
    """What `params/month.example.yaml` explains."""

    zone: str = "UTC"
    left_out: frozenset[str] = frozenset()
    """Those of `SWITCHES` that are `no`."""
    folder: str | None = None
    """Whose files are imported."""
    import_options: tuple[str, ...] = ()
    reports: tuple[ReportLine, ...] | None = None
    """None: those for which something is stored."""
    beside: tuple[str, ...] = ()
    """Formats of the files beside each page, as `flexlib report --with` takes them."""
    exports: tuple[str, ...] = ("csv",)
    """Formats of `flexlib export`: what every program reads, unless told otherwise."""
    unshared: frozenset[str] = frozenset()
    """Those of all formats whose rows are finer than a page that everybody may see, where it is for them."""
    operator: str | None = None
    """The e-mail of who is told of a step that failed."""
    names: bool = False
    share: bool = False
    """Whether pages, site and what is mailed are for everybody to see."""
    language: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Of the file, by what they say."""
    file: Path | None = None
    """Where it stands; None where there is no file."""


def read_plan(path: Path, formats: Mapping[str, Any], *, is_named: bool = False) -> MonthPlan:
    """The plan of a YAML file; that of no file where there is none, unless somebody has named it. `formats`: those that
    `flexlib export` knows, with `is_of_page`. Raises `BadFile` with all faults, each with its line."""
    if not is_named and not has_file(path):
        return MonthPlan()
    try:
        text = path.read_text("utf-8")
        content, (whole, places) = decode_yaml(text) or {}, find_places(text, path, "reports")
    except OSError as error:
        raise BadFile(
            _("{path} cannot be read: {strerror}; give the path of a YAML file as params/month.example.yaml.").format(
                path=path, strerror=explain_refusal(error)
            )
        ) from error
    except ValueError as error:
        raise BadFile(explain_unread(path, error)) from error
    if not isinstance(content, dict):
        raise _explain_unknown(path, content)
    faults, fields, lines, items = Faults(), dict[str, Any](), whole.fields, list[int]()
    for name, value in content.items():
        is_list = name == "reports" and isinstance(value, list) and bool(value)
        parts = [([one], place) for one, place in zip(value, places, strict=True)] if is_list else []
        for part, place in parts or [(value, whole.at(name))]:
            for one, found in (faults.read(_read_field, name, part, place, formats) or {}).items():
                fields[one] = fields.get(one, ()) + found if is_list else found
                items += [place.line] if name == "reports" else []
    faults.found += _check_pages(fields, items, path)
    said: list[tuple[int, Mapping[str, Any]]] = [
        (lines[name], {name: fields[name]}) for name in ("zone", "names") if name in fields
    ]
    said += [(line, _list_told(one)) for one, line in zip(fields.get("reports") or (), items, strict=False)]
    faults.found += _check_together(fields, said, lines, path)
    faults.tell()
    left_out = frozenset(name for name in SWITCHES if content.get(name) is False)
    unshared = frozenset(name for name, one in formats.items() if fields.get("share") and not one.is_of_page)
    return MonthPlan(left_out=left_out, unshared=unshared, lines=lines, file=path, **fields)


def _read_field(name: object, value: object, where: Place, formats: Collection[str]) -> dict[str, Any]:
    """What one line says, by the names of `MonthPlan`. Raises `BadFile`."""
    try:
        if name in FORMATS:
            return {} if value is None else {FORMATS[str(name)]: _read_formats(value, formats)}
        if name in READERS:
            return {} if value is None else READERS[str(name)](value)
        if name not in (*SWITCHES, *FLAGS):
            raise _explain_unknown(where, {name: ""})
        if type(value) is not bool:
            raise ValueError(_("yes or no"))
    except BadParameter as error:
        raise BadFile(join_texts([str(where), str(error)], ": ")) from error
    except ValueError as error:
        said = _("{where} has {name}: {given}; give {what}.")
        raise BadFile(said.format(where=where, name=name, given=format_given(value), what=error)) from error
    return {str(name): value} if name in FLAGS else {}


def _explain_unknown(where: object, given: object) -> BadFile:
    if isinstance(given, dict) and "roster" in given:
        said = _(
            "{where}: roster is no field of a month's plan; FLEXLIB_ORGANIZATION=FILE names it for all of its steps."
        )
        return BadFile(said.format(where=where))
    return BadFile(explain_fields(where, _("a month's plan"), given, {*SWITCHES, *FLAGS, *READERS, *FORMATS}))


def _check_together(
    fields: Mapping[str, Any], said: Collection[tuple[int, Mapping[str, Any]]], lines: Mapping[str, int], path: Path
) -> list[str]:
    """A sentence for each line of which something is `said`, of all pages or of one, that cannot stand beside another:
    what is shared names nobody and is of UTC, as focus is."""
    apart = {
        "share": (fields.get("share"), _("share: yes, for pages that everybody may see")),
        "with": ("focus" in fields.get("beside", ()), _("focus, which is of days of UTC")),
    }
    text, found = _("line {line} of {path} has {what}, and line {other} has {given}; take one of them out."), []
    for name, (is_there, what) in apart.items():
        for other, given in sorted(said, key=lambda one: one[0]) if is_there else ():
            wrong = [f"zone: {given['zone']}"] if given.get("zone", "UTC") != "UTC" else []
            wrong += ["names: yes"] if name == "share" and given.get("names") is True else []
            found += [text.format(line=lines[name], path=path, what=what, other=other, given=one) for one in wrong]
    return found


def _list_told(one: ReportLine) -> Mapping[str, Any]:
    """Its parameters, without a zone that is none of times; of a notebook that there is not as they stand."""
    from flexlib.report.parameters import find_notebook, read_parameters
    from flexlib.report.values import find_zone

    with suppress(FlexlibError):
        return {**one.parameters, "zone": find_zone(one.parameters, read_parameters(find_notebook(one.notebook)))}
    return one.parameters


def _check_pages(fields: Mapping[str, Any], lines: list[int], path: Path) -> list[str]:
    """A sentence for each line whose notebook or parameters there are not, that gives one which the run sets itself,
    that cannot be shared, or whose page another one writes."""
    from flexlib.report.parameters import check_request, find_notebook, read_parameters
    from flexlib.report.shared import check_shared_report

    said, pages = list[str](), dict[str, int]()
    taken = {"year", "month", *(["names"] if fields.get("names") else [])}
    for one, line in zip(fields.get("reports") or (), lines, strict=False):
        if given := sorted(one.parameters.keys() & taken):
            text = _("line {line} of {path} gives {parameters}, which the run sets itself; take it out.")
            said.append(text.format(line=line, path=path, parameters=", ".join(given)))
            continue
        try:
            known = read_parameters(find_notebook(one.notebook))
            month = {name: value for name, value in (("year", 2025), ("month", 1)) if name in known}
            stem = check_request(one.notebook, {**one.parameters, **month}).stem
            check_shared_report(known, one.parameters, fields)
        except FlexlibError as error:
            said.append(_("line {line} of {path}: {why}").format(line=line, path=path, why=error))
            continue
        if stem in pages:
            text = _("line {line} of {path} makes the page {page}, as line {before} does; take one of them out.")
            said.append(text.format(line=line, path=path, page=stem, before=pages[stem]))
        pages.setdefault(stem, line)
    return said


def _read_zone(value: object) -> dict[str, Any]:
    return {"zone": read_zone(value).key}


def _read_import(value: object) -> dict[str, Any]:
    given = {"folder": value} if isinstance(value, str) else value
    if (
        not isinstance(given, dict)
        or not given.keys() <= {"folder", "options"}
        or not isinstance(given.get("folder"), str)
        or not isinstance(options := given.get("options", []), list)
        or not all(isinstance(one, str) for one in options)
    ):
        raise ValueError(_("a folder, or folder: and options:, a list of those of flexlib import in quotes"))
    return {"folder": given["folder"], "import_options": tuple(options)}


def _read_reports(value: object) -> dict[str, Any]:
    lines = []
    for one in value if isinstance(value, list) else [value]:
        given = {"notebook": one} if isinstance(one, str) else one
        if (
            not isinstance(given, dict)
            or not given.keys() <= {"notebook", "parameters"}
            or not isinstance(given.get("notebook"), str)
            or not isinstance(parameters := given.get("parameters", {}), dict)
            or not all(isinstance(name, str) for name in parameters)
        ):
            raise ValueError(_("a list of notebooks, each a name, or notebook: and parameters:"))
        lines.append(ReportLine(given["notebook"], parameters))
    return {"reports": tuple(lines)}


def _read_formats(value: object, known: Collection[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one in known for one in value):
        raise ValueError(_("a list of formats out of {known}, such as [csv]").format(known=", ".join(known)))
    return tuple(dict.fromkeys(value))


def _read_operator(value: object) -> dict[str, Any]:
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise ValueError(_("an e-mail address"))
    return {"operator": value}


def _read_language(value: object) -> dict[str, Any]:
    if value not in LANGUAGES:
        raise ValueError(join_or(LANGUAGES))
    return {"language": value}


FORMATS = {"with": "beside", "exports": "exports"}
"""What takes a list of formats, and the field that it is of."""
READERS: Mapping[str, Callable[[object], dict[str, Any]]] = {
    "zone": _read_zone,
    "import": _read_import,
    "reports": _read_reports,
    "operator": _read_operator,
    "language": _read_language,
}
"""What else the file may say, and how it is read; a `ValueError` says what is to be given."""
