"""The wire of the demo server: HTTP by tornado in one process, with the faults that the switches ask for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TextIO, cast
from urllib.parse import parse_qsl

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

from flexlib.demo.api import Api, ApiResponse, Request
from flexlib.demo.schedule import Schedule
from flexlib.errors import BadSetting
from flexlib.i18n import _
from flexlib.refusals import explain_refusal

HOST, BACKLOG = "127.0.0.1", 1024


async def serve(
    wire: Wire, port: int, announce: Callable[[str], None], log: Path | None, until_stdin_closes: bool = False
) -> None:
    """Serves on 127.0.0.1 until SIGTERM, Ctrl-C or, on request, the end of standard input.

    `announce` is called with the base URL as soon as it listens; port 0 is any free one. Raises `BadSetting` for a port
    or a log file that cannot be used.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    if until_stdin_closes:
        # In a thread, not by the loop: on Windows it cannot wait for a pipe.
        threading.Thread(target=_watch_stdin, args=(loop, stopped), daemon=True).start()
    with _open_log(log) as wire.log:
        server = HTTPServer(wire.take_request)
        announce(listen(server, port))
        await stopped.wait()
        server.stop()


def listen(server: HTTPServer, port: int = 0) -> str:
    """Begins to listen, and gives the base URL. Raises `BadSetting` for a port that cannot be used."""
    try:
        line = socket.create_server((HOST, port), backlog=BACKLOG)  # it leaves nothing open where it fails
    except (OSError, OverflowError) as error:
        said = _("port {port} cannot be used ({why}); give another, or 0 for any.")
        why = explain_refusal(error) if isinstance(error, OSError) else _("it is above 65535")
        raise BadSetting(said.format(port=port, why=why)) from error
    line.setblocking(False)
    server.add_sockets([line])
    return f"http://{HOST}:{line.getsockname()[1]}"


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended before
        loop.call_soon_threadsafe(stopped.set)


def _open_log(path: Path | None) -> TextIO | nullcontext[None]:
    if path is None:
        return nullcontext()
    try:
        return path.open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        said = _("the request log {path} cannot be written ({why}).")
        raise BadSetting(said.format(path=path, why=explain_refusal(error))) from error


class Wire:
    """Takes requests from tornado and sends what `api` answers and the `schedule` leaves of it."""

    def __init__(self, api: Api, schedule: Schedule, name: str) -> None:
        self._api, self._schedule, self._name = api, schedule, name
        self.log: TextIO | None = None

    def take_request(self, incoming: HTTPServerRequest) -> None:
        """Answers one request, now or later."""
        request = _read_request(incoming)
        # The front page says that this is a demo, whatever else goes wrong.
        reply = self._api.answer(request) if request.path == "/" else self._schedule.answer(request, self._api.answer)
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._send, incoming, request, reply)
        else:
            self._send(incoming, request, reply)

    def _send(self, incoming: HTTPServerRequest, request: Request, reply: ApiResponse) -> None:
        if self.log:
            status = reply.status if reply.sent is None else 0
            entry = {"time": time.time(), "path": request.path, "queries": len(request.queries), "status": status}
            self.log.write(json.dumps(entry) + "\n")
        connection = cast(HTTP1Connection, incoming.connection)
        if reply.sent != -1:
            headers = HTTPHeaders({"Content-Type": reply.kind, "Content-Length": str(len(reply.body))})
            for name, value in {"Flexlib-Demo": self._name, **reply.headers}.items():
                headers[name] = value
            body = b"" if request.method == "HEAD" else reply.body[: reply.sent]
            first = ResponseStartLine("HTTP/1.1", reply.status, HTTPStatus(reply.status).phrase)
            connection.write_headers(first, headers, body)
        if reply.sent is None:
            connection.finish()
        else:
            connection.stream.close()


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
