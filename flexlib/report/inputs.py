"""Which inputs of a page are others now than when it was made, by its manifest and without making it again."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from flexlib.certificate import AnyCertificate
from flexlib.dates import SHARED_ZONE, Month
from flexlib.home import find_home
from flexlib.i18n import _
from flexlib.report.folder import find_packaged
from flexlib.report.values import find_page_zone
from flexlib.settings import Settings
from flexlib.sources.registry import LEDGER
from flexlib.store.ended import FILE as ENDED
from flexlib.store.fx import find_rates
from flexlib.store.row_hash import hash_file
from flexlib.store.snapshots import list_newest

FOLDER_HASH = 8
"""Letters of the hash of a folder outside the project."""
SETTINGS = ("budgets", "organization")
"""Files that settings name."""
PARAMETERS = ("events.yaml", "chargeback.yaml", "flex_credits.yaml")
"""Files in `params/` that the commands of a month read besides those that settings name."""
RATES = "rates/"
TABLE = re.compile(rf"{RATES}[a-z]{{3}}_[a-z]{{3}}\.csv")
OF_VERSION = re.compile(r"(credits|usage|charges)/\d{4}-\d{2}/.*")
"""A file of a stored version, which the hash of its rows stands for."""
WITHOUT_DEPARTMENTS = ("compare_months", "flex_credits", "forecast", "latency", "llm_usage")
"""Our notebooks that know of people and of models, and of no department but in budgets."""
KNOWN = re.compile(
    r"ended\.json|(rates|prices)/\w+\.csv|(credits|usage|charges)/\d{4}-\d{2}/([^/]+/)?[^/]+/[a-z]+\.(json|parquet)|params/events\.yaml"
)
"""Files that they read besides, by their places in the data folder and the project: budgets are in no such place."""
PLACED = re.compile(rf"({RATES}|prices/|params/).+|{re.escape(ENDED)}")
"""A file that was in the data folder or the project, so that it is known whether it is gone."""

Manifest = Mapping[str, Any]


def name_input(file: Path, data: Path) -> str:
    """The name that a manifest has for what is no stored month: from the data folder or the project on; of what lies
    elsewhere a hash tells where."""
    if file.is_relative_to(data):
        return file.relative_to(data).as_posix()
    return name_file(file) if find_project(file) else name_outside(file)


def name_outside(file: Path) -> str:
    return f"{hashlib.sha256(str(file.parent).encode()).hexdigest()[:FOLDER_HASH]}/{file.name}"


def name_file(file: Path) -> str:
    """From the project's folder on, else its name alone: where it lies on this machine is nobody's business."""
    return file.relative_to(find_project(file) or file.parent).as_posix()


def find_project(file: Path) -> Path | None:
    return next((home for home in (find_home(), find_packaged()) if file.is_relative_to(home)), None)


def name_sought(sought: Iterable[str], data: Path) -> list[str]:
    """Of what a page would have read if it had been there the names that it has later, see `Inputs.known`."""
    names = (one if one in SETTINGS else name_input(Path(one), data) for one in sought)
    return sorted(one for one in names if one in SETTINGS or PLACED.fullmatch(one))


def hash_rates(manifest: Manifest, data: Path) -> dict[str, str]:
    """By the name of each table of rates that the page read a hash of those that hold on the days whose rates it takes:
    of the rates that are added each day no earlier month is another one."""
    return {
        name: hashlib.sha256("\n".join(_list_holding(manifest, data / name)).encode()).hexdigest()
        for name in manifest["files"]
        if TABLE.fullmatch(name) and manifest["snapshots"] and (data / name).is_file()
    }


def find_stored(months: Iterator[Month] | set[Month], root: Path) -> dict[str, AnyCertificate]:
    """What is stored of the months now, by the names of a manifest."""
    newest = (one for month in months for one in list_newest(month, root))
    return {f"{one.dataset}/{one.month}/{one.source}": one.certificate for one in newest}


def list_restored(made_of: Mapping[str, str], stored: Mapping[str, AnyCertificate]) -> set[str]:
    """The stored months of whose other rows, by their hashes, something was made."""
    return {name for name, rows in made_of.items() if name in stored and stored[name].rows_sha256 != rows}


def has_no_departments(manifest: Manifest) -> bool:
    """Whether a page is of a notebook of ours that knows of none, and read no file that may be of departments."""
    name = Path(str(manifest["notebook"].get("file")))
    own = find_packaged() / "notebooks" / name.name
    if name.stem not in WITHOUT_DEPARTMENTS or not own.is_file():
        return False
    return manifest["notebook"].get("sha256") == hash_file(own) and all(map(KNOWN.fullmatch, manifest["files"]))


def find_month(name: str) -> Month:
    """That of `credits/2025-09/windsurf`."""
    return Month.parse(name.split("/")[1])


@dataclass(frozen=True)
class Inputs:
    """What pages are made of besides stored months, as it is now."""

    settings: Settings
    data: Path
    roster: Path | None = None
    """What is beside the page has the departments of this file, instead of the organization that the settings name."""

    @cached_property
    def known(self) -> dict[str, Path]:
        """The files that a page may read, as far as they are there."""
        params = (find_home() / "params" / name for name in PARAMETERS)
        tables = (*self.data.glob("prices/*.csv"), *self.data.glob(f"{RATES}*.csv"), self.data / ENDED)
        named = filter(None, self._named.values())
        files = (Path(os.path.abspath(one)) for one in (*tables, *params, *named) if one.is_file())
        return {name_input(one, self.data): one for one in files}

    @cached_property
    def _named(self) -> dict[str, Path | None]:
        """The files of `SETTINGS`."""
        found = (self.settings.budgets, self.roster or self.settings.organization)
        return {what: file and Path(os.path.abspath(file)) for what, file in zip(SETTINGS, found, strict=True)}

    def list_moved(self, manifest: Manifest, page: Path) -> list[str]:
        """In words the files and settings that are others now, such as `the file prices/windsurf_credits.csv`."""
        file, setting = _("the file {name}"), _("the setting {name}")
        names = sorted({*self._list_changed(manifest), *self._list_new(manifest, page), *self._list_gone(manifest)})
        found = [file.format(name=_shorten(name)) for name in names]
        now = self.settings.judging
        moved = sorted(name for name, then in manifest["settings"].items() if now.get(name, then) != then)
        return [*dict.fromkeys(found), *(setting.format(name=name) for name in moved)]

    def _list_changed(self, manifest: Manifest) -> Iterator[str]:
        rates, given = hash_rates(manifest, self.data), self._list_given(manifest)
        for name, then in manifest["files"].items():
            place = self._find(name, given)
            if OF_VERSION.fullmatch(name) or place is None or hash_file(place) == then:
                continue
            if name in rates:
                noted = manifest.get("rates", {}).get(name)
                if noted == rates[name] or (noted is None and _begins_so(place, then)):
                    continue
            yield name

    def _list_new(self, manifest: Manifest, page: Path) -> Iterator[str]:
        """Those that were not there when the page was made."""
        then = manifest["files"]
        for name in self.known.keys() - then.keys():
            file = self.known[name]
            is_moved = hash_file(file) in then.values()  # to another folder
            may_show = not TABLE.fullmatch(name) or any(_list_holding(manifest, file))
            if may_show and not is_moved and self._is_sought(name, manifest, page):
                yield name

    def _is_sought(self, name: str, manifest: Manifest, page: Path) -> bool:
        """Whether the page would have read the file if it had been there; of a manifest that does not say so, whether
        it is newer than the page."""
        file, sought = self.known[name], manifest.get("sought")
        if sought is not None:
            named = {what for what, one in self._named.items() if one == file}
            return bool(named & {*sought}) or any(fnmatchcase(name, one) for one in sought)
        if self.roster is not None and file == self._named["organization"]:
            return not has_no_departments(manifest)
        return file.stat().st_mtime > page.stat().st_mtime

    def _list_gone(self, manifest: Manifest) -> Iterator[str]:
        """Those that are not where they were, and those that settings named and name no more."""
        for what, file in self._named.items():
            if (name := manifest.get(what)) and not (file and file.is_file()):
                yield name
        given = self._list_given(manifest)
        gone = (name for name in manifest["files"] if self._find(name, given) is None)
        yield from (name for name in gone if name in given or PLACED.fullmatch(name))

    def _list_given(self, manifest: Manifest) -> dict[str, Path]:
        """By the names that a manifest would have for them the files that the page's own parameters may name, from the
        folder of its notebook on or from that of the project."""
        home, found = find_home(), dict[str, Path]()
        for value in manifest["parameters"].values():
            for one in value if isinstance(value, list) else [value]:
                for folder in ((home / manifest["notebook"]["file"]).parent, home) if isinstance(one, str) else ():
                    file = Path(os.path.abspath(folder / one))
                    found |= dict.fromkeys((name_outside(file), name_input(file, self.data)), file)
        return found

    def _find(self, name: str, given: Mapping[str, Path]) -> Path | None:
        """Where it is now; None where it is gone, or lies nobody knows where."""
        places = (self.known.get(name), *(root / name for root in (self.data, find_home(), find_packaged())))
        places = (*places, given.get(name))
        return next((one for one in places if one and one.is_file()), None)


def _list_holding(manifest: Manifest, table: Path) -> Iterator[str]:
    """The rates that hold on the days whose rates a page takes, a line a day."""
    base, quote = table.stem.upper().split("_")
    found = find_rates(_list_days(manifest), table.parents[1], (base, quote))
    return (f"{day} {one.day} {one.value} {one.source}" for day, one in found.items())


def _list_days(manifest: Manifest) -> list[date]:
    """Those whose rates a page takes: of Windsurf's credits and of bills their own, in every zone; of what is a month's
    its first. Calls have had their pesos since they were stored. To a month of another zone than UTC the one after it
    lends hours of calls, and no more; only budgets go on into that."""
    months = {find_month(name) for name in manifest["snapshots"]}
    year, month = (manifest["parameters"].get(name) for name in ("year", "month"))
    if find_page_zone(manifest) != SHARED_ZONE and year and not manifest.get("budgets"):
        months = {one for one in months if one <= Month(year, month or 12)}
    own_days = {find_month(name) for name in manifest["snapshots"] if not name.startswith(f"{LEDGER.dataset}/")}
    return [day for one in sorted(months) for day in (one.span if one in own_days else (one.first,))]


def _begins_so(file: Path, then: str) -> bool:
    """Whether lines were only added to the end of what a file was."""
    so_far = hashlib.sha256()
    for line in file.read_bytes().splitlines(keepends=True):
        so_far.update(line)
        if so_far.hexdigest() == then:
            return True
    return False


def _shorten(name: str) -> str:
    """Where it lies outside is nobody's business."""
    return name.partition("/")[2] if re.match(rf"[0-9a-f]{{{FOLDER_HASH}}}/", name) else name
