"""What somebody may have meant is asked, never taken."""

from __future__ import annotations

import pytest

from flexlib.guesses import explain_no_zone, guess_names


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("America/Santigo", " (did you mean America/Santiago?)"),
        ("america/santiago", " (did you mean America/Santiago?)"),
        ("Chile", ""),
        ("", ""),
    ],
)
def test_of_a_zone_that_there_is_not_the_near_one_is_named(wrong: str, said: str) -> None:
    assert explain_no_zone(wrong) == f"{wrong!r} is not a time zone{said}; write it as America/Santiago or UTC."


def test_each_wrong_name_has_its_near_one_and_one_that_is_near_twice_is_named_once() -> None:
    known = ["amount", "name", "period"]
    assert guess_names(["amuont", "AMOUNT"], known) == " (did you mean amount?)"
    assert guess_names(["amuont", "peroid"], known) == " (did you mean amount or period?)"
