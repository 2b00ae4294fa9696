"""What a month's run does, out of `params/month.yaml`; without that file what it does by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flexlib.addresses import EMAIL
from flexlib.errors import BadFile
from flexlib.i18n import LANGUAGES, _
from flexlib.nesting import decode_yaml, format_given

PLAN = Path("params", "month.yaml")
"""In the folder of the project."""
SWITCHES = ("fetch", "rates", "ledger", "organization", "budgets", "notices", "site", "mail")
"""Steps that the file may leave out."""


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
    operator: str | None = None
    """The e-mail of who is told of a step that failed."""
    names: bool = False
    language: str | None = None
    file: Path | None = None
    """Where it stands; None where there is no file."""


def read_plan(path: Path, *, is_named: bool = False) -> MonthPlan:
    """The plan of a YAML file; that of no file where there is none, unless somebody has named it. Raises `BadFile`."""
    if not path.exists() and not is_named:
        return MonthPlan()
    try:
        content = decode_yaml(path.read_text("utf-8")) or {}
    except OSError as error:
        raise BadFile(
            _("{path} cannot be read: {strerror}; give the path of a YAML file as params/month.example.yaml.").format(
                path=path, strerror=(error.strerror or str(error)).lower()
            )
        ) from error
    except ValueError as error:
        raise BadFile(_("{path} cannot be read as YAML: {error}.").format(path=path, error=error)) from error
    known = {*SWITCHES, *READERS}
    if not isinstance(content, dict) or not content.keys() <= known:
        wrong = sorted(map(str, content.keys() - known)) if isinstance(content, dict) else [format_given(content)]
        raise BadFile(
            _("{path} has {wrong}; a month's plan takes {known}.").format(
                path=path, wrong=", ".join(wrong), known=", ".join(sorted(known))
            )
        )
    fields: dict[str, Any] = {"file": path}
    for name, value in content.items():
        try:
            if name in SWITCHES:
                if type(value) is not bool:
                    raise ValueError("yes or no")
            elif value is not None:
                fields |= READERS[name](value)
        except ValueError as error:
            raise BadFile(
                _("{path} has {name}: {given}; give {error}.").format(
                    path=path, name=name, given=format_given(value), error=error
                )
            ) from error
    return MonthPlan(left_out=frozenset(name for name in SWITCHES if content.get(name) is False), **fields)


def _read_zone(value: object) -> dict[str, Any]:
    try:
        ZoneInfo(str(value))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError("a time zone, such as America/Santiago") from error
    return {"zone": str(value)}


def _read_import(value: object) -> dict[str, Any]:
    given = {"folder": value} if isinstance(value, str) else value
    if (
        not isinstance(given, dict)
        or not given.keys() <= {"folder", "options"}
        or not isinstance(given.get("folder"), str)
        or not isinstance(options := given.get("options", []), list)
        or not all(isinstance(one, str) for one in options)
    ):
        raise ValueError("a folder, or folder: and options:, a list of those of flexlib import in quotes")
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
            raise ValueError("a list of notebooks, each a name, or notebook: and parameters:")
        lines.append(ReportLine(given["notebook"], parameters))
    return {"reports": tuple(lines)}


def _read_formats(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.isalnum() for one in value):
        raise ValueError("a list of formats of flexlib export, such as [csv]")
    return tuple(dict.fromkeys(value))


def _read_operator(value: object) -> dict[str, Any]:
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise ValueError("an e-mail address")
    return {"operator": value}


def _read_names(value: object) -> dict[str, Any]:
    if type(value) is not bool:
        raise ValueError("yes or no")
    return {"names": value}


def _read_language(value: object) -> dict[str, Any]:
    if value not in LANGUAGES:
        raise ValueError(" or ".join(LANGUAGES))
    return {"language": value}


READERS: Mapping[str, Callable[[object], dict[str, Any]]] = {
    "zone": _read_zone,
    "import": _read_import,
    "reports": _read_reports,
    "with": lambda value: {"beside": _read_formats(value)},
    "exports": lambda value: {"exports": _read_formats(value)},
    "operator": _read_operator,
    "names": _read_names,
    "language": _read_language,
}
"""What else the file may say, and how it is read; a `ValueError` says what is to be given."""
