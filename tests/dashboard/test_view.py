"""A view and its address are each other written differently; what is no view is refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.dashboard.view import GROUPS, UNITS, View, format_view, parse_view
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.i18n import LANGUAGES

MONTH = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
MONTHS = st.none() | st.tuples(MONTH, MONTH).map(lambda pair: (min(pair), max(pair)))
NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]))
ONLY = st.dictionaries(st.sampled_from(GROUPS), st.none() | NO_SURROGATES, max_size=8).map(lambda one: (*one.items(),))
VIEWS = st.builds(
    View, MONTHS, MONTHS, st.sampled_from(UNITS), st.sampled_from(GROUPS), ONLY, st.booleans(), st.booleans(),
    st.sampled_from(("", *LANGUAGES)),
)  # fmt: skip


@given(VIEWS)
def test_the_view_of_an_address_is_the_view_that_the_address_was_made_of(view: View) -> None:
    assert parse_view(format_view(view)) == view


def test_an_address_says_what_is_seen_and_leaves_out_what_is_as_usual() -> None:
    view = View((Month(2025, 8), Month(2025, 9)), None, "clp", "user").narrow("model", "a&b=c").narrow("team", None)
    assert format_view(view) == "months=2025-08..2025-09&of=clp&by=user&is.model=a%26b%3Dc&lacks=team&rows=yes"
    assert format_view(View()) == ""


def test_what_was_narrowed_is_wide_again() -> None:
    view = View().narrow("model", "o3").narrow("user", None)
    assert view.widen("model").only == (("user", None),)
    assert view.narrow("model", "o4").only == (("user", None), ("model", "o4"))


@pytest.mark.parametrize(("query", "sentence"), [
    ("by=salary", "by=salary is nothing that a view can have"),
    ("of=euro", "of=euro is nothing"),
    ("is.salary=1", "is.salary=1 is nothing"),
    ("rows=no", "rows=no is nothing"),
    ("months=2025-13", "month must be a whole number from 1 to 12, not 13"),
    ("months=last", "'last' is not a month"),
    ("months=2025-09..2025-08", "2025-09..2025-08 ends before it begins"),
    ("of=usd&of=clp", "'of' stands twice"),
    ("is.model=a&lacks=model", "'lacks' stands twice"),
    ("&".join(f"is.{key}=1" for key in GROUPS[:9]), f"is.{GROUPS[8]}=1 is nothing"),
    ("is.model=x' OR 1=1 --&template=lab", "template=lab is nothing"),
])  # fmt: skip
def test_what_is_no_view_is_refused_in_a_sentence(query: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_view(query)
    assert sentence in str(caught.value)
