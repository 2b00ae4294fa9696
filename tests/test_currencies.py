"""The codes of currencies against another list of them, that of Unicode's CLDR, which Babel brings."""

from __future__ import annotations

from babel.core import get_global

from flexlib.currencies import CURRENCIES

NO_CODE_OF_ISO = {"CNH"}
"""What a yuan is called outside of China."""
NO_MONEY = {"XTS", "XXX"}
SAID_BY_ISO_ALONE = {"SVC", "XAD"}
"""El Salvador's colon, which nobody pays in since 2001, and one that older releases of CLDR lack."""


def test_the_codes_are_those_of_cldr_that_have_been_in_use_since_2020() -> None:
    spans = [span for spans in get_global("territory_currencies").values() for span in spans]
    in_use = {code for code, _begun, ended, _is_tender in spans if ended is None or ended >= (2020, 1, 1)}
    assert in_use - CURRENCIES == NO_CODE_OF_ISO | NO_MONEY
    assert CURRENCIES - in_use <= SAID_BY_ISO_ALONE
