"""How fast is asked, on a clock of its own: against the demo server's own limit, with nothing sent but time."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.demo.faults import find_wait
from flexlib.sources.windsurf.pacing import Pacer


@dataclass
class Log:
    """What a simulated run did, by the second at which it happened."""

    sent: list[tuple[float, float]] = field(default_factory=list)
    """When, and at which rate of the pacer (0: none yet)."""
    refused: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)


def simulate(limit: float, requests: int, latency: float = 0.05, workers: int = 50, until: float = 600.0) -> Log:
    """As many requests as it takes until `requests` are answered by a server that bears `limit` a second."""
    pacer, log = Pacer(), Log()
    passed: deque[float] = deque()
    now, in_flight, missing = 0.0, 0, requests
    replies: list[tuple[float, float, int]] = []
    while (missing or in_flight) and now < until:
        while missing and in_flight < workers and pacer.wait(now) == 0:
            heapq.heappush(
                replies,
                (now + latency, now, find_wait(passed, now, round(limit), round(limit) / limit) if limit else 0),
            )
            log.sent.append((now, pacer.rate or 0.0))
            pacer.spend(now)
            missing, in_flight = missing - 1, in_flight + 1
        soonest = [replies[0][0]] if replies else []
        if missing and in_flight < workers:
            soonest.append(now + pacer.wait(now))
        now = min(soonest)
        while replies and replies[0][0] <= now:
            _, sent_at, pause = heapq.heappop(replies)
            in_flight -= 1
            if pause:
                log.refused.append(now)
                missing += 1
                pacer.throttle(now, sent_at, pause)
            else:
                log.answered.append(now)
                pacer.succeed(now)
    return log


def test_as_long_as_nothing_is_refused_nothing_waits() -> None:
    log = simulate(limit=0, requests=1000, latency=0.05, workers=50)
    assert log.answered[-1] == pytest.approx(1000 / 50 * 0.05)


@settings(max_examples=40)
@given(st.floats(5, 300), st.floats(0.001, 0.5), st.integers(1, 50))
def test_it_never_sends_faster_than_its_rate(limit: float, latency: float, workers: int) -> None:
    sent = simulate(limit, 400, latency, workers).sent
    paced = [(when, rate) for when, rate in sent if rate]
    for (before, rate), (after, _) in zip(paced, paced[1:], strict=False):
        assert after - before >= 1 / rate - 1e-9


@settings(max_examples=40)
@given(st.floats(5, 300), st.floats(0.001, 0.2), st.integers(20, 50))
def test_every_request_is_answered_and_few_are_refused(limit: float, latency: float, workers: int) -> None:
    log = simulate(limit, 1500, latency, workers)
    assert len(log.answered) == 1500
    assert len(log.refused) < 0.1 * 1500


@pytest.mark.parametrize("limit", [20.0, 100.0])
def test_it_settles_just_below_what_the_server_bears(limit: float) -> None:
    answered = simulate(limit, int(60 * limit)).answered
    late = [when for when in answered if when > answered[-1] / 2]
    assert len(late) / (late[-1] - late[0]) > 0.85 * limit


def test_it_recovers_after_a_server_that_was_slow_for_a_while() -> None:
    pacer = Pacer()
    for step in range(100):
        pacer.succeed(step / 10)
    pacer.throttle(10.0, 9.9, 1.0)
    assert pacer.rate is not None
    slow = pacer.rate
    now = 11.0
    while pacer.rate < 100 and now < 1000:
        now += 1
        pacer.succeed(now)
    assert slow < 10 < 100 <= pacer.rate
    assert now < 300


def test_a_429_stops_everything_for_as_long_as_the_server_says() -> None:
    pacer = Pacer()
    pacer.throttle(100.0, 99.0, 7.0)
    assert (pacer.wait(100.0), pacer.wait(106.0), pacer.wait(107.0)) == (7.0, 1.0, 0.0)


def test_a_429_before_any_answer_does_not_slow_down_what_follows() -> None:
    pacer, now = Pacer(), 0.0
    pacer.throttle(now, now, 0.0)
    for _ in range(45):
        now += pacer.wait(now)
        pacer.spend(now)
        pacer.succeed(now)
    assert now < 12  # 38 seconds at a tenth more each second


def test_a_burst_of_429s_lowers_the_rate_once() -> None:
    pacer = Pacer()
    for step in range(200):
        pacer.succeed(step / 100)
    pacer.throttle(2.0, 1.9, 1.0)
    rate = pacer.rate
    for _ in range(20):  # sent before the first 429 came back
        pacer.throttle(2.05, 1.95, 1.0)
    assert pacer.rate == rate
    pacer.succeed(3.5)
    pacer.throttle(3.6, 3.55, 1.0)  # sent after it
    assert rate is not None
    assert pacer.rate is not None
    assert pacer.rate < rate


def test_the_rate_never_falls_below_one_a_second() -> None:
    pacer = Pacer()
    for moment in range(50):
        pacer.throttle(float(moment * 10), float(moment * 10), 1.0)
    assert pacer.rate == 1.0


def test_a_429_leaves_nine_tenths_of_what_was_answered_in_the_last_two_seconds() -> None:
    pacer = Pacer()
    for quarter in range(41):  # 4 a second to the tenth, and before the eighth second 12
        for _ in range(1 if quarter >= 32 else 3):
            pacer.succeed(quarter / 4)
    pacer.throttle(10.0, 9.9, 1.0)
    assert pacer.ceiling == pytest.approx(9 / 2)  # the one of just two seconds ago too
    assert pacer.rate == pytest.approx(0.9 * 9 / 2)


def test_the_first_429_counts_for_a_second_at_least() -> None:
    pacer = Pacer()
    for _ in range(50):
        pacer.succeed(9.9)
    pacer.throttle(10.0, 9.9, 1.0)
    assert pacer.ceiling == pytest.approx(50)
    pacer = Pacer()
    pacer.throttle(0.0, 0.0, 1.0)
    assert (pacer.ceiling, pacer.rate) == (1.0, 1.0)


def test_without_a_429_nothing_waits_and_before_the_first_there_is_no_rate() -> None:
    pacer = Pacer()
    pacer.spend(5.0)
    pacer.succeed(5.0)
    assert (pacer.rate, pacer.wait(0.0)) == (None, 0.0)
    assert pacer.ceiling == 0.0


def test_the_rate_goes_up_by_a_tenth_far_below_the_ceiling_and_by_a_hundredth_near_it() -> None:
    for rate, ceiling, raised in ((10.0, 100.0, 11.0), (89.9, 100.0, 98.89), (90.0, 100.0, 90.9), (99.0, 100.0, 99.99)):
        pacer = Pacer()
        pacer.rate, pacer.ceiling = rate, ceiling
        pacer.succeed(0.99)
        assert pacer.rate == rate
        pacer.succeed(1.0)
        assert pacer.rate == pytest.approx(raised)
        pacer.succeed(1.5)
        assert pacer.rate == pytest.approx(raised)


def test_a_first_rate_that_rests_on_fewer_than_twenty_answers_is_doubled_each_quiet_second() -> None:
    for answers, raised in ((19, 2 * 0.9 * 19), (20, 1.01 * 0.9 * 20)):
        pacer = Pacer()
        for _ in range(answers):
            pacer.succeed(9.5)
        pacer.throttle(10.0, 9.9, 0.0)
        pacer.succeed(11.0)
        assert pacer.rate == pytest.approx(raised)


def test_a_request_goes_a_turn_after_the_one_before_or_after_now() -> None:
    pacer = Pacer()
    pacer.rate = 4.0
    pacer.spend(10.0)
    pacer.spend(10.0)
    assert pacer.wait(10.0) == pytest.approx(0.5)
    pacer.spend(20.0)
    assert pacer.wait(20.0) == pytest.approx(0.25)


def test_a_429_that_was_sent_with_the_change_counts_as_new_and_never_shortens_a_pause() -> None:
    pacer = Pacer()
    pacer.throttle(10.0, 9.0, 5.0)
    pacer.rate = pacer.ceiling = 40.0
    pacer.throttle(15.0, 15.0, 1.0)  # sent at the very moment at which the pause ended
    assert pacer.rate == 1.0
    pacer.throttle(15.5, 14.0, 0.0)
    assert pacer.wait(15.5) == pytest.approx(0.5)
    assert pacer.rate == 1.0
