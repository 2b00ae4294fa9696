"""When a notice may go, to the minute: hours of quiet begin with their first and end before their last."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from flexlib.deliver.due import Times, read_time

NIGHT, LUNCH = (time(20), time(8, 30)), (time(12), time(13, 30))
SANTIAGO = ZoneInfo("America/Santiago")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-09-{text}:00+00:00")


@pytest.mark.parametrize(
    ("quiet", "now", "end"),
    [
        (NIGHT, "24T19:59", None), (NIGHT, "24T20:00", "25T08:30"), (NIGHT, "25T08:29", "25T08:30"),
        (NIGHT, "25T08:30", None), (LUNCH, "24T11:59", None), (LUNCH, "24T12:00", "24T13:30"),
        (LUNCH, "24T13:29", "24T13:30"), (LUNCH, "24T13:30", None), (None, "24T23:00", None),
    ],
)  # fmt: skip
def test_quiet_begins_with_its_first_minute_and_is_over_at_its_end(
    quiet: tuple[time, time] | None, now: str, end: str | None
) -> None:
    times = Times(quiet=quiet, digest=time(6))  # which decides when a notice is due, and not whether it is quiet
    assert times.find_quiet_end(at(now)) == (None if end is None else at(end))


def test_a_digest_goes_at_its_minute_and_after_it_the_next_day() -> None:
    daily = Times(digest=time(9))
    assert daily.find_due(at("24T09:00")) == at("24T09:00")
    assert daily.find_due(at("24T09:01")) == at("25T09:00")
    assert daily.find_due(at("24T08:59")) == at("24T09:00")


def test_hours_of_quiet_are_written_and_read_again_with_their_zone() -> None:
    times = Times(SANTIAGO, NIGHT)
    assert times.write_quiet() == "20:00 08:30 America/Santiago"
    assert Times.read_quiet("20:00 08:30 America/Santiago") == times
    assert Times().write_quiet() is None


def test_a_time_of_day_is_two_digits_each_and_nothing_else() -> None:
    assert read_time("08:30") == time(8, 30)
    for wrong in ("8:30", "24:00", "08:60", "08:30 ", 830):
        with pytest.raises(ValueError, match="8|24|60"):
            read_time(wrong)
