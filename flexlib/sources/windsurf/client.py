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
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from requests_futures.sessions import FuturesSession

from flexlib.errors import ServerRefused, ServerUnreachable
from flexlib.i18n import _, join_texts, mark_text
from flexlib.privacy import clean_message
from flexlib.setting_values import LOOPBACK
from flexlib.sources.windsurf.answers import (
    Notify,
    Setback,
    decode_answer,
    explain_pause,
    explain_slow,
    explain_wait,
    read_http_date,
    read_message,
    read_pause,
    redact_key,
)
from flexlib.sources.windsurf.connections import (
    AnswerRefused,
    CuttableAdapter,
    check_bundle,
    explain_lasting,
    explain_passing,
    explain_proxy,
    read_within_limits,
)
from flexlib.sources.windsurf.pacing import Pacer
from flexlib.sources.windsurf.wire import ApiRequest
from flexlib.trust import NamedPath

ATTEMPTS, ATTEMPTS_OPTIONAL = 8, 3
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
TIMEOUT = (10, 120)
"""Seconds to connect, and between two bytes of an answer."""
DEADLINE = 300.0
"""Seconds until a whole answer must be there, however its bytes drip."""
PATIENCE_429 = 900.0
"""Seconds without any answer but 429 after which the run stops."""
QUIET_429 = 10.0
"""Seconds of them after which whoever waits is told: a limit that passes sooner is no news."""
PASSING, LASTING = (408, 425), (501, 505)
"""Statuses below 500 that are tried again, and those from it on that are not: they say what the server is."""
SHORTEST_WAIT = 0.01
"""Seconds: as often as that it is looked whether something is to be done."""
DEAD_AFTER, DEAD_ASKS = 60.0, 25
"""Seconds without a good answer, and how many asks must have failed in them, for the server to count as gone."""
AGAIN = mark_text("What was read is kept for 3 hours: run it again to go on from there.")


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

    def __init__(
        self, base_url: str, service_key: str, workers: int, ca_bundle: NamedPath | None = None, notify: Notify = str
    ) -> None:
        """`notify` is told why nothing goes on for a while."""
        self._notify = notify
        self.base_url = base_url
        self.sent = 0
        self.retried = 0
        self.server_date: datetime | None = None
        """What the server's clock says, as of its latest answer."""
        self._key = service_key
        self.workers = workers
        self._pacer = Pacer()
        session = requests.Session()
        self._adapter = CuttableAdapter(pool_connections=1, pool_maxsize=workers)
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        # Proxies and certificates of the environment, read once here: requests would read them, and .netrc, again for
        # every request. No proxy leads to this machine.
        found = session.merge_environment_settings(base_url, {}, None, None, None)
        if urlsplit(base_url).hostname not in LOOPBACK:
            session.proxies.update(found["proxies"])
        session.verify = check_bundle(ca_bundle) if ca_bundle else found["verify"]
        session.hooks["response"].append(read_within_limits)
        session.trust_env = False
        session.headers.update({"Content-Type": "application/json", "User-Agent": "flexlib"})
        self._session = FuturesSession(executor=ThreadPoolExecutor(workers), session=session)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.executor.shutdown(wait=error[0] is None, cancel_futures=True)
        self._adapter.end()  # else the process would wait for what nobody reads
        self._session.session.close()

    def ask_one(self, ask: ApiRequest) -> ApiResponse:
        """The reply to a single ask."""
        return next(self.ask_all(deque([ask])))

    def ask_all(self, asks: deque[ApiRequest]) -> Iterator[ApiResponse]:
        """Each ask's reply, as they come. More asks may be put into `asks` while the replies are read."""
        done: SimpleQueue[tuple[ApiRequest, int, float, Future[requests.Response]]] = SimpleQueue()
        waiting: list[tuple[float, int, ApiRequest, int]] = []
        order = count()
        in_flight: dict[Future[requests.Response], float] = {}
        good_at = heard_at = time.monotonic()
        failing, is_told = set[int](), False
        while asks or waiting or in_flight:
            now = time.monotonic()
            while len(in_flight) < self.workers and (pause := self._pacer.wait(now)) == 0:
                if waiting and waiting[0][0] <= now:
                    __, __, ask, attempt = heapq.heappop(waiting)
                elif asks:
                    ask, attempt = asks.popleft(), 1
                else:
                    break
                in_flight[self._send(ask, attempt, now, done)] = now
            soonest = [pause] if pause and (asks or waiting) else []
            soonest += [waiting[0][0] - now] if waiting else []
            soonest += [min(in_flight.values()) + DEADLINE - now] if in_flight else []
            if soonest and min(soonest) < -SHORTEST_WAIT:
                self._adapter.cut(now - DEADLINE)
            try:
                ask, attempt, sent_at, future = done.get(timeout=max(SHORTEST_WAIT, min(soonest)) if soonest else None)
            except Empty:
                continue
            del in_flight[future]
            now = time.monotonic()
            outcome = self._judge(ask, future, now - sent_at)
            if isinstance(outcome, ApiResponse):
                if outcome.is_good:
                    self._pacer.succeed(now)
                    good_at, heard_at, is_told = now, now, False
                    failing.clear()
                yield outcome
            elif outcome.is_limit:
                silent, left = now - heard_at + outcome.pause, heard_at + PATIENCE_429 - now
                if silent > PATIENCE_429:
                    raise ServerUnreachable(_("{base_url} wants no more requests for now (429). {again}")
                        .format(base_url=self.base_url, again=_(AGAIN)))  # fmt: skip
                if silent > QUIET_429 and not is_told:
                    self._notify(explain_wait(self.base_url, outcome.pause, left, PATIENCE_429))
                    is_told = True
                self._pacer.throttle(now, sent_at, outcome.pause)
                heapq.heappush(waiting, (now + outcome.pause, next(order), ask, attempt))
                self.retried += 1
            else:
                failing.add(id(ask))
                if now - good_at > DEAD_AFTER and len(failing) >= DEAD_ASKS:
                    raise ServerUnreachable(_("{base_url} no longer answers ({why}). {again}")
                        .format(base_url=self.base_url, why=outcome.why, again=_(AGAIN)))  # fmt: skip
                most = ATTEMPTS_OPTIONAL if ask.optional else ATTEMPTS
                if not ask.retries or outcome.is_final or attempt >= most:
                    yield ApiResponse(ask, failed=outcome.why)
                    continue
                longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
                pause = max(outcome.pause, longest * random.uniform(0.5, 1))
                heapq.heappush(waiting, (now + pause, next(order), ask, attempt + 1))
                self.retried += 1

    def _send(self, ask: ApiRequest, attempt: int, now: float, done: SimpleQueue[Any]) -> Future[requests.Response]:
        url = self.base_url + ask.path
        options: dict[str, Any] = {"timeout": TIMEOUT, "allow_redirects": False, "stream": True}
        if ask.body is None:
            bearer = {"Authorization": f"Bearer {self._key}"}
            future: Future[requests.Response] = self._session.get(url, params=ask.params, headers=bearer, **options)
        else:
            future = self._session.post(url, data=json.dumps({"service_key": self._key, **ask.body}), **options)
        self.sent += 1
        self._pacer.spend(now)
        future.add_done_callback(lambda future: done.put((ask, attempt, now, future)))
        return future

    def _judge(self, ask: ApiRequest, future: Future[requests.Response], seconds: float) -> ApiResponse | Setback:
        """A reply when it is final, or what came in its way after so many seconds."""
        error = future.exception()
        if isinstance(error, AnswerRefused):
            return Setback(error.why, is_final=True)
        if seconds >= DEADLINE:  # one without a length looks whole when it is cut
            return Setback(explain_slow(DEADLINE), is_final=True)
        if error:
            if not isinstance(error, requests.RequestException):
                raise error
            if lasting := explain_lasting(error, self.base_url):
                raise ServerUnreachable(lasting)
            return Setback(explain_passing(error))
        response = future.result()
        if said_at := read_http_date(response.headers.get("Date", "")):
            self.server_date = max(said_at, self.server_date or said_at)
        text = redact_key(response.content.decode("utf-8", "replace"), self._key)
        status = response.status_code
        if status == 200:
            try:
                return ApiResponse(ask, ask.read(decode_answer(text)), text)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return Setback(_("an answer that is not whole ({kind})").format(kind=type(error).__name__))
        said = clean_message(read_message(text) or redact_key(response.reason or "-", self._key))
        pause = read_pause(response.headers.get("Retry-After"))
        if status == 429:
            if pause <= ask.max_retry_after:
                return Setback("HTTP 429", pause, is_limit=True)
            return ApiResponse(ask, refused=join_texts([f"429: {said}", explain_pause(pause)]))
        if status == 407:
            raise ServerUnreachable(explain_proxy(self.base_url))
        if status in (401, 403) and not ask.optional:
            raise ServerRefused(_("{url} refused the service key for {path} (HTTP {status}: {said}). Give it the "
                "permission {permission!r} in the team's settings, Service Keys, or use another key.").format(
                url=self.base_url, path=ask.path, status=status, said=said, permission=ask.permission))  # fmt: skip
        if status in PASSING or (status >= 500 and status not in LASTING):
            if not response.headers.get("Retry-After"):
                return Setback(f"HTTP {status}")
            is_long = pause > min(ask.max_retry_after, PATIENCE_429)
            why = join_texts([f"HTTP {status}", explain_pause(pause) if is_long else ""])
            return Setback(why, pause, is_final=is_long)
        return ApiResponse(ask, refused=f"HTTP {status}: {said}")
