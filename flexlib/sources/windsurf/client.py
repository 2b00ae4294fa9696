"""Sends requests to the server, many at once over kept connections, until each is answered or cannot be answered."""

from __future__ import annotations

import heapq
import json
import random
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests_futures.sessions import FuturesSession

from flexlib.errors import ServerRefused, ServerUnreachable
from flexlib.nesting import decode_json
from flexlib.privacy import clean_message
from flexlib.settings import LOOPBACK
from flexlib.sources.windsurf.answers import read_http_date, read_message, read_pause, redact_key
from flexlib.sources.windsurf.pacing import Pacer
from flexlib.sources.windsurf.wire import ApiRequest

ATTEMPTS, ATTEMPTS_OPTIONAL = 8, 3
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
TIMEOUT = (10, 120)
"""Seconds to connect, and between two bytes of an answer."""
PATIENCE_429 = 900.0
"""Seconds without any answer but 429 after which the run stops."""
DEAD_AFTER, DEAD_ASKS = 60.0, 25
"""Seconds without a good answer, and how many asks must have failed in them, for the server to count as gone."""


@dataclass(frozen=True)
class ApiResponse:
    """What became of an ask: a value, or why there is none."""

    ask: ApiRequest
    value: Any = None
    """What `ask.read` made of the answer."""
    text: str = ""
    """The answer as it came, the key blotted out."""
    refused: str = ""
    """The server's no (4xx), in its words."""
    failed: str = ""
    """Why no whole answer came, after all attempts."""

    @property
    def is_good(self) -> bool:
        return not (self.refused or self.failed)


class Client:
    """Up to `workers` requests at once, one kept connection each. Counts what it sends.

    Raises `ServerRefused` on 401 and 403 to an ask that is not optional, `ServerUnreachable` when the server is gone.
    """

    def __init__(self, base_url: str, service_key: str, workers: int) -> None:
        self.base_url = base_url
        self.sent = 0
        self.retried = 0
        self.server_date: datetime | None = None
        """What the server's clock says, as of its latest answer."""
        self._key = service_key
        self.workers = workers
        self._pacer = Pacer()
        session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=workers)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # Proxies and certificates of the environment, read once here: requests would read them, and .netrc, again for
        # every request. No proxy leads to this machine.
        found = session.merge_environment_settings(base_url, {}, None, None, None)
        if urlsplit(base_url).hostname not in LOOPBACK:
            session.proxies.update(found["proxies"])
        session.verify = found["verify"]
        session.trust_env = False
        session.headers.update({"Content-Type": "application/json", "User-Agent": "flexlib"})
        self._session = FuturesSession(executor=ThreadPoolExecutor(workers), session=session)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.executor.shutdown(wait=error[0] is None, cancel_futures=True)
        self._session.session.close()

    def ask_one(self, ask: ApiRequest) -> ApiResponse:
        """The reply to a single ask."""
        return next(self.ask_all(deque([ask])))

    def ask_all(self, asks: deque[ApiRequest]) -> Iterator[ApiResponse]:
        """Each ask's reply, as they come. More asks may be put into `asks` while the replies are read."""
        done: SimpleQueue[tuple[ApiRequest, int, float, Future[requests.Response]]] = SimpleQueue()
        waiting: list[tuple[float, int, ApiRequest, int]] = []
        order = count()
        in_flight = 0
        good_at = heard_at = time.monotonic()
        failing: set[int] = set()
        while asks or waiting or in_flight:
            now = time.monotonic()
            while in_flight < self.workers and (pause := self._pacer.wait(now)) == 0:
                if waiting and waiting[0][0] <= now:
                    _, _, ask, attempt = heapq.heappop(waiting)
                elif asks:
                    ask, attempt = asks.popleft(), 1
                else:
                    break
                self._send(ask, attempt, now, done)
                in_flight += 1
            try:
                soonest = [pause] if pause and (asks or waiting) else []
                soonest += [waiting[0][0] - now] if waiting else []
                ask, attempt, sent_at, future = done.get(timeout=max(0.001, min(soonest)) if soonest else None)
            except Empty:
                continue
            in_flight -= 1
            now = time.monotonic()
            outcome = self._judge(ask, future)
            if isinstance(outcome, ApiResponse):
                if outcome.is_good:
                    self._pacer.succeed(now)
                    good_at = heard_at = now
                    failing.clear()
                yield outcome
            elif isinstance(outcome, float):
                if now - heard_at + outcome > PATIENCE_429:
                    raise ServerUnreachable(f"{self.base_url} wants no more requests for now (429). {AGAIN}")
                self._pacer.throttle(now, sent_at, outcome)
                heapq.heappush(waiting, (now + outcome, next(order), ask, attempt))
                self.retried += 1
            else:
                failing.add(id(ask))
                if now - good_at > DEAD_AFTER and len(failing) >= DEAD_ASKS:
                    raise ServerUnreachable(f"{self.base_url} no longer answers ({outcome}). {AGAIN}")
                if not ask.retries or attempt >= (ATTEMPTS_OPTIONAL if ask.optional else ATTEMPTS):
                    yield ApiResponse(ask, failed=outcome)
                    continue
                longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
                heapq.heappush(waiting, (now + longest * random.uniform(0.5, 1), next(order), ask, attempt + 1))
                self.retried += 1

    def _send(self, ask: ApiRequest, attempt: int, now: float, done: SimpleQueue[Any]) -> None:
        url = self.base_url + ask.path
        options: dict[str, Any] = {"timeout": TIMEOUT, "allow_redirects": False}
        if ask.body is None:
            bearer = {"Authorization": f"Bearer {self._key}"}
            future = self._session.get(url, params=ask.params, headers=bearer, **options)
        else:
            future = self._session.post(url, data=json.dumps({"service_key": self._key, **ask.body}), **options)
        self.sent += 1
        self._pacer.spend(now)
        future.add_done_callback(lambda future: done.put((ask, attempt, now, future)))

    def _judge(self, ask: ApiRequest, future: Future[requests.Response]) -> ApiResponse | float | str:
        """A reply when it is final, seconds to wait on a 429, or why it should be tried again."""
        if error := future.exception():
            if not isinstance(error, requests.RequestException):
                raise error
            return f"{type(error).__name__}: the connection failed"
        response = future.result()
        if said_at := read_http_date(response.headers.get("Date", "")):
            self.server_date = max(said_at, self.server_date or said_at)
        text = redact_key(response.content.decode("utf-8", "replace"), self._key)
        status = response.status_code
        if status == 200:
            try:
                return ApiResponse(ask, ask.read(decode_json(text, parse_float=Decimal)), text)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return f"an answer that is not whole ({type(error).__name__})"
        said = clean_message(read_message(text) or redact_key(response.reason or "nothing", self._key))
        if status == 429:
            pause = read_pause(response.headers.get("Retry-After"))
            if pause <= ask.max_retry_after:
                return pause
            return ApiResponse(ask, refused=f"429: {said}; it may be asked again in {pause:,.0f} seconds")
        if status in (401, 403) and not ask.optional:
            raise ServerRefused(
                f"{self.base_url} refused the service key for {ask.path} (HTTP {status}: {said}). "
                f"Give it the permission {ask.permission!r} in the team's settings, Service Keys, or use another key."
            )
        if status >= 500 or status in (408, 425):
            return f"HTTP {status}"
        return ApiResponse(ask, refused=f"HTTP {status}: {said}")


AGAIN = "What was read is kept for 3 hours: run it again to go on from there."


def read_demo_header(base_url: str) -> str | None:
    """What a demo server on this machine says of itself, None for any other server. Raises `ServerUnreachable`."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy leads to this machine
            header = session.get(base_url, timeout=10, allow_redirects=False).headers.get("Flexlib-Demo")
            return header and clean_message(header)
    except requests.RequestException as error:
        raise ServerUnreachable(f"Nothing answers at {base_url}; is the server running?") from error
