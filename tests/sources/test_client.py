"""How a request becomes an answer: over real HTTP, with each way in which a server fails."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from email.utils import formatdate
from itertools import count

import pytest
from harness import Answer, Request, answer_json, serve

from flexlib.errors import ServerRefused, ServerUnreachable
from flexlib.sources.windsurf import client as client_module
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.wire import ApiRequest

KEY = "sk-secret-1234"
ASK = ApiRequest("users", "/api/v1/Analytics", {"query_requests": []}, permission="Analytics Read")
OK = answer_json({"fine": True})
TRUNCATED = Answer(200, b'{"queryResults": [{"respo')
PAGE = Answer(200, b"<!doctype html><html>Sign in</html>", {"Content-Type": "text/html"})
GATEWAY = Answer(503, b"<html>503 Service Temporarily Unavailable</html>")

pytestmark = pytest.mark.usefixtures("hurry")


def ask_at(url: str, *asks: ApiRequest, workers: int = 8, key: str = KEY) -> list[ApiResponse]:
    with Client(url, key, workers) as client:
        return list(client.ask_all(deque(asks)))


def ask_script(*answers: Answer, ask: ApiRequest = ASK) -> tuple[ApiResponse, list[Request]]:
    """The reply to one ask by a server that gives these answers one after the other, the last one for ever."""
    taken: list[Request] = []

    def handle(request: Request) -> Answer:
        taken.append(request)
        return answers[min(len(taken), len(answers)) - 1]

    with serve(handle) as url:
        [reply] = ask_at(url, ask)
    return reply, taken


def test_the_key_is_in_the_body_of_a_post_and_in_the_header_of_a_get() -> None:
    reply, [request] = ask_script(OK)
    assert reply.value == {"fine": True}
    assert (request.method, request.path) == ("POST", ASK.path)
    assert request.body == {"service_key": KEY, "query_requests": []}
    assert "Authorization" not in request.headers
    _, [request] = ask_script(OK, ask=ApiRequest("consumption", "/v2", params={"start_date": "2025-09-01"}))
    assert (request.method, request.target) == ("GET", "/v2?start_date=2025-09-01")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.text == b""


@pytest.mark.parametrize(
    "trouble", [GATEWAY, Answer(500), Answer(504), Answer(408), Answer(425), TRUNCATED, PAGE, Answer(200, b"")]
)
def test_a_failure_is_tried_again_until_there_is_an_answer(trouble: Answer) -> None:
    reply, taken = ask_script(trouble, trouble, OK)
    assert (reply.value, len(taken)) == ({"fine": True}, 3)


@pytest.mark.parametrize(("trouble", "why"), [(GATEWAY, "HTTP 503"), (TRUNCATED, "an answer that is not whole")])
def test_attempts_are_bounded_and_then_there_is_no_value(trouble: Answer, why: str) -> None:
    reply, taken = ask_script(trouble)
    assert not reply.is_good
    assert reply.value is None
    assert reply.failed.startswith(why)
    assert len(taken) == client_module.ATTEMPTS == 8


def test_what_is_optional_is_tried_three_times_and_no_more() -> None:
    reply, taken = ask_script(GATEWAY, ask=ApiRequest("b", "/", {}, optional=True))
    assert (reply.failed, len(taken)) == ("HTTP 503", 3)
    reply, taken = ask_script(GATEWAY, GATEWAY, OK, ask=ApiRequest("b", "/", {}, optional=True))
    assert (reply.value, len(taken)) == ({"fine": True}, 3)


def test_an_ask_that_is_halved_instead_is_not_tried_again() -> None:
    reply, taken = ask_script(GATEWAY, ask=ApiRequest("users", "/", {}, retries=False))
    assert (reply.failed, len(taken)) == ("HTTP 503", 1)


def test_a_connection_that_is_cut_is_tried_again() -> None:
    attempts = count(1)

    def cut(listener: socket.socket) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                    connection.sendall({1: b"", 2: head, 3: head + b"{"}.get(next(attempts), head + b"{}"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=cut, args=(listener,))
        thread.start()
        [reply] = ask_at(f"http://127.0.0.1:{listener.getsockname()[1]}", ASK)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert reply.value == {}
    assert next(attempts) == 5


@pytest.mark.parametrize("header", ["1", lambda: formatdate(time.time() + 2, usegmt=True)])
def test_a_429_waits_as_long_as_the_server_says_in_seconds_or_as_a_date(header: str | Callable[[], str]) -> None:
    moments: list[float] = []

    def handle(_: Request) -> Answer:
        moments.append(time.monotonic())
        pause = header if isinstance(header, str) else header()
        return OK if len(moments) > 1 else answer_json({"error": "slow down"}, 429, Retry_After=pause)

    with serve(handle) as url:
        [reply] = ask_at(url, ASK)
    assert reply.is_good
    assert 0.95 <= moments[1] - moments[0] < 2.5


def test_a_429_is_a_wait_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ATTEMPTS", 2)
    slow = answer_json({"error": "slow down"}, 429, Retry_After="0")
    reply, taken = ask_script(slow, slow, GATEWAY, slow, OK)
    assert (reply.is_good, len(taken)) == (True, 5)


def test_a_server_that_says_429_for_ever_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_429", 0.5)
    with pytest.raises(ServerUnreachable, match=r"wants no more requests for now \(429\)\. What was read is kept"):
        ask_script(answer_json({}, 429, Retry_After="0"))


def test_who_waits_for_a_server_that_says_429_is_told_once_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_429", 2.5)  # a request a second is the least
    monkeypatch.setattr(client_module, "QUIET_429", 0.2)
    said: list[str] = []
    slow = answer_json({}, 429, Retry_After="0")
    with (
        serve(lambda _: slow) as url,
        Client(url, KEY, 8, None, said.append) as client,
        pytest.raises(ServerUnreachable),
    ):
        client.ask_one(ASK)
    (sentence,) = said
    assert sentence.startswith(f"{url} wants no more requests for now (429): asking on, and giving up at ")
    assert sentence.endswith(" UTC, 2 s after its last other answer.")
    said.clear()
    with serve(lambda _: OK) as url, Client(url, KEY, 8, None, said.append) as client:
        assert client.ask_one(ASK).is_good
    assert said == []


def test_an_ask_with_little_patience_takes_a_long_429_for_a_no() -> None:
    reply, taken = ask_script(
        answer_json({"error": "Enough"}, 429, Retry_After="1800"), ask=ApiRequest("w", "/", max_retry_after=60)
    )
    assert reply.refused == "429: Enough; it may be asked again in 1,800 seconds"
    assert len(taken) == 1


@pytest.mark.parametrize(("status", "said"), [(401, "Invalid service key"), (403, "Insufficient permissions")])
def test_401_and_403_stop_the_run_with_the_servers_words_and_the_permission_that_is_missing(
    status: int, said: str
) -> None:
    with pytest.raises(ServerRefused) as refused:
        ask_script(answer_json({"error": said}, status))
    assert str(refused.value).endswith(
        f"refused the service key for /api/v1/Analytics (HTTP {status}: {said}). Give it the permission "
        "'Analytics Read' in the team's settings, Service Keys, or use another key."
    )


def test_what_may_be_refused_is_refused_alone() -> None:
    reply, _ = ask_script(
        answer_json({"error": "Insufficient permissions"}, 403), ask=ApiRequest("b", "/", {}, optional=True)
    )
    assert reply.refused == "HTTP 403: Insufficient permissions"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answer_json({"error": "invalid query\n table"}, 400), "HTTP 400: invalid query table"),
        (Answer(400, b"plain words"), "HTTP 400: plain words"),
        (Answer(404, b"<html>a page</html>"), "HTTP 404: Not Found"),
        (answer_json(["not", "an", "object"], 422), 'HTTP 422: ["not", "an", "object"]'),
        (answer_json({"error": "x" * 1000}, 400), "HTTP 400: " + "x" * 200),
    ],
)
def test_any_other_no_is_final_and_in_the_servers_words(answer: Answer, said: str) -> None:
    reply, taken = ask_script(answer)
    assert (reply.refused, len(taken)) == (said, 1)


def test_the_key_does_not_follow_to_another_address() -> None:
    strange: list[Request] = []

    def record(request: Request) -> Answer:
        strange.append(request)
        return OK

    with serve(record) as other:
        reply, _ = ask_script(Answer(307, b"", {"Location": f"{other}/"}))
    assert reply.refused.startswith("HTTP 307")
    assert strange == []


def test_the_key_is_blotted_out_of_whatever_the_server_says() -> None:
    reply, _ = ask_script(answer_json({"echo": f"your key is {KEY}!"}))
    assert reply.text == '{"echo": "your key is [service key]!"}'
    assert reply.value == {"echo": "your key is [service key]!"}
    reply, _ = ask_script(answer_json({"error": f"unknown key {KEY}"}, 400))
    assert reply.refused == "HTTP 400: unknown key [service key]"
    reply, _ = ask_script(answer_json({KEY: {f"a {KEY}": 1}}))
    assert reply.value == {"[service key]": {"a [service key]": 1}}
    reply, _ = ask_script(Answer(400, b"", reason=f"who is {KEY}"))
    assert reply.refused == "HTTP 400: who is [service key]"
    reply, _ = ask_script(Answer(400, f"<html>{KEY}".encode()), Answer(400, f"not {KEY}".encode()))
    assert KEY not in reply.refused + reply.text


def test_a_key_that_the_server_escapes_is_blotted_out_too() -> None:
    with serve(lambda _: Answer(200, b'{"echo": ["a\\/b\\u002bc"]}')) as url:
        [reply] = ask_at(url, ASK, key="a/b+c")
    assert (reply.text, reply.value) == ('{"echo": ["[service key]"]}', {"echo": ["[service key]"]})


def test_all_but_the_key_stays_as_the_server_wrote_it() -> None:
    text = '{"path": "a\\/b", "most": 1e400, "usd": 1.10, "who": "%s"}'
    reply, _ = ask_script(Answer(200, (text % "\\u0073k-secret-1234").encode()))
    assert reply.text == text % "[service key]"
    assert reply.value == {"path": "a/b", "most": Decimal("1e400"), "usd": Decimal("1.10"), "who": "[service key]"}
    reply, _ = ask_script(Answer(400, b'{"cut": "\\u0073k-secret-1234", "rest'))
    assert reply.refused == 'HTTP 400: {"cut": "[service key]", "rest'


def test_a_key_that_is_a_word_of_the_wire_does_not_spoil_the_answer() -> None:
    with serve(lambda _: answer_json({"item": {"api_key": "ana"}})) as url:
        [reply] = ask_at(url, ASK, key="key")
    assert reply.value == {"item": {"api_key": "ana"}}


def test_a_worker_keeps_its_connection_and_no_more_work_at_once_than_asked_for() -> None:
    ports: Counter[int] = Counter()
    at_once, most = 0, 0
    lock = threading.Lock()

    def handle(request: Request) -> Answer:
        nonlocal at_once, most
        with lock:
            at_once, ports[request.port] = at_once + 1, ports[request.port] + 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1
        return OK

    with serve(handle) as url:
        replies = ask_at(url, *[ASK] * 100, workers=5)
    assert len(replies) == sum(ports.values()) == 100
    assert most == len(ports) == 5


def test_asks_may_be_added_while_replies_are_read_and_each_gets_one_reply() -> None:
    with serve(lambda _: OK) as url, Client(url, KEY, 3) as client:
        asks = deque([ApiRequest("0", "/", {})])
        purposes = []
        for reply in client.ask_all(asks):
            purposes.append(reply.ask.purpose)
            if int(reply.ask.purpose) < 20:
                asks.append(ApiRequest(str(int(reply.ask.purpose) + 1), "/", {}))
        assert purposes == [str(number) for number in range(21)]
        assert (client.sent, client.retried) == (21, 0)


def test_it_counts_what_it_sends_and_what_it_sends_again() -> None:
    answers = iter([GATEWAY, answer_json({}, 429, Retry_After="0"), TRUNCATED, OK])
    with serve(lambda _: next(answers)) as url, Client(url, KEY, 1) as client:
        assert client.ask_one(ASK).is_good
        assert (client.sent, client.retried) == (4, 3)


def test_a_server_that_is_gone_ends_the_run_before_every_ask_has_been_tried_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "DEAD_AFTER", 0.3)
    seen: list[Request] = []

    def handle(request: Request) -> Answer:
        seen.append(request)
        return GATEWAY

    with (
        serve(handle) as url,
        pytest.raises(ServerUnreachable, match=r"no longer answers \(HTTP 503\)\. What was read"),
    ):
        ask_at(url, *(ApiRequest(str(number), "/", {}) for number in range(5930)))
    assert len(seen) < 5930


def test_no_proxy_is_asked_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    reply, _ = ask_script(OK)
    assert reply.is_good


def test_nobody_there_is_a_failure_and_no_value() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    [reply] = ask_at(url, ASK)
    assert (reply.value, reply.failed) == (None, "no connection to it can be made, or it broke")
