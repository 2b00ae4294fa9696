"""`flexlib menu`: the month's jobs for those who know no commands: asks, prints the command, and runs it."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeVar

from flexlib.cli.options import Commands, add_command
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.formats import clean_text
from flexlib.i18n import LANGUAGES, _, mark_text, use_language
from flexlib.settings import Settings

MOST_MONTHS = 24
"""Two years of them to choose from; an older one is asked for by its command."""
NAMES = {"en": "English", "es": "Español"}
"""Of languages, each in itself."""
T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One line of the menu."""

    title: str
    words: tuple[str, ...]
    """The command that it is."""
    asks: tuple[str, ...] = ()
    """What else is to be known: `month`, `before`, `notebook`."""
    has_demo: bool = True
    """Whether it can be of made-up data."""


JOBS = (
    Job(mark_text("Close a month: everything in one run"), ("month",), ("month",)),
    Job(mark_text("See what closing a month would do"), ("month", "--dry-run"), ("month",)),
    Job(mark_text("Make a report: one page to share"), ("report",), ("notebook", "month")),
    Job(mark_text("See what a month cost"), ("spend",), ("month",)),
    Job(mark_text("See flex credits by day and model"), ("by-model",), ("month",)),
    Job(mark_text("See why a month cost more or less than the one before"), ("compare",), ("before",)),
    Job(mark_text("Check the budgets"), ("check",), ("month",)),
    Job(mark_text("Write a month as Excel and PDF"), ("export", "--format", "xlsx,pdf"), ("month",)),
    Job(mark_text("Build the site: all months as pages to click through"), ("site",)),
    Job(mark_text("See what would be mailed, and to whom; nothing is sent"), ("send", "--dry-run"), ("month",)),
    Job(mark_text("See what is set up, stored and missing"), ("doctor",), has_demo=False),
)
"""In the order of the menu."""
LANGUAGE = Job(mark_text("Change the language"), ())
STOPPED = 128 + signal.SIGINT
"""The exit code after Ctrl-C, as a shell has it."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "menu", _("choose a job for a month from a list, without knowing commands"), """\
  flexlib menu
  flexlib menu --demo
  flexlib menu --lang es""")  # fmt: skip
    parser.add_argument("--demo", action="store_true", help=_("of a made-up company, to try it out"))
    parser.set_defaults(run=run_menu)


def run_menu(arguments: argparse.Namespace, settings: Settings) -> int:
    """Asks until the reader leaves; the exit code is that of the last command, 130 after Ctrl-C."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise InvalidRequest(
            _("flexlib menu asks its questions in a terminal, and there is none here; give the command itself, such as "
              "flexlib month --year 2025 --month 9.")
        )  # fmt: skip
    from flexlib.cli.main import main

    code, language, is_asked = 0, settings.language, "lang" in arguments
    try:
        while (job := ask_choice(_("What would you like to do?"), list_jobs())) is not None:
            if job == LANGUAGE:
                language, is_asked = ask_choice(_("In which language?"), {NAMES[one]: one for one in LANGUAGES}), True
                use_language(language)
                continue
            words = choose_words(job, settings, ask_choice)
            words += ["--demo"] * (arguments.demo and job.has_demo)
            words += ["--lang", language] if is_asked else []  # `settings` have it, too
            print(clean_text(f"$ flexlib {shlex.join(words)}"), flush=True)
            code = main(words)
            use_language(language)
            print()
    except (KeyboardInterrupt, EOFError):
        print()
        return STOPPED
    return code


def list_jobs() -> dict[str, Job | None]:
    """What the menu shows; None: to leave."""
    jobs: dict[str, Job | None] = {_(one.title): one for one in JOBS}
    return jobs | {_(LANGUAGE.title): LANGUAGE, _("Leave"): None}


def choose_words(job: Job, settings: Settings, ask: Callable[[str, Mapping[str, str]], str]) -> list[str]:
    """The command of a job, once what it needs has been asked."""
    from flexlib.report.parameters import find_notebook, list_notebooks, read_parameters

    words, has_month = list(job.words), "month" in job.asks
    if "notebook" in job.asks:
        reports = {f"{title} ({name})": name for name, title in list_notebooks().items()}
        words += ["--notebook", notebook := ask(_("Which report?"), reports)]
        has_month = "month" in read_parameters(find_notebook(notebook))
    if not job.asks:
        return words
    month = Month.parse(ask(_("Which month?"), {one.title: str(one) for one in list_choices(settings)}))
    if "before" in job.asks:
        return [*words, str(month.previous), str(month)]
    return [*words, "--year", str(month.year), *(["--month", str(month.month)] if has_month else [])]


def list_choices(settings: Settings) -> list[Month]:
    """The months to choose from, the newest first: the one that has ended, and those that are stored."""
    from flexlib.store.server import find_shown_data
    from flexlib.store.snapshots import list_months

    ended = Month.containing(datetime.now(timezone.utc).date()).previous
    return sorted({ended, *list_months(find_shown_data(settings))}, reverse=True)[:MOST_MONTHS]


def ask_choice(question: str, choices: Mapping[str, T]) -> T:
    """One question with arrow keys. Raises `KeyboardInterrupt` on Ctrl-C."""
    import questionary

    answer: str = questionary.select(question, choices=list(choices), instruction=" ").unsafe_ask()
    return choices[answer]
