"""The prices of a credit that hold for a data folder: the company's own file, then the list."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flexlib.errors import BadFile
from flexlib.money.credit_prices import LIST, CreditPrices, read_credit_prices


def load_credit_prices(root: Path) -> CreditPrices:
    """The prices of the company's own file in the data folder `root`, then the list's.

    Raises `BadFile`, naming the line, when a file cannot be read or has two prices for one day.
    """
    own = root / "prices" / "windsurf_credits.csv"
    listed = (files("flexlib") / "data" / LIST).read_text("utf-8")
    try:
        texts = [(str(own), own.read_text("utf-8"))] if own.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{own} cannot be read ({error}); save it as a CSV in UTF-8, or move it away.") from error
    return tuple(price for name, text in [*texts, (LIST, listed)] for price in read_credit_prices(name, text))
