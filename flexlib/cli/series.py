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
from flexlib.nesting import format_given
from flexlib.refusals import explain_refusal

if TYPE_CHECKING:
    import pandas as pd


def read_series(path: Path) -> pd.Series:
    """A daily series out of a CSV of `date,value`, in order. Raises `BadFile` for another file."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"date": str})
        for name in ("date", "value"):
            if name not in table:
                raise ValueError(_("it has no column {name!r}").format(name=name))
        days = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
        numbers = pd.to_numeric(table["value"], errors="coerce")
        if days.isna().any():
            said = _("{given} is no date")
            raise ValueError(said.format(given=format_given(_find_first(table["date"], days.isna()))))
        if (wrong := numbers.isna() & table["value"].notna()).any():
            said = _("{given} is no number")
            raise ValueError(said.format(given=format_given(_find_first(table["value"], wrong))))
        return pd.Series(numbers.to_numpy(dtype=float), pd.DatetimeIndex(days)).sort_index()
    except FileNotFoundError as error:
        raise BadFile(_("{path} is not there.").format(path=path)) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadFile(
            _("{path} is no daily series: a CSV with the columns date,value, a date as 2025-09-15.").format(path=path)
        ) from error
    except (ValueError, OSError) as error:
        raise BadFile(
            _("{path} is no daily series: a CSV with the columns date,value, a date as 2025-09-15: {error}.").format(
                path=path, error=explain_refusal(error)
            )
        ) from error


def _list_days(file: Path) -> list[date]:
    """The days with which the lines of a file begin, but for those of a remark. Raises `BadFile`."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        raise BadFile(
            _("{file} cannot be read: {strerror}.").format(file=file, strerror=explain_refusal(error))
        ) from error
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            day = line.split(",")[0]
            try:
                found.append(date.fromisoformat(day))
            except ValueError as error:
                said = _("{asked} has a line that begins with no date as 2025-09-18: {error}.")
                raise BadFile(said.format(asked=file, error=format_given(day))) from error
    return found


def _find_first(given: pd.Series, wrong: pd.Series) -> str:
    """Of what was given the first that is wrong; nothing stands in its place where the cell is empty."""
    return str(given[wrong].fillna("").iloc[0])


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
        return _list_days(Path(asked))
    from flexlib.front.events import list_holidays

    try:
        return list_holidays(asked, years)
    except InvalidRequest as error:
        raise InvalidRequest(
            _("{asked!r} is neither a file nor a country whose holidays are known, such as CL.").format(asked=asked)
        ) from error
