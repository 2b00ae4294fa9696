"""Users asked one by one or in batches: each covered once, whatever the server makes of the size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import pytest
from harness import Answer, Request, answer_json, serve
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.dates import Month
from flexlib.errors import RouteRefused, ServerRefused
from flexlib.sources.windsurf import client as client_module
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.users import ask_batches, is_gone

SPAN = Month(2025, 9).span
GATEWAY = Answer(503)


class Server:
    """Answers a row for each user asked for, in the order of the queries; counts who was asked for how often."""

    def __init__(self, failing: set[str], largest: int = 10_000, refused: str = "") -> None:
        self.failing, self.largest, self.refused = failing, largest, refused
        self.asked: Counter[str] = Counter()
        self.sizes: list[int] = []

    def __call__(self, request: Request) -> Answer:
        users = [query["filters"][0]["value"] for query in request.body["query_requests"]]
        self.asked.update(users)
        self.sizes.append(len(users))
        if self.refused in users:
            return answer_json({"error": f"invalid api_key {self.refused}"}, 400)
        if len(users) > self.largest:
            return answer_json({"error": "too many query requests"}, 400)
        if self.failing & set(users):
            return GATEWAY
        return answer_json({"queryResults": [{"responseItems": [{"item": {"api_key": user}}]} for user in users]})


def ask_everybody(server: Server, users: list[str], size: int, workers: int = 4) -> list[ApiResponse]:
    with serve(server) as url, Client(url, "demo-key", workers) as client:
        return list(ask_batches(client, users, SPAN, size))


def name_users(number: int) -> list[str]:
    return [f"user-{index:04d}" for index in range(number)]


@pytest.fixture(autouse=True, scope="module")
def quick_attempts() -> Iterator[None]:
    """As `hurry`, for all of the module: property tests take no fixture of a single test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_module, "LONGEST_PAUSE", 0.001)
        yield


@settings(max_examples=15, deadline=None)
@given(
    number=st.integers(0, 40),
    failing=st.sets(st.integers(0, 39), max_size=3),
    size=st.sampled_from([0, 1, 7]),
    largest=st.sampled_from([1, 3, 10_000]),
)
def test_each_user_is_answered_for_once_or_failed_alone(
    number: int, failing: set[int], size: int, largest: int
) -> None:
    users = name_users(number)
    lost = {users[index] for index in failing if index < number}
    replies = ask_everybody(Server(lost, largest), users, size)
    good = [
        (user, items)
        for reply in replies
        if reply.is_good
        for user, items in zip(reply.ask.users, reply.value, strict=True)
    ]
    assert sorted(good) == [(user, [{"api_key": user}]) for user in users if user not in lost]
    failed = [reply for reply in replies if not reply.is_good]
    assert sorted(reply.ask.users for reply in failed) == [(user,) for user in sorted(lost)]
    assert all(reply.failed == "HTTP 503" for reply in failed)


def test_a_batch_with_a_user_who_fails_is_halved_until_he_stands_alone_and_only_he_is_tried_again() -> None:
    users = name_users(256)
    server = Server({users[100]})
    ask_everybody(server, users, 256, workers=1)
    halvings = int(math.log2(256))
    assert len(server.sizes) == 2 * halvings + client_module.ATTEMPTS
    assert sorted(set(server.sizes)) == [2**power for power in range(halvings + 1)]
    assert server.asked[users[100]] == halvings + client_module.ATTEMPTS


def test_the_size_adapts_to_what_the_server_takes() -> None:
    users = name_users(640)
    server = Server(set(), largest=50)
    replies = ask_everybody(server, users, 0, workers=4)
    assert sorted(user for reply in replies for user in reply.ask.users) == users
    assert server.sizes[0] == 160
    assert len(server.sizes) < 30
    one_by_one = Server(set(), largest=50)
    ask_everybody(one_by_one, users, 160, workers=1)
    assert one_by_one.sizes == [160, 80] + [40] * 16


@pytest.mark.parametrize(
    ("number", "size", "sizes"),
    [
        # 16, 8, 4, 2: four in a row; the size is the trouble, and all that wait are asked one by one.
        (32, 16, {16: 1, 8: 1, 4: 1, 2: 1, 1: 31 + client_module.ATTEMPTS}),
        # 8, 4, 2: three in a row are a user's trouble; the size stays 8.
        (16, 8, {8: 2, 4: 2, 2: 2, 1: 1 + client_module.ATTEMPTS}),
    ],
)
def test_the_fourth_batch_in_a_row_that_fails_makes_all_batches_smaller(
    number: int, size: int, sizes: dict[int, int]
) -> None:
    users = name_users(number)
    server = Server({users[size - 1]})  # the last of the first batch: of two halves the second is asked first
    ask_everybody(server, users, size, workers=1)
    assert Counter(server.sizes) == sizes


def test_batches_are_spread_over_the_workers_and_no_larger_than_256() -> None:
    for number, workers, size in ((100, 4, 25), (101, 4, 26), (5930, 4, 248), (5930, 50, 119), (3, 50, 1)):
        server = Server(set())
        ask_everybody(server, name_users(number), 0, workers)
        assert (max(server.sizes), sum(server.sizes)) == (size, number)


def test_a_single_user_who_is_refused_stops_the_run_by_name_and_in_the_servers_words() -> None:
    users = name_users(40)
    for size in (1, 0):
        with pytest.raises(
            ServerRefused, match=r"for the user user-0007 \(HTTP 400: invalid api_key user-0007\)\. Try "
        ):
            ask_everybody(Server(set(), refused="user-0007"), users, size)


def test_a_data_source_that_is_gone_ends_the_route_with_the_first_answers() -> None:
    seen: list[Request] = []

    def handle(request: Request) -> Answer:
        seen.append(request)
        return answer_json({"error": "invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED"}, 400)

    with serve(handle) as url, Client(url, "demo-key", 4) as client, pytest.raises(RouteRefused) as refused:
        list(ask_batches(client, name_users(5930), SPAN, 1))
    assert refused.value.gone
    assert len(seen) <= 4


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("HTTP 400: invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED", True),
        ("HTTP 404: Not Found", True),
        ("HTTP 400: too many query requests", False),
        ("429: Too Many Requests", False),
    ],
)
def test_a_no_to_the_table_itself_is_told_from_other_ones(said: str, gone: bool) -> None:
    assert is_gone(said) is gone
