"""All settings, from the environment, else from `.env`; read once, where a run begins, and passed on from there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from flexlib.addresses import NOTICE_VARIABLES, WEBHOOK, NoticeServers, read_servers
from flexlib.checks import MOST_UNPRICED, NO_WITNESS, BillTolerance
from flexlib.errors import BadFile, BadSetting
from flexlib.formats import format_plain
from flexlib.home import find_home
from flexlib.i18n import LANGUAGES, _, mark_text
from flexlib.privacy import PrivacyGuard
from flexlib.setting_values import (
    DEFAULT_BASE_URL,
    JUDGING,
    LOOPBACK,
    NO_KEY,
    check_base_url,
    check_cache_url,
    check_key,
    choose_language,
    find_data_folder,
    is_placed,
    read_choice,
    read_share,
    read_tolerance,
    read_yes,
)

CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Of these the first that is set names the certificates to trust."""
VARIABLES = (
    *JUDGING,
    "FLEXLIB_BUDGETS",
    "FLEXLIB_CACHE_URL",
    "FLEXLIB_DATA",
    "FLEXLIB_DATABASE_URL",
    "FLEXLIB_DEBUG",
    "FLEXLIB_GUARD",
    "FLEXLIB_LANG",
    "FLEXLIB_MAIL",
    "FLEXLIB_METADATA_BYTES",
    NO_WITNESS,
    "FLEXLIB_NOTICES",
    "FLEXLIB_ORGANIZATION",
    "FLEXLIB_PRIVACY",
    "FLEXLIB_UNCLOSED",
    "SERVICE_KEY",
    *CA_BUNDLES,
    *NOTICE_VARIABLES,
    "WINDSURF_BASE_URL",
    "WINDSURF_CONSUMPTION_UNIT",
    "WINDSURF_SERVICE_KEY",
)
"""All that is read, here and nowhere else, besides the addresses of webhooks, whose names anybody chooses."""
CONSUMPTION_UNITS = ("credits", "hundredths")
METADATA_BYTES = 16 * 1024
"""The most bytes of JSON that one call's metadata may be, unless told otherwise: notes, not the conversation."""

LEDGER_FILE = "ledger.sqlite"
"""Where calls are recorded, in the data folder, unless there is a database."""
DEMO = "demo"
"""The folder of the demo's data, in that of one's own; of its pages, in that of one's own; and a part of file names."""


@dataclass(frozen=True)
class Settings:
    """What a run needs to know of its surroundings; printing it never shows the key or the database's password."""

    data: Path
    """The root of all snapshots: absolute."""
    base_url: str = DEFAULT_BASE_URL
    """Scheme and host of the server."""
    service_key: str | None = field(default=None, repr=False)
    consumption_unit: str | None = None
    """What one unit of the consumption endpoint is, `credits` or `hundredths`, where nothing else tells."""
    database_url: str | None = field(default=None, repr=False)
    """Where the ledger is; None: in a SQLite file in the data folder."""
    privacy: str | None = None
    """What is masked in the metadata of calls: `all`, `none` or kinds by commas; None: what `PrivacyGuard` does."""
    metadata_bytes: int = METADATA_BYTES
    """The most bytes of JSON that one call's metadata may be."""
    most_unpriced: Decimal = MOST_UNPRICED
    """The largest share of a month's requests whose money may be unknown in a month that is whole."""
    has_no_witness: bool = False
    """Whether the server offers nothing to hold a month's total against, as the company says."""
    bill_tolerance: BillTolerance = BillTolerance()
    """By how much a bill may differ from the calls without a reason."""
    budgets: Path | None = None
    """The file of the budgets; None: there is none."""
    organization: Path | None = None
    """The file that says who belongs to which department; None: there is none."""
    notices: Path | None = None
    """The file that says who is told of budgets; None: there is none."""
    mails: Path | None = None
    """The file that says who is mailed a month; None: there is none."""
    servers: NoticeServers = NoticeServers()
    """Where notices go."""
    is_guard_open: bool = False
    """Whether a call may be made where it cannot be asked whether a limit has room for it."""
    ca_bundle: tuple[str, str] | None = None
    """The setting that names the file of certificates to trust, and the file; None: those that requests brings."""
    unclosed: str | None = field(default=None, repr=False)
    """In a report's kernel, which reaches no database, what the ledger told of months, as `proof.write_unclosed` wrote
    it; nobody else sets it."""
    language: str = "en"
    """In which sentences, numbers and dates are shown, `en` or `es`; files for other systems are the same in both."""
    cache_url: str | None = field(default=None, repr=False)
    """Where answers are kept, a Redis or `off`; None: in files in the data folder."""
    debug: bool = False
    """Whether an error shows where it was raised."""

    @property
    def required_key(self) -> str:
        """The service key. Raises `BadSetting` when there is none."""
        if not self.service_key:
            raise BadSetting(_(NO_KEY) + ".")
        return self.service_key

    @property
    def guard(self) -> PrivacyGuard:
        """What masks metadata, recorded or imported. Raises `BadSetting`."""
        return replace(PrivacyGuard.parse(self.privacy or "all"), secret=self.service_key)

    @property
    def judging(self) -> dict[str, str]:
        """Those of `JUDGING`, by their names."""
        values = self.bill_tolerance.share, self.bill_tolerance.usd, self.most_unpriced
        return dict(zip(JUDGING, map(format_plain, values), strict=True))

    def hide_key(self, text: str) -> str:
        """The text without the service key, and without what servers of notices keep secret."""
        for secret in self.servers.secrets:
            text = text.replace(secret, "[secret]")
        return text.replace(self.service_key, "[service key]") if self.service_key else text

    @property
    def has_ledger(self) -> bool:
        """Whether there may be a ledger: a database is named, or the data folder has the file."""
        return bool(self.database_url) or is_placed(self.data / LEDGER_FILE)

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(self.base_url).hostname in LOOPBACK


def load_settings(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Settings from `environment` (default: the process's), else from the `.env` of `folder` (default: `find_home()`).

    An empty value counts as not set. Raises `BadSetting` when one makes no sense.
    """
    home = folder or find_home()
    own = os.environ if environment is None else environment
    found = {**_read_dotenv(home / ".env"), **own}
    values = {name: (found.get(name) or "").strip() for name in VARIABLES}

    def read(*names: str) -> str | None:
        return next((values[name] for name in names if values[name]), None)

    def find_file(name: str, usual: str) -> Path | None:
        # What `.env` names is beside it, wherever the command or a notebook runs.
        if named := values[name]:
            return ((Path.cwd() if own.get(name) else home) / named).absolute()
        return file if is_placed(file := home / "params" / usual) else None

    if (unit := read("WINDSURF_CONSUMPTION_UNIT")) is not None:
        unit = read_choice("WINDSURF_CONSUMPTION_UNIT", unit, CONSUMPTION_UNITS)
    data, size = read("FLEXLIB_DATA"), read("FLEXLIB_METADATA_BYTES")
    if size is not None and not (size.isdecimal() and int(size) > 0):
        raise BadSetting(_("FLEXLIB_METADATA_BYTES is {size!r}; it must be a whole number above 0.").format(size=size))
    return Settings(
        data=find_data_folder(data or str(home / "data")),
        base_url=check_base_url(read("WINDSURF_BASE_URL") or DEFAULT_BASE_URL),
        service_key=check_key(read("WINDSURF_SERVICE_KEY", "SERVICE_KEY")),
        ca_bundle=next(((name, values[name]) for name in CA_BUNDLES if values[name]), None),
        consumption_unit=unit,
        database_url=read("FLEXLIB_DATABASE_URL"),
        privacy=read("FLEXLIB_PRIVACY"),
        metadata_bytes=int(size) if size else METADATA_BYTES,
        most_unpriced=read_share("FLEXLIB_MOST_UNPRICED", read("FLEXLIB_MOST_UNPRICED"), MOST_UNPRICED),
        has_no_witness=read_yes(NO_WITNESS, read(NO_WITNESS)),
        bill_tolerance=read_tolerance(
            ("FLEXLIB_BILL_TOLERANCE_USD", read("FLEXLIB_BILL_TOLERANCE_USD")),
            ("FLEXLIB_BILL_TOLERANCE_SHARE", read("FLEXLIB_BILL_TOLERANCE_SHARE")),
            BillTolerance(),
        ),
        unclosed=read("FLEXLIB_UNCLOSED"),
        budgets=find_file("FLEXLIB_BUDGETS", "budgets.yaml"),
        organization=find_file("FLEXLIB_ORGANIZATION", "organization.csv"),
        notices=find_file("FLEXLIB_NOTICES", "notices.yaml"),
        mails=find_file("FLEXLIB_MAIL", "mail.yaml"),
        servers=read_servers(found),
        is_guard_open=read_choice("FLEXLIB_GUARD", read("FLEXLIB_GUARD") or "closed", ("closed", "open")) == "open",
        language=choose_language(read("FLEXLIB_LANG"), own),
        cache_url=check_cache_url(read("FLEXLIB_CACHE_URL")),
        debug=read("FLEXLIB_DEBUG") is not None,
    )


def find_language_set() -> str:
    """The language of a command's help, for which settings that make no sense are no matter."""
    try:
        return load_settings().language
    except (BadFile, BadSetting):
        asked = os.environ.get("FLEXLIB_LANG")
        return choose_language(asked if asked in LANGUAGES else None, os.environ)


def list_set() -> dict[str, str]:
    """The names of the settings that are set, and where; no value."""
    kept = _read_dotenv(find_home() / ".env")
    hooks = sorted(name for name in {*kept, *os.environ} if name.startswith(WEBHOOK))
    found = {name: (mark_text("environment"), os.environ[name]) if name in os.environ else (".env", kept.get(name))
             for name in (*VARIABLES, *hooks)}  # fmt: skip
    return {name: place for name, (place, value) in found.items() if (value or "").strip()}


def list_unwritten() -> list[str]:
    """The names of the settings that are in the environment and not in `.env`, or otherwise there: what another program
    runs does not have them."""
    kept = _read_dotenv(find_home() / ".env")
    return [
        name for name, place in list_set().items()
        if place != ".env" and os.environ[name].strip() != (kept.get(name) or "").strip()
    ]  # fmt: skip


def _read_dotenv(file: Path) -> dict[str, str | None]:
    try:
        return dotenv_values(file) if is_placed(file) else {}
    except UnicodeDecodeError as error:
        raise BadSetting(_("{file} is not in UTF-8; save it so.").format(file=file)) from error
