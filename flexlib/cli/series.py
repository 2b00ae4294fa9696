"""What a forecast is made of beside stored months: a daily series and holidays, out of files."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.errors import BadFile, InvalidRequest
from flexlib.i18n import _
from flexlib.refusals import explain_refusal

if TYPE_CHECKING:
    import pandas as pd


def read_series(path: Path) -> pd.Series:
    """A daily series out of a CSV of `date,value`, in order. Raises `BadFile` for another file."""
    import pandas as pd

    try:
        table = pd.read_csv(path)
        days = pd.to_datetime(table["date"], format="%Y-%m-%d")
        if days.isna().any():
            raise ValueError("a line without a date")
        return pd.Series(pd.to_numeric(table["value"]).to_numpy(dtype=float), pd.DatetimeIndex(days)).sort_index()
    except FileNotFoundError as error:
        raise BadFile(_("{path} is not there.").format(path=path)) from error
    except (KeyError, ValueError, OSError) as error:
        raise BadFile(
            _("{path} is no daily series: a CSV with the columns date,value, a date as 2025-09-15: {error}.").format(
                path=path, error=explain_refusal(error)
            )
        ) from error


COUNTRY = "CL"
"""Whose holidays a forecast of stored months knows, on the console as on pages."""


def read_holidays(asked: str | None, years: tuple[int, int], country: str = "none") -> Collection[date]:
    """The free days that a file lists, a date a line, or those of a country from the first year to the last; where
    nothing was asked for those of `country`, as far as they can be known."""
    if asked is None and country != "none" and find_spec("holidays") is None:
        print(
            _("No holidays are known without the extra 'reports'; pages, which know them, may differ."), file=sys.stderr
        )
        return ()
    if (asked := asked or country) == "none":
        return ()
    if Path(asked).is_file():
        lines = [line.strip() for line in Path(asked).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        try:
            return [date.fromisoformat(line.split(",")[0]) for line in lines if not line.startswith("#")]
        except ValueError as error:
            raise BadFile(
                _("{asked} has a line that begins with no date as 2025-09-18: {error}.").format(
                    asked=asked, error=error
                )
            ) from error
    from flexlib.front.events import list_holidays

    try:
        return list_holidays(asked, years)
    except InvalidRequest as error:
        raise InvalidRequest(
            _("{asked!r} is neither a file nor a country whose holidays are known, such as CL.").format(asked=asked)
        ) from error
