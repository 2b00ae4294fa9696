"""The command `flexlib`: finds the subcommand, runs it, turns errors into one sentence and an exit code."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

import flexlib
from flexlib.cli import (
    anomalies,
    cache,
    chargeback,
    check,
    close,
    compare,
    credits,  # noqa: A004 (a name for consoles)
    dashboard,
    demo,
    doctor,
    export,
    forecast,
    fx,
    import_,
    init,
    latency,
    ledger,
    live,
    menu,
    month,
    notify,
    organization,
    record,
    report,
    schedule,
    send,
    site,
    sources,
    spend,
    verify,
    what_if,
)
from flexlib.cli.argparse_words import Help, Parser, translate_argparse
from flexlib.cli.options import add_language_option
from flexlib.cli.roster import tell_roster
from flexlib.commands import note_language
from flexlib.errors import DiskFailed, FlexlibError, InvalidRequest, explain_missing, shorten_values
from flexlib.formats import clean_lines, is_utf8
from flexlib.i18n import LANGUAGES, _, mark_text, use_language
from flexlib.refusals import advise_writer, explain_refusal
from flexlib.settings import Settings, find_language_set, load_settings
from flexlib.store.cache import choose_cache

COMMANDS = (
    credits, spend, organization, compare, forecast, check, notify, chargeback, send, anomalies, latency, what_if,
    import_, record, ledger, live, close, fx, sources, cache, report, verify, site, dashboard, export, month, schedule,
    menu, init, doctor, demo,
)  # fmt: skip
"""Each adds its subcommands, in the order of `flexlib --help`."""

DESCRIPTION = mark_text("What a company's language models cost, and the proof.")
EPILOG = mark_text("""\
exit codes: 0 whole, 1 a run failed, 2 wrong usage, 3 data incomplete, 4 not reconciled or not witnessed,
5 a budget is exceeded (flexlib check)

examples:
  flexlib report --demo --year 2025 --month 9      a report of made-up data, no key needed
  flexlib by-model --year 2025 --month 9           the month's flex credits by day and model
  flexlib certificate --year 2025 --month 9 --json the proof that nothing is missing

settings, from the environment or .env:
  WINDSURF_SERVICE_KEY   the team's service key
  WINDSURF_BASE_URL      another server than https://server.codeium.com
  FLEXLIB_DATA           where months are stored (default: data/)
""")


KEPT = mark_text("What was read is kept for 3 hours: run it again to go on from there.")
KEPT_BY_NOTIFY = mark_text("What was being sent then may have arrived or not: flexlib check shows it.")
KEPT_BY_SEND = mark_text("What was being sent then may have arrived or not: flexlib send shows it.")
KEPT_BY_MONTH = mark_text("Each step that was done is noted: run it again to go on.")
KEPT_BY_IMPORT = mark_text(
    "Months that were stored by then are whole, the others are as they were: run it again to go on."
)


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code; never a traceback, unless FLEXLIB_DEBUG is set."""
    given = sys.argv[1:] if words is None else words
    translate_argparse()
    use_language(_find_asked_language(given) or find_language_set())  # before the parsers, which hold the help
    parser = Parser(
        prog="flexlib",
        description=_(DESCRIPTION),
        epilog=_(EPILOG),
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"flexlib {flexlib.__version__}",
                        help=_("show program's version number and exit"))  # fmt: skip
    add_language_option(parser)
    commands = parser.add_subparsers(title=_("commands"), metavar="COMMAND", required=True)
    for room in COMMANDS:
        room.add_commands(commands)
    _open_output()
    if not given:
        parser.print_help()  # nothing was asked, and nothing done: to a script that is wrong usage
        return InvalidRequest.exit_code
    for word in given:
        if not is_utf8(word):  # nothing that is stored or shown could hold it
            _explain(_("{word} is not in UTF-8; write it so, or rename what it names.").format(word=word), None)
            return InvalidRequest.exit_code
    arguments = parser.parse_args(given)
    code = 0
    settings = None
    caught: list[int] = []
    try:
        if threading.current_thread() is threading.main_thread():
            _take_signals(caught)
        settings = replace(loaded := load_settings(), language=getattr(arguments, "lang", loaded.language))
        use_language(settings.language)
        note_language(settings.language, loaded.language)
        choose_cache(settings.cache_url)
        if arguments.run is not organization.run_organization:  # which tells all that its file has
            tell_roster(arguments, settings)
        code = int(arguments.run(arguments, settings))
        sys.stdout.flush()  # a reader who has left is met here, not when nobody can answer for it any more
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001
        # Where DuckDB hears the signal, in the middle of a query, it makes a fault of its own of it.
        if caught or isinstance(error, KeyboardInterrupt):
            kept = {
                import_.run_import: KEPT_BY_IMPORT,
                month.run_month_command: KEPT_BY_MONTH,
                notify.run_notify: KEPT_BY_NOTIFY,
                send.run_send: KEPT_BY_SEND,
            }.get(arguments.run, KEPT)
            _explain(_("Stopped.") + f" {_(kept)}", settings)
            sys.stdout.flush()
            # Requests that are still under way would hold up a normal exit.
            os._exit(128 + (caught[0] if caught else signal.SIGINT))
        return _explain_error(error, settings)
    return code


def _find_asked_language(words: Sequence[str]) -> str | None:
    """What `--lang` says, the last time; None where it says nothing that there is."""
    pairs = zip(words, [*words, ""][1:], strict=True)
    said = [
        value if word == "--lang" else word[7:] for word, value in pairs if word in ("--lang", f"--lang={word[7:]}")
    ]
    return said[-1] if said and said[-1] in LANGUAGES else None


IMPORTING = "<frozen importlib"
"""Python's own code of imports: an interrupt raised where it has just taken their lock leaves the lock taken, and
may be lost, so that the next import in a thread waits for ever."""
LATER = 0.01
"""Seconds until a signal that came there comes again."""


def _take_signals(caught: list[int]) -> None:
    """Lets signals end what a command has begun, which `__main__` ends at once; who ignores Ctrl-C goes on doing so.

    SIGTERM as Ctrl-C, so that what is half done is cleared away on the way out; both are noted in `caught`.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if frame and frame.f_code.co_filename.startswith(IMPORTING):
            again = threading.Timer(LATER, signal.raise_signal, [number])
            again.daemon = True
            again.start()
            return
        caught.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)


def _explain_error(error: Exception, settings: Settings | None) -> int:
    """Says in a sentence why a command ended, and gives its exit code."""
    if isinstance(error, FlexlibError):
        _explain(str(error), settings)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, such as `head`, has seen enough
        return 0
    if isinstance(error, OSError) and error.filename is not None:  # of the user's, that something asked for
        why = explain_refusal(error)
        name = repr(error.filename) if error.errno == errno.ENAMETOOLONG else error.filename
        said = _("{name} cannot be used: {why}; fix or move it, and run the command again.")
        _explain(said.format(name=name, why=why), settings)
        return DiskFailed.exit_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        said = _("What was printed could not be written: {why}; {advice}.")
        _explain(said.format(why=explain_refusal(error), advice=advise_writer(error)), settings)
        return DiskFailed.exit_code
    if isinstance(error, ImportError) and (missing := explain_missing(error)):
        _explain(str(missing), settings)
        return missing.exit_code
    # A fault of ours: say so in a sentence, and let a script see it.
    said = _("A fault in flexlib itself: {kind}: {error}. FLEXLIB_DEBUG=1 shows where.")
    _explain(said.format(kind=type(error).__name__, error=error), settings)
    return 1


def _open_output() -> None:
    """Makes printing safe: without a standard output nobody reads, and letters that a terminal lacks are replaced."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _explain(sentence: str, settings: Settings | None) -> None:
    """Says it on stderr; without settings it is about one of them, and nothing was asked with a key."""
    if settings and settings.debug:
        sentence = traceback.format_exc() + sentence
    sentence = settings.hide_key(sentence) if settings else sentence
    print("flexlib: " + clean_lines(shorten_values(sentence)), file=sys.stderr)
