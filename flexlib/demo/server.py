"""The wire of the demo server: HTTP by tornado in one process, with the faults that the switches ask for."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime
from http import HTTPStatus
from typing import TextIO, cast
from urllib.parse import parse_qsl

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_sockets

from flexlib.demo.api import GATEWAY_PAGE, HTML, Api, ApiResponse, Request
from flexlib.demo.company import Company
from flexlib.demo.faults import Faults
from flexlib.demo.limits import RateLimit
from flexlib.errors import BadSetting

HOST, BACKLOG = "127.0.0.1", 1024
SIGN_IN_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n"
TOO_MANY = b'{"error":"429 Too Many Requests"}'


async def serve(
    company: Company,
    key: str,
    faults: Faults,
    port: int,
    read_now: Callable[[], datetime],
    announce: Callable[[str], None],
    until_stdin_closes: bool = False,
) -> None:
    """Serves on 127.0.0.1 until SIGTERM, Ctrl-C or, on request, the end of standard input.

    `announce` is called with the base URL as soon as it listens; port 0 is any free one. Raises `BadSetting` for a port
    or a log file that cannot be used, and for a user whom the company does not know.
    """
    api = Api(company, key, faults, read_now)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    if until_stdin_closes:
        # In a thread, not by the loop: on Windows it cannot wait for a pipe.
        threading.Thread(target=_watch_stdin, args=(loop, stopped), daemon=True).start()
    with _open_log(faults) as log:
        wire = Wire(api, faults, f"seed={company.seed} users={company.users}", log)
        server = HTTPServer(wire.take_request)
        try:
            sockets = bind_sockets(port, HOST, backlog=BACKLOG)
        except OSError as error:
            raise BadSetting(f"port {port} cannot be used ({error.strerror}); give another, or 0 for any.") from error
        server.add_sockets(sockets)
        announce(f"http://{HOST}:{sockets[0].getsockname()[1]}")
        await stopped.wait()
        server.stop()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended before
        loop.call_soon_threadsafe(stopped.set)


def _open_log(faults: Faults) -> TextIO | nullcontext[None]:
    if faults.request_log is None:
        return nullcontext()
    try:
        return faults.request_log.open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"the request log {faults.request_log} cannot be written ({error.strerror}).") from error


class Wire:
    """Takes requests from tornado and sends what `api` answers, later, spoiled or not at all as `faults` has it."""

    def __init__(self, api: Api, faults: Faults, name: str, log: TextIO | None) -> None:
        self._api, self._faults, self._name, self._log = api, faults, name, log
        self._limit = RateLimit(faults.rate_limit)
        self._rng = random.Random(faults.fault_seed)
        self._shares = {
            "429": faults.share_429,
            "503": faults.share_503,
            "cut": faults.share_cut,
            "truncated": faults.share_truncated,
            "html": faults.share_html,
        }

    def take_request(self, incoming: HTTPServerRequest) -> None:
        """Answers one request, now or after its latency."""
        request = _read_request(incoming)
        if request.path == "/":
            self._send(incoming, request, self._api.answer(request), "")
            return
        wait = self._limit.take(time.monotonic())
        if wait:
            self._send(incoming, request, ApiResponse(429, TOO_MANY, headers={"Retry-After": str(wait)}), "")
            return
        fault = self._draw_fault()
        reply = self._make_reply(request, fault)
        delay = self._faults.latency + request.queries * self._faults.query_latency
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, incoming, request, reply, fault)
        else:
            self._send(incoming, request, reply, fault)

    def _draw_fault(self) -> str:
        number = self._rng.random()
        for fault, share in self._shares.items():
            if number < share:
                return fault
            number -= share
        return ""

    def _make_reply(self, request: Request, fault: str) -> ApiResponse:
        if fault == "429":
            return ApiResponse(429, TOO_MANY, headers={"Retry-After": str(self._faults.retry_after)})
        if fault == "503":
            return ApiResponse(503, GATEWAY_PAGE, HTML)
        if fault == "html":
            return ApiResponse(200, SIGN_IN_PAGE, HTML)
        reply = self._api.answer(request)
        return ApiResponse(200, reply.body[: len(reply.body) // 2]) if fault == "truncated" else reply

    def _send(self, incoming: HTTPServerRequest, request: Request, reply: ApiResponse, fault: str) -> None:
        if self._log:
            status = 0 if fault == "cut" else reply.status
            entry = {"time": time.time(), "path": request.path, "queries": request.queries, "status": status}
            self._log.write(json.dumps(entry) + "\n")
        connection = cast(HTTP1Connection, incoming.connection)
        if fault == "cut" and self._rng.random() < 0.5:
            connection.stream.close()
            return
        headers = HTTPHeaders({"Content-Type": reply.kind, "Content-Length": str(len(reply.body))})
        headers["Flexlib-Demo"] = self._name
        for name, value in reply.headers.items():
            headers[name] = value
        body = b"" if request.method == "HEAD" else reply.body[: len(reply.body) // 2] if fault == "cut" else reply.body
        connection.write_headers(
            ResponseStartLine("HTTP/1.1", reply.status, HTTPStatus(reply.status).phrase), headers, body
        )
        if fault == "cut":
            connection.stream.close()
        else:
            connection.finish()


def _read_request(incoming: HTTPServerRequest) -> Request:
    try:
        body = json.loads(incoming.body) if incoming.body else None
    except ValueError:
        body = None  # the api refuses whatever is not an object
    return Request(
        method=incoming.method or "",
        path=incoming.path,
        parameters=dict(parse_qsl(incoming.query, keep_blank_values=True)),
        bearer=incoming.headers.get("Authorization", ""),
        body=body,
    )
