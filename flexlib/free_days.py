"""The free days of a country."""

from __future__ import annotations

from datetime import date

from flexlib.errors import BadParameter
from flexlib.i18n import _


def list_holidays(country: str, years: tuple[int, int]) -> list[date]:
    """The free days of a country such as CL, from the first year to the last, in order; none where it is empty. Raises
    `BadParameter` for a country of which they are not known.

    >>> list_holidays("CL", (2025, 2025))[-1]
    datetime.date(2025, 12, 25)
    """
    if not country:
        return []
    import holidays  # of an extra

    try:
        return sorted(holidays.country_holidays(country.upper(), years=range(years[0], years[1] + 1)))
    except NotImplementedError as error:
        raise BadParameter(
            _("{country!r} is no country whose holidays are known; write it as CL.").format(country=country)
        ) from error
