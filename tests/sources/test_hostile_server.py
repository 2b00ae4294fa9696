"""Servers that answer too much, too slowly, without end or with what is no answer: each ends, in a sentence."""

from __future__ import annotations

import gzip
import html
import json
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import certifi
import pytest
from harness import KEY, SEPTEMBER, Answer, Request, answer_json, make_certificate, serve

from flexlib.errors import BadSetting, RouteRefused, ServerRefused, ServerUnreachable
from flexlib.settings import load_settings
from flexlib.sources.charges.amounts import read_moment
from flexlib.sources.files.moments import read_instant
from flexlib.sources.windsurf import client, connections, consumption
from flexlib.sources.windsurf.answers import read_http_date, redact_key
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.wire import ApiRequest, ask_balance, ask_people

PLAIN = ApiRequest("x", "/x", {})

pytestmark = pytest.mark.usefixtures("hurry")


def ask(handle: Callable[[Request], Answer], *asks: ApiRequest) -> list[ApiResponse]:
    with serve(handle) as url, Client(url, KEY, 4) as asking:
        return list(asking.ask_all(deque(asks or (PLAIN,))))


@contextmanager
def drip(head: bytes) -> Iterator[str]:
    """A server that says `head`, and then a byte now and then, for ever."""
    ending = threading.Event()

    def speak(line: socket.socket) -> None:
        with line:
            line.recv(65536)
            try:
                line.sendall(head)
                while not ending.wait(0.05):
                    line.sendall(b"x")
            except OSError:
                return

    def listen(door: socket.socket) -> None:
        while not ending.is_set():
            try:
                threading.Thread(target=speak, args=(door.accept()[0],), daemon=True).start()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=listen, args=(door,), daemon=True).start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        ending.set()


ZEROS, OBJECTS = b'{"a":"' + b"0" * (8 * 1024**2) + b'"}', b'{"a":[' + b"{}," * 2000 + b"{}]}"


@pytest.mark.parametrize(
    ("coding", "packed", "why"),
    [
        ("gzip", gzip.compress(ZEROS), "an answer of more than 4 MiB"),
        ("identity", ZEROS, "an answer of more than 4 MiB"),
        ("gzip, gzip", gzip.compress(gzip.compress(ZEROS)), "an answer that is packed more than once"),
        ("gzip", gzip.compress(OBJECTS), "an answer of more than 1,000 objects"),
    ],
    ids=["long", "not packed", "packed twice", "many objects"],  # packed bytes hold the time: each worker's are others
)
def test_an_answer_that_is_too_large_unpacked_is_refused_once(
    coding: str, packed: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_BYTES", 4 * 1024**2)
    monkeypatch.setattr(connections, "MOST_OBJECTS", 1000)
    asked: list[str] = []

    def bomb(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(200, packed, {"Content-Encoding": coding})

    (reply,) = ask(bomb)
    assert (reply.failed, asked) == (why, ["/x"])


def test_a_packed_answer_is_read_as_ever() -> None:
    (reply,) = ask(lambda _: Answer(200, gzip.compress(b'{"a": 1.10}'), {"Content-Encoding": "gzip"}))
    assert reply.text == '{"a": 1.10}'


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"]
)
@pytest.mark.parametrize("what", [ask_people(), ask_balance()])
def test_an_answer_that_drips_is_cut_at_the_deadline(
    head: bytes, what: ApiRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DEADLINE", 0.5)
    with drip(head) as url, Client(url, KEY, 4) as asking:
        assert asking.ask_one(what).failed == "no whole answer within 0 s"


def test_pages_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumption, "MOST_PAGES", 5)
    asked: list[str] = []

    def page(request: Request) -> Answer:
        asked.append(request.target)
        return answer_json({"data": [], "pagination": {"next_page_cursor": f"page {len(asked)}"}})

    with (
        serve(page) as url,
        Client(url, KEY, 4) as asking,
        pytest.raises(RouteRefused, match=r"^the consumption endpoint gives more than 5 pages$"),
    ):
        list(consumption.fetch_pages(asking, SEPTEMBER.span))
    assert len(asked) == 6


@pytest.mark.parametrize(
    "text",
    ['{"a": 1e99999999999999999999}', '{"a": "\\ud800"}', "[" * 100000, '{"a": ' * 80 + "1" + "}" * 80, '{"a": ', ""],
)
def test_what_is_no_whole_answer_is_asked_again_and_told(text: str) -> None:
    answers = iter([text, '{"a": 1}'])
    assert ask(lambda _: Answer(200, next(answers).encode()))[0].value == {"a": 1}
    (reply,) = ask(lambda _: Answer(200, text.encode()), ask_balance())
    assert reply.failed.startswith("an answer that is not whole (")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "RFC 850", "asctime"])
def test_a_server_that_says_when_to_ask_again_is_asked_then_in_any_form_and_zone(
    status: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/Santiago")
    time.tzset()
    try:
        times: list[float] = []

        def refuse_once(_: Request) -> Answer:
            times.append(time.time())
            if len(times) > 1:
                return answer_json({})
            then = time.gmtime(time.time() + 2)
            forms = {
                "seconds": "2",
                "date": formatdate(time.time() + 2, usegmt=True),
                "RFC 850": time.strftime("%A, %d-%b-%y %H:%M:%S GMT", then),
                "asctime": time.strftime("%a %b %e %H:%M:%S %Y", then),
            }
            return answer_json({}, status, Retry_After=forms[form])

        assert ask(refuse_once)[0].is_good
    finally:
        monkeypatch.undo()
        time.tzset()
    assert 0.9 < times[1] - times[0] < 4


@pytest.mark.parametrize("read", [read_http_date, read_instant, lambda text: read_moment(text, None)])
def test_a_time_that_no_calendar_holds_once_it_is_in_utc_is_none(read: Callable[[str], object]) -> None:
    text = "Fri, 31 Dec 9999 23:59:59 -2359" if read is read_http_date else "9999-12-31T23:59:59-23:59"
    assert read(text) is None
    assert read(text.replace("9999", "2026")) is not None


@pytest.mark.parametrize(
    "form",
    [
        *(str, str.upper, str.lower, lambda key: quote(key, safe="")),
        *(lambda key, user=user: b64encode(f"{user}{key}:x".encode()).decode() for user in ("", "a", "ab", "abc")),
        lambda key: urlsafe_b64encode(f"user:{key}".encode()).decode(),
        *(html.escape, lambda key: html.escape(html.escape(key)), lambda key: quote(quote(key, safe=""), safe="")),
    ],
)
def test_the_key_is_known_however_a_server_writes_what_it_was_sent(form: Callable[[str], str]) -> None:
    key = "Zq7/hid+den=key&41-0d9f1c3e"
    said = redact_key(json.dumps({"error": f"no {form(key)}", form(key): "1.10"}) + " ", key)
    assert "[service key]" in said
    parts = [form(key)[start : start + 12] for start in range(4, len(form(key)) - 16)]
    assert [part for part in parts if part in said] == []
    plain = '{"a": "Zq7/hid+den", "n": 1.10}'
    assert redact_key(plain, key) == plain


def test_a_date_that_no_calendar_holds_spoils_no_answer() -> None:
    date = "Fri, 31 Dec 9999 23:59:59 -2359"
    answers = iter([answer_json({}, 503, Date=date, Retry_After=date), answer_json({"a": 1}, Date=date)])
    assert ask(lambda _: next(answers))[0].value == {"a": 1}


def test_a_server_that_is_away_for_long_is_not_waited_for() -> None:
    (reply,) = ask(lambda _: answer_json({}, 503, Retry_After="3600"))
    assert reply.failed == "HTTP 503; it may be asked again in 3,600 seconds"


def test_what_a_server_cannot_do_is_not_asked_again() -> None:
    asked: list[int] = []

    def refuse(_: Request) -> Answer:
        asked.append(1)
        return answer_json({"error": "no"}, 501)

    assert (ask(refuse)[0].refused, len(asked)) == ("HTTP 501: no", 1)


def test_a_proxy_that_asks_for_a_password_is_named() -> None:
    with pytest.raises(ServerUnreachable, match=r"\(407\); give its user and password in HTTPS_PROXY"):
        ask(lambda _: answer_json({}, 407))


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_are_not_there_are_told_before_anything_is_asked(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "none.pem")
    with pytest.raises(BadSetting, match=f"{name} is '{path}', which is not there"):
        Client("http://127.0.0.1:9", KEY, 1, load_settings({name: path}, tmp_path).ca_bundle)


@pytest.mark.parametrize("text", [b"", b"not a certificate\n", b"-----BEGIN CERTIFICATE-----\nMIIB\n", b"\xff\0"])
def test_a_bundle_that_holds_no_certificate_is_told_before_anything_is_asked(text: bytes, tmp_path: Path) -> None:
    (bundle := tmp_path / "ours.pem").write_bytes(text)
    with pytest.raises(BadSetting, match="ours.pem', which holds no certificate that can be read; give it the file"):
        Client("http://127.0.0.1:9", KEY, 1, ("REQUESTS_CA_BUNDLE", str(bundle)))


@pytest.mark.parametrize("bundle", [Path(certifi.where()), Path(certifi.where()).parent])
def test_a_bundle_may_be_a_file_or_a_folder(bundle: Path) -> None:
    with Client("http://127.0.0.1:9", KEY, 1, ("REQUESTS_CA_BUNDLE", str(bundle))) as asking:
        assert asking.sent == 0


@contextmanager
def serve_tls(folder: Path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own, and the file to trust it by."""
    context, bundle = make_certificate(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Flexlib-Demo", "seed=1")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}", bundle
        server.shutdown()
        thread.join()


def test_a_demo_over_https_is_read_by_the_certificates_of_the_settings(tmp_path: Path) -> None:
    with serve_tls(tmp_path) as (url, bundle):
        assert connections.read_demo_header(url, ("REQUESTS_CA_BUNDLE", str(bundle))) == "seed=1"
        with pytest.raises(ServerUnreachable, match=r"^https://.*: its certificate is not one .* REQUESTS_CA_BUNDLE"):
            connections.read_demo_header(url)
        with pytest.raises(BadSetting, match="SSL_CERT_FILE is '/none.pem', which is not there"):
            connections.read_demo_header(url, ("SSL_CERT_FILE", "/none.pem"))
    with serve(lambda _: Answer()) as url, pytest.raises(ServerUnreachable, match="does not speak TLS; is it http"):
        connections.read_demo_header(url.replace("http", "https"))


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nFlexlib-Demo: ", b"HTTP/1.1 200 OK\r\nFlexlib-Demo: 1\r\n\r\n"])
def test_a_front_page_that_drips_is_not_waited_for(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEADLINE_DEMO", 0.5)
    with drip(head) as url:
        if head.endswith(b"\r\n\r\n"):
            assert connections.read_demo_header(url) == "1"
        else:
            with pytest.raises(ServerUnreachable, match="Nothing answers at"):
                connections.read_demo_header(url)


def test_a_process_whose_key_is_refused_ends_at_once() -> None:
    ending = threading.Event()

    def refuse(request: Request) -> Answer:
        if request.path == "/no":
            return answer_json({"error": "Invalid service key"}, 403)
        ending.wait(60)
        return answer_json({})

    program = f"""
import sys
from collections import deque
from flexlib.sources.windsurf.client import Client
from flexlib.sources.windsurf.wire import ApiRequest
from flexlib.errors import {ServerRefused.__name__}
try:
    with Client(sys.argv[1], "key-of-a-test", 4) as asking:
        list(asking.ask_all(deque([*[ApiRequest("x", "/slow", {{}})] * 3, ApiRequest("x", "/no", {{}})])))
except {ServerRefused.__name__}:
    sys.exit(7)
"""
    with serve(refuse) as url:
        done = subprocess.run([sys.executable, "-c", program, url], check=False, timeout=30)  # half of that wait
        ending.set()
        assert done.returncode == 7
