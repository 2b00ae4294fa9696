"""Files that are read otherwise than one that was imported before: refused, unless somebody said so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import Any

from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.i18n import _, join_texts
from flexlib.ingest.files.known import FileFacts, find_named, list_changes
from flexlib.sources.presets.options import name_import_options

NO_MEANING = {"preset", "evidence", "delimiter"}
"""What of a mapping changes no row: by a wrong delimiter a file has none of its columns."""


def tell_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """How two files, as their entries say, are read otherwise: by the options of each, else a clause a field."""
    if told := _tell_options(old, new):
        return told
    change, none = _("{name} {before} (now {now})"), _("not given")
    was, now = ({field: _write_given(said) for field, said in one["mapping"].items()} for one in (old, new))
    changes = list_changes(old["mapping"], new["mapping"])
    return join_texts(
        (change.format(name=one, before=was.get(one, none), now=now.get(one, none)) for one in changes), ", "
    )


def _tell_options(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The options of each; empty where they do not tell what is read otherwise, as where a preset says it."""
    before, now = name_import_options(old), name_import_options(new)
    if not (before and now) or before == now:
        return ""
    return _("{before} (now {now})").format(before=before, now=now)


def _write_given(said: object) -> str:
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said)


def refuse_reading_anew(file: FileFacts, entry: Mapping[str, Any], month: Month) -> None:
    """Raises `BadFile` for a file that is stored as its `entry` says, and is read otherwise now: nobody said so."""
    said = _(
        "{name} was imported into {month} before, with {told}; its calls would count twice. Import it as before, or "
        "with --supersedes {again} to read it anew."
    )
    if file.preset and entry.get("preset") == file.preset and not _tell_options(entry, vars(file)):
        said = _(
            "{name} is stored in {month} already, as an older flexlib read {preset}; leave it out to keep that, or "
            "import it with --supersedes {again} to read it anew."
        )
    told, again = tell_changes(entry, vars(file)), quote(entry["name"])
    raise BadFile(said.format(name=file.name, month=month, preset=file.preset, told=told, again=again))


def refuse_reading_otherwise(
    stored: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], supersedes: Iterable[str]
) -> None:
    """Raises `BadFile` where a file takes the place of one that was read otherwise: an option that was forgotten would
    let rows count that were left out, or make other amounts of them. A file of another name may be of another system,
    and of other columns."""
    for name in supersedes:
        older = [stored[number] for number in find_named(stored, name)]
        again, named = {one["sha256"] for one in older}, find_named(given, name)
        for number, new in enumerate(given):
            is_alike = any(not _list_meant(one, new) for one in older)
            is_held = number in named or any(_has_forgotten(one, new) for one in older)
            if older and new["sha256"] not in again and not is_alike and is_held:
                raise _refuse_otherwise(new, older[-1])


def _refuse_otherwise(new: Mapping[str, Any], old: Mapping[str, Any]) -> BadFile:
    preset = _find_preset(new)
    said = _(
        "{name} is read otherwise than the {older} that it is to supersede, with {told}; import it with the options of "
        "that one, or add --yes to read it by these."
    )
    if preset and preset == _find_preset(old) and name_import_options(new) and not name_import_options(old):
        said = _(
            "{name} is read otherwise than the {older} that it is to supersede, as {preset} said something else then; "
            "add --yes to read it as {preset} says now."
        )
    told = tell_changes(old, new)
    return BadFile(said.format(name=new["name"], older=old["name"], told=told, preset=preset))


def _has_forgotten(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two files are of one system, its columns and its grain, and the newer one lacks what was said of the
    other by whoever imported it."""
    preset, changes = _find_preset(new), _list_meant(old, new)
    if preset != _find_preset(old) or "grain" in changes:
        return False
    if preset and name_import_options(old) == name_import_options(new) != "":
        return False  # one export has a column that the other has not
    pairs = [(old.get("mapping", {}).get(one), new["mapping"].get(one)) for one in changes]
    is_alike = all(None in pair or list in map(type, pair) for pair in pairs)
    return is_alike and any(now is None or (isinstance(was, list) and not {*was} <= {*now}) for was, now in pairs)


def _find_preset(entry: Mapping[str, Any]) -> str:
    return str(entry.get("preset") or entry.get("mapping", {}).get("preset") or "")


def _list_meant(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of `list_changes` changes rows."""
    return list_changes(_strip_form(old.get("mapping", new["mapping"])), _strip_form(new["mapping"]))


def _strip_form(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {field: said for field, said in mapping.items() if field not in NO_MEANING}
