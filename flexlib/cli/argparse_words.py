"""argparse's own words, which stand in every help and in every refusal of an option, in the reader's language."""

from __future__ import annotations

import argparse

from flexlib.i18n import _, mark_text, translate_count

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


def translate_argparse() -> None:
    """From here on argparse asks our catalogue, which in English is its own words."""
    vars(argparse)["_"] = _
    vars(argparse)["ngettext"] = lambda one, many, count: (
        translate_count("expected %s argument", "expected %s arguments", count) if one == "expected %s argument"
        else one if count == 1 else many
    )  # fmt: skip
