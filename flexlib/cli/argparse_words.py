"""argparse's own words, which stand in every help and in every refusal of an option, in the reader's language; with the
option, or the choice, that whoever misspelt one may have meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import takewhile
from typing import Any, NoReturn

from flexlib.errors import shorten_values
from flexlib.formats import clean_lines
from flexlib.guesses import guess_names
from flexlib.i18n import _, join_texts, mark_text, translate_count

WORDS = (
    mark_text("usage: "),
    mark_text("positional arguments"),
    mark_text("options"),
    mark_text("show this help message and exit"),
    mark_text("show program's version number and exit"),
    mark_text("%(prog)s: error: %(message)s\n"),
    mark_text("argument %(argument_name)s: %(message)s"),
    mark_text("invalid %(type)s value: %(value)r"),
    mark_text("invalid choice: %(value)r (choose from %(choices)s)"),
    mark_text("the following arguments are required: %s"),
    mark_text("one of the arguments %s is required"),
    mark_text("unrecognized arguments: %s"),
    mark_text("ambiguous option: %(option)s could match %(matches)s"),
    mark_text("ignored explicit argument %r"),
    mark_text("not allowed with argument %s"),
    mark_text("expected one argument"),
    mark_text("expected at most one argument"),
    mark_text("expected at least one argument"),
)
"""As Python 3.11 to 3.14 have them; one that another Python writes otherwise stays English."""

PLACEHOLDERS = (
    mark_text("AFTER"), mark_text("AMOUNT"), mark_text("BEFORE"), mark_text("CHARACTER"), mark_text("COLUMN"),
    mark_text("COMMAND"), mark_text("CONDITION"), mark_text("COST"), mark_text("COUNTRY"), mark_text("CREDITS"),
    mark_text("DATE"), mark_text("DAY"), mark_text("FIELD"), mark_text("FILE"), mark_text("FOLDER"),
    mark_text("FORMAT"), mark_text("GRAIN"), mark_text("HOST"), mark_text("HOURS"), mark_text("KEY"),
    mark_text("MAKER"), mark_text("MAKERS"), mark_text("MODEL"), mark_text("MONTH"), mark_text("NAME"),
    mark_text("NOTEBOOK"), mark_text("NUMBER"), mark_text("OLDFILE"), mark_text("OPTION"), mark_text("PAGE"),
    mark_text("PATH"), mark_text("PORT"), mark_text("PROVIDER"), mark_text("PROXY"), mark_text("REQUESTS"),
    mark_text("SECONDS"), mark_text("SEED"), mark_text("SHARE"), mark_text("SOURCE"), mark_text("TEXT"),
    mark_text("TIME"), mark_text("TYPE"), mark_text("UNIT"), mark_text("USERS"), mark_text("VALUE"),
    mark_text("WORD"), mark_text("WORKERS"), mark_text("YEAR"), mark_text("ZONE"),
)  # fmt: skip
"""What stands for the value of an option, alone or with others."""
OTHERWISE = {"--roster": mark_text("--roster: FLEXLIB_ORGANIZATION=FILE names it for this command")}
"""How what is an option of other commands is said to one that does not have it."""


def translate_argparse() -> None:
    """From here on argparse asks our catalogue, which in English is its own words."""
    vars(argparse)["_"] = _
    vars(argparse)["ngettext"] = lambda one, many, count: (
        translate_count("expected %s argument", "expected %s arguments", count) if one == "expected %s argument"
        else one if count == 1 else many
    )  # fmt: skip


class Help(argparse.RawDescriptionHelpFormatter):
    """Descriptions and examples as they are written, what stands for values in the reader's language."""

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Callable[[int], tuple[str, ...]]:
        write = super()._metavar_formatter(action, default_metavar)
        return lambda size: tuple(  # None where argparse only counts them
            one and re.sub(r"[A-Z_]+", _translate_placeholder, one) for one in write(size)
        )


def _translate_placeholder(found: re.Match[str]) -> str:
    return _(found[0]) if found[0] in PLACEHOLDERS else found[0]


class Parser(argparse.ArgumentParser):
    """Of the command and of each of its commands."""

    find_otherwise: Callable[[str, Sequence[str]], str] | None = None
    """How what is no option of the command is said to it, by the option and all its words; empty where it is not."""
    _words: Sequence[str] = ()
    """What it was given to read."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 (as argparse has it)
        """As argparse does; what is left is refused here, by the command that knows which options it has."""
        self._words = list(args or ())
        known, left = super().parse_known_args(args, namespace)
        if left:
            self.error(_("unrecognized arguments: %s") % " ".join(left))
        return known, left

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the words, which may be anything, and ends with exit code 2."""
        super().error(clean_lines(shorten_values(message + self._tell_near())))

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 (as argparse has it)
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += guess_names([str(value)], map(str, action.choices or ()))
            raise

    def _tell_near(self) -> str:
        """Which options those may be that it does not have."""
        own = [*self._option_string_actions]
        words = self._words[: [*self._words, "--"].index("--")]
        if self._subparsers:  # what stands behind a command is that command's
            words = list(takewhile(lambda word: word.startswith("-"), words))
        asked = (word.partition("=")[0] for word in words)
        unknown = [word for word in asked if word[:2] == "--" and not any(one.startswith(word) for one in own)]
        said = _("{wrong}: did you mean {name}?")
        others = {one: self._say_otherwise(one, words) for one in unknown}
        told = [one for one in others.values() if one]
        wrong = [one for one, other in others.items() if not other]
        told += [said.format(wrong=one, name=near) for one in wrong for near in get_close_matches(one, own, n=1)]
        return f" ({join_texts(told)})" if told else ""

    def _say_otherwise(self, option: str, words: Sequence[str]) -> str:
        if option in OTHERWISE:
            return _(OTHERWISE[option])
        return self.find_otherwise(option, words) if self.find_otherwise else ""
