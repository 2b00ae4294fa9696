"""What a setting or a parameter may be: texts read into values, or refused in one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from flexlib.checks import BillTolerance
from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter, BadSetting
from flexlib.formats import is_utf8
from flexlib.guesses import guess_names
from flexlib.i18n import LANGUAGES, _, mark_text

DEFAULT_BASE_URL = "https://server.codeium.com"
PLAIN_URL = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:(?P<port>\d{1,5}))?")
AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
SHARE = re.compile(r"0(\.[0-9]+)?|1(\.0+)?", re.ASCII)
LAST_PORT = 65535
SEEKS = "flexlib.seeks"
"""The event of `seek`."""
READS_BUDGETS = "flexlib.budgets"
"""Whoever notes what a process reads is told by this event which of the files is that of budgets."""
JUDGING = ("FLEXLIB_BILL_TOLERANCE_SHARE", "FLEXLIB_BILL_TOLERANCE_USD", "FLEXLIB_MOST_UNPRICED")
"""The settings that judge a month that is stored."""
SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables in which a system says its reader's language; the first that is set holds."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CACHE_OFF = "off"
"""What FLEXLIB_CACHE_URL is where no answers are to be kept."""
CELL_LIMIT = 1800.0
"""Seconds that a notebook's cell may take, unless told otherwise: a year of a large company takes a minute."""
FIRST_MADE_UP = Month(2025, 1)
"""When the demo's made-up company began."""
MADE_UP_BEFORE = 8
"""Months that the demo is read for before the one that is asked for: a forecast's band takes nine earlier weeks."""
NO_KEY = mark_text(
    "No service key: set WINDSURF_SERVICE_KEY in the environment or in .env "
    "(windsurf.com/team/settings, Service Keys), or add --demo to try made-up data"
)
"""What whoever asks the server without a key is told; an ending may follow."""


def read_share(name: str, text: str | None, default: Decimal) -> Decimal:
    """The share that `text` says, or `default` where it is None. Raises `BadSetting`."""
    if text is not None and not SHARE.fullmatch(text):
        raise BadSetting(
            _("{name} is {text!r}; it must be a share from 0 to 1, such as {default}.").format(
                name=name, text=text, default=default
            )
        )
    return default if text is None else Decimal(text)


def read_tolerance(usd: tuple[str, str | None], share: tuple[str, str | None], default: BillTolerance) -> BillTolerance:
    """The tolerance of two texts, each with its name; where one is None, that of `default`. Raises `BadSetting`."""
    name, text = usd
    if text is not None and not AMOUNT.fullmatch(text):
        raise BadSetting(
            _("{name} is {text!r}; it must be an amount in dollars from 0 up, such as {usd}.").format(
                name=name, text=text, usd=default.usd
            )
        )
    return BillTolerance(default.usd if text is None else Decimal(text), read_share(*share, default.share))


def find_data_folder(text: str) -> Path:
    """The folder that FLEXLIB_DATA names, absolute. Raises `BadSetting`."""
    try:
        folder = Path(text).expanduser().absolute()
    except RuntimeError as error:  # of Path: there is no such user, or no home
        raise BadSetting(
            _("FLEXLIB_DATA is {text!r}, whose ~ stands for nobody's home; write the path out.").format(text=text)
        ) from error
    if not is_utf8(str(folder)):
        raise BadSetting(
            _("The data folder, {folder}, has a name that is not in UTF-8; rename it, or set FLEXLIB_DATA.").format(
                folder=folder
            )
        )
    return folder


def check_key(key: str | None) -> str | None:
    """The service key. Raises `BadSetting` for what can be none."""
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise BadSetting(_("WINDSURF_SERVICE_KEY holds a blank or a character that no key has; copy it again."))
    return key


def check_base_url(url: str) -> str:
    """Scheme and host of the server. Raises `BadSetting`."""
    url = url.rstrip("/")
    match = PLAIN_URL.fullmatch(url)
    if not match or int(match["port"] or 0) > LAST_PORT:
        shown = _("one with a user or password") if "@" in url else repr(url)
        raise BadSetting(
            _("WINDSURF_BASE_URL must be scheme and host only, such as {default_base_url}, not {shown}.").format(
                default_base_url=DEFAULT_BASE_URL, shown=shown
            )
        )
    if match["scheme"] == "http" and match["host"].strip("[]") not in LOOPBACK:
        raise BadSetting(
            _("WINDSURF_BASE_URL must be https: over {url!r} the service key would travel in the clear.").format(
                url=url
            )
        )
    return url


def check_cache_url(url: str | None) -> str | None:
    """Where answers are kept: a Redis, or `off`. Raises `BadSetting`, which repeats no password."""
    try:
        found = urlsplit(url or CACHE_OFF)
        is_server = found.scheme in ("redis", "rediss") and found.hostname and found.port != 0
        is_known = is_server or (found.scheme == "unix" and not found.netloc.rpartition("@")[2] and found.path)
        is_plain = not found.query and not found.fragment and (found.scheme == "unix" or _is_number(found.path[1:]))
    except ValueError:  # brackets or a port that are none
        is_known = is_plain = False
    if url not in (None, CACHE_OFF) and not (is_known and is_plain):
        said = _("FLEXLIB_CACHE_URL cannot be read; write it as redis://:password@host:6379/0 (rediss:// for TLS, "
                 "special characters of the password as %40 and the like), or off.")  # fmt: skip
        raise BadSetting(said) from None
    return url


def _is_number(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdecimal())


def hide_password(url: str) -> str:
    """A URL without its user and password."""
    found: SplitResult = urlsplit(url)
    rest = found._replace(scheme="", netloc="").geturl()
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}{rest}"  # geturl would write unix:/path


def read_choice(name: str, text: str, choices: Sequence[str]) -> str:
    """The value of a setting that is one of a few. Raises `BadSetting`."""
    if text not in choices:
        raise BadSetting(
            _("{name} is {text!r}; it must be one of {choices}.").format(
                name=name, text=text, choices=", ".join(choices)
            )
        )
    return text


def read_yes(name: str, text: str | None) -> bool:
    """Whether a setting is set, which can only be `yes`. Raises `BadSetting`."""
    if text not in (None, "yes"):
        raise BadSetting(_("{name} is {text!r}; it must be yes, or not set.").format(name=name, text=text))
    return text is not None


def seek(what: str | Path) -> None:
    """Tells whoever notes what a process reads of a file that it would read if it were there, or a pattern of such
    files, or of `budgets` or `organization`, whose file settings name."""
    sys.audit(SEEKS, str(what))


def has_file(path: Path) -> bool:
    """`is_placed`, of a file that is read where it is there."""
    seek(path)
    return is_placed(path)


def is_placed(path: Path) -> bool:
    """Whether anything is in the place of a file that need not be there. Raises `BadFile` for a link, or one on its
    way, that leads nowhere: what the file is to say, such as a limit, would be left out without a word."""
    lost = next((one for one in (path, *path.parents) if one.is_symlink() and not one.exists()), None)
    if lost is not None:
        raise BadFile(_("{file} is a link that leads nowhere; mend it, or remove it.").format(file=lost))
    return path.exists()


def read_system_language(environment: Mapping[str, str]) -> str:
    """The language of a system with these variables: Spanish for any Spanish, else English.

    >>> read_system_language({"LANG": "es_CL.UTF-8"}), read_system_language({"LC_ALL": "C", "LANG": "es_CL.UTF-8"})
    ('es', 'en')
    """
    said = next((environment[name] for name in SYSTEM if environment.get(name)), "")
    code = said.partition(".")[0].partition("_")[0].lower()
    return code if code in LANGUAGES else LANGUAGES[0]


def choose_language(text: str | None, environment: Mapping[str, str]) -> str:
    """The language that FLEXLIB_LANG says; where it is None, that of the system. Raises `BadSetting`."""
    return read_system_language(environment) if text is None else read_choice("FLEXLIB_LANG", text, LANGUAGES)


def explain_unknown(name: str, notebook: str, known: Iterable[str]) -> BadParameter:
    """That a notebook has no parameter of this name, with the one that is nearest, in a sentence."""
    names = list(known)
    said = _("Unknown parameter {name}{near}; {notebook} takes {known}.")
    return BadParameter(
        said.format(name=name, near=guess_names([name], names), notebook=notebook, known=", ".join(names) or _("none"))
    )
