"""What the steps of a month's run read, each by its hash."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from flexlib.certificate import AnyCertificate
from flexlib.closing.plan import PLAN, MonthPlan
from flexlib.closing.steps import hash_made, hash_text
from flexlib.dates import Month
from flexlib.errors import FlexlibError
from flexlib.home import find_home
from flexlib.proof import SETTLING_TIME
from flexlib.report.inputs import PARAMETERS
from flexlib.setting_values import FIRST_MADE_UP, MADE_UP_BEFORE
from flexlib.settings import Settings
from flexlib.store.ended import FILE as ENDED
from flexlib.store.server import is_made_up
from flexlib.store.snapshots import list_months, list_newest

REPORTS = Path("reports")
"""Where pages go, unless told otherwise."""


@dataclass(frozen=True)
class Closing:
    """A month that is closed: whose, by which plan, and where what is made goes."""

    month: Month
    plan: MonthPlan
    settings: Settings
    """Whose `data` is the folder that is read: with made-up data the demo's."""
    output_dir: Path
    folder: Path
    """The month's own, in `output_dir`."""
    is_demo: bool = False

    @property
    def is_made_up(self) -> bool:
        """Whether nobody is told of what it is of."""
        return self.is_demo or is_made_up(self.settings.data)

    @property
    def when(self) -> tuple[str, ...]:
        """The options that name the month."""
        demo = ("--demo",) if self.is_demo else ()
        return ("--year", str(self.month.year), "--month", str(self.month.month), *demo, "--json")

    @property
    def zone_words(self) -> tuple[str, ...]:
        """The option that names the plan's zone, for commands that count in UTC without it."""
        return ("--zone", self.plan.zone) if self.plan.zone != "UTC" else ()

    @property
    def settled_at(self) -> datetime:
        """From when on what is read of the month is not provisional: credits are of UTC in every zone."""
        end = datetime.combine(self.month.next.first, time(), ZoneInfo(self.plan.zone))
        return max(end.astimezone(timezone.utc), self.month.end) + SETTLING_TIME

    @property
    def around(self) -> list[Month]:
        """The months that have hours of this one, as far as they have begun."""
        now = Month.containing(datetime.now(timezone.utc).date())
        months = () if self.plan.zone == "UTC" else (self.month.previous, self.month.next)
        return [one for one in months if one <= now]

    def list_lacking_made_up(self) -> list[Month]:
        """The months whose made-up credits or calls are not stored: of the ones before it, which notebooks read, of it,
        and of what its zone has of the next one."""
        months = [self.month, *(one for one in self.around if one > self.month)]
        for __ in range(MADE_UP_BEFORE):
            months.insert(0, months[0].previous)
        stored = {one: {kept.dataset for kept in list_newest(one, self.settings.data)} for one in months}
        return [one for one in months if one >= FIRST_MADE_UP and not {"credits", "usage"} <= stored[one]]

    @property
    def words(self) -> tuple[str, ...]:
        """The command that closes the month so."""
        file, usual = self.plan.file, find_home() / PLAN
        plan = ("--plan", str(file)) if file and file.absolute() != usual.absolute() else ()
        folder = ("--output-dir", str(self.output_dir)) if self.output_dir != REPORTS else ()
        return ("month", *self.when[:-1], *plan, *folder)

    @property
    def site(self) -> Path:
        """The folder of all months, beside that of the reports."""
        return place_site(self.output_dir)

    def list_certificates(self, *datasets: str) -> list[AnyCertificate]:
        """Those of the month as it is stored."""
        return [
            one.certificate for one in list_newest(self.month, self.settings.data, datasets or ("credits", "usage"))
        ]

    def hash_data(self, *, of_all: bool = False) -> dict[str, str]:
        """All that sums of the month rest on, or of all months: those that are stored up to it (in another zone than
        UTC the next one has hours of it), what rates them, and what settings say of a whole month."""
        data, settings = self.settings.data, self.settings
        last = self.month if self.plan.zone == "UTC" else self.month.next
        versions = [str(one.path.relative_to(data)) for month in list_months(data) if of_all or month <= last
                    for one in list_newest(month, data)]  # fmt: skip
        rules = settings.judging, settings.has_no_witness, settings.base_url
        return {
            "language": settings.language,
            "months": hash_text("\n".join(versions)),
            "settings": hash_text(repr(rules)),
            **self.hash_files([data / ENDED]),
            **self.hash_rating(),
        }

    def hash_rating(self) -> dict[str, str]:
        """What amounts come from beside the calls themselves: rates, prices, and flexlib itself with the libraries that
        a page comes from, of which one is the price list."""
        from flexlib.report.manifest import list_versions

        tables = [one for name in ("rates", "prices") for one in sorted((self.settings.data / name).glob("*.csv"))]
        return {"flexlib": hash_text(repr(list_versions())), **self.hash_files(tables)}

    def hash_rules(self) -> dict[str, str]:
        """Who belongs where, the budgets, and the parameter files."""
        params = find_home() / "params"
        named = (self.settings.organization, self.settings.budgets, *(params / name for name in PARAMETERS))
        return self.hash_files(one for one in named if one)

    def hash_sums(self) -> dict[str, str]:
        """What a step reads that sums the month for somebody."""
        return self.hash_data() | self.hash_rules()

    def hash_place(self, words: Iterable[str]) -> dict[str, str]:
        """What every step reads: the folder of the data, and the files that its command names, as in `--from FILE`."""
        named = {Path(part) for word in words for part in (word, word.partition("=")[2])}
        data = str(self.settings.data.absolute())
        return {"data": hash_text(data), **self.hash_files(sorted(file for file in named if _is_file(file)))}

    def find_reads(self, manifests: Iterable[Path]) -> dict[str, str]:
        """What pages read besides stored months, by their manifests: of what lies neither in the data nor in the
        project the name alone, so that nobody can say that it is as it was."""
        from flexlib.report.folder import find_packaged
        from flexlib.report.manifest import read_manifest

        found, roots = dict[str, str](), (self.settings.data, find_home(), find_packaged())
        for manifest in manifests:
            try:
                files: dict[str, str] = read_manifest(manifest)["files"]
            except (FlexlibError, OSError):  # as when somebody has changed it meanwhile: another file than it made
                continue
            for name, hashed in files.items():
                places = (root / name for root in roots)
                found[str(next((one for one in places if hash_made(one) == hashed), name))] = hashed
        return found

    def hash_files(self, files: Iterable[Path]) -> dict[str, str]:
        """By the path of each, from the project's folder on; one that is not there is left out."""
        names = {_name_file(file): file for file in files}
        return {name: hashed for name, file in names.items() if (hashed := hash_made(file))}


def place_site(reports: Path) -> Path:
    """The folder of all months beside one of reports."""
    return (reports if reports.name not in ("", "..") else Path(os.path.abspath(reports))).parent / "site"


def _name_file(file: Path) -> str:
    file, home = file.absolute(), find_home().absolute()
    return (file.relative_to(home) if file.is_relative_to(home) else file).as_posix()


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a word that is too long for a name
        return False
