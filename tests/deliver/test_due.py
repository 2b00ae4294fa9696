"""When a notice may go, to the minute: hours of quiet begin with their first and end before their last."""

from __future__ import annotations

from datetime import datetime, time, timedelta
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


@pytest.mark.parametrize(
    "quiet",
    [(time(20), time(2, 30)), (time(20), time(8)), (time(22), time(0)), (time(1), time(2)), (time(23), time(0, 30)),
     (time(20), time(23, 30))],
)  # fmt: skip
@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Madrid", "2025-10-25"), ("Europe/Madrid", "2025-03-29"), ("America/Santiago", "2025-04-05"),
     ("America/Santiago", "2025-09-06"), ("Australia/Lord_Howe", "2025-04-05"), ("Australia/Lord_Howe", "2025-10-04")],
)  # fmt: skip
def test_quiet_ends_with_the_first_minute_that_is_not_where_clocks_change(
    zone: str, day: str, quiet: tuple[time, time]
) -> None:
    """Every ten minutes of a day and a half, held against a walk in steps of ten minutes until no clock says quiet."""
    times, first = Times(ZoneInfo(zone), quiet), datetime.fromisoformat(f"{day}T12:00:00+00:00")
    moments = [first + timedelta(minutes=10 * number) for number in range(6 * 60)]

    def is_quiet(moment: datetime) -> bool:
        clock, (begin, end) = moment.astimezone(times.zone).time(), quiet
        return begin <= clock < end if begin < end else clock >= begin or clock < end

    ends = [next(one for one in moments[number:] if not is_quiet(one)) for number in range(6 * 36)]
    assert [times.find_due(one) for one in moments[: 6 * 36]] == ends


def test_a_digest_goes_once_on_the_day_whose_hour_comes_twice_and_after_the_one_that_is_left_out() -> None:
    daily = Times(ZoneInfo("Europe/Madrid"), digest=time(2, 30))
    for now, due in [("2025-10-26T00:30", "2025-10-26T00:30"), ("2025-10-26T00:31", "2025-10-27T01:30"),
                     ("2025-03-30T00:00", "2025-03-30T01:00"), ("2025-03-30T01:01", "2025-03-31T00:30")]:  # fmt: skip
        assert daily.find_due(datetime.fromisoformat(f"{now}+00:00")) == datetime.fromisoformat(f"{due}+00:00")


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
