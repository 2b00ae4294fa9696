"""The prices of a credit that hold for a data folder: the company's own file, then the list; and its multipliers."""

from __future__ import annotations

import csv
from datetime import date
from importlib.resources import files
from pathlib import Path

from flexlib.dates import Span
from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.money.credit_prices import LIST, CreditPrices, read_amount, read_credit_prices
from flexlib.nesting import Unreadable, explain_line
from flexlib.refusals import explain_refusal
from flexlib.setting_values import has_file


def load_credit_prices(root: Path) -> CreditPrices:
    """The prices of the company's own file in the data folder `root`, then the list's.

    Raises `BadFile`, naming the line, when a file cannot be read or has two prices for one day.
    """
    own = root / "prices" / "windsurf_credits.csv"
    listed = (files("flexlib") / "data" / LIST).read_text("utf-8")
    try:
        texts = [(str(own), own.read_text("utf-8"))] if has_file(own) else []
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(
            _("{own} cannot be read ({error}); save it as a CSV in UTF-8, or move it away.").format(
                own=own, error=explain_refusal(error)
            )
        ) from error
    return tuple(price for name, text in [*texts, (LIST, listed)] for price in read_credit_prices(name, text))


MULTIPLIERS = ["from", "until", "model", "credits", "source"]
"""The columns of the company's own table of what a prompt costs: the model by its name, on days as of its prices."""


def load_multipliers(root: Path, days: Span) -> dict[str, int]:
    """What a prompt of each model costs on all of the days, in hundredths of a credit, by the company's own table
    `prices/windsurf_multipliers.csv` in the data folder `root`; empty without one.

    No list is carried: the vendor's differ by plan. Raises `BadFile`, naming the line.
    """
    own = root / "prices" / "windsurf_multipliers.csv"
    if not has_file(own):
        return {}
    try:
        header, *rows = csv.reader(own.read_text("utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise BadFile(
            _("{own} cannot be read ({error}); save it as a CSV in UTF-8, or move it away.").format(
                own=own, error=explain_refusal(error)
            )
        ) from error
    if header != MULTIPLIERS:
        raise BadFile(
            _("{own} does not start with {multipliers}; make this its first line, then a model a line.").format(
                own=own, multipliers=",".join(MULTIPLIERS)
            )
        )
    found: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        try:
            first, end, model, each, __ = row
            hundredths = read_amount(each) * 100
            if hundredths != int(hundredths) or hundredths < 0:
                raise Unreadable(_("a prompt costs 0 credits or more, with at most 2 decimals"))
            covers = (not first or date.fromisoformat(first) <= days.first) and (
                not end or days.last < date.fromisoformat(end)
            )
            if covers and found.setdefault(model, int(hundredths)) != hundredths:
                raise Unreadable(_("{model} has another multiplier on these days in a line before").format(model=model))
        except (ValueError, ArithmeticError) as error:
            raise BadFile(
                _("{own}, line {number} cannot be read: {row!r} ({error}). Fix this line.").format(
                    own=own, number=number, row=",".join(row), error=explain_line(error)
                )
            ) from error
    return found
