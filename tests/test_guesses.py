"""What somebody may have meant is asked, never taken."""

from __future__ import annotations

from zoneinfo import available_timezones

import duckdb
import pytest

from flexlib.errors import BadParameter
from flexlib.guesses import explain_no_zone, guess_names, read_zone


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


@pytest.mark.parametrize("wrong", ["localtime", "Factory", "factory", "posixrules"])
def test_no_zone_that_is_refused_is_guessed(wrong: str) -> None:
    assert explain_no_zone(wrong) == f"{wrong!r} is not a time zone; write it as America/Santiago or UTC."


def test_where_no_zone_is_given_that_is_said_and_not_what_python_calls_nothing() -> None:
    assert explain_no_zone(None) == "no time zone is given; write one such as America/Santiago or UTC."


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "America",
        "..",
        "/etc/localtime",
        "UTC\0",
        "x" * 300,
        "PST",
        "localtime",
        "posixrules",
        "right/UTC",
        "Factory",
        9,
        None,
    ],
)
def test_what_is_no_time_zone_or_another_one_on_each_machine_is_refused(zone: object) -> None:
    with pytest.raises(BadParameter, match="is not a time zone|no time zone is given"):
        read_zone(zone)


def test_databases_know_every_zone_that_is_one() -> None:
    known = {name for (name,) in duckdb.connect().execute("SELECT name FROM pg_timezone_names()").fetchall()}
    assert {read_zone(name).key for name in available_timezones() - {"localtime", "Factory"}} <= known


def test_each_wrong_name_has_its_near_one_and_one_that_is_near_twice_is_named_once() -> None:
    known = ["amount", "name", "period"]
    assert guess_names(["amuont", "AMOUNT"], known) == " (did you mean amount?)"
    assert guess_names(["amuont", "peroid"], known) == " (did you mean amount or period?)"
