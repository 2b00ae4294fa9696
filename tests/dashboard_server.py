"""A dashboard as the command serves it, in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE = 60.0
"""Seconds for a kernel to be there, on a busy machine."""


@contextmanager
def serve_dashboard(data: Path, *options: str, **settings: str) -> Iterator[str]:
    """The address of a dashboard of the data folder, ready to be asked; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flexlib", "dashboard", "--port", str(port), *options]
    told = {**os.environ, "FLEXLIB_DATA": str(data), "FLEXLIB_LANG": "en", **settings}
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("Dashboard:"), line
            url = f"http://127.0.0.1:{port}/"
            _await_answer(url)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _await_answer(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask(f"{url}dashboard/page.css")
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


def ask(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer, whatever it is."""
    request = Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def find_kernel(page: str) -> str:
    """The kernel of a page."""
    found = re.search(r'"kernelId": "([0-9a-f-]+)"', page)
    assert found is not None
    return found[1]


async def talk(url: str, kernel: str, *messages: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What the kernel says to these messages (channel, kind, content), until it has answered what kernel it is."""
    address = f"{url.replace('http', 'ws')}api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
    connection: WebSocketClientConnection = await websocket_connect(address)
    sent = [*messages, ("shell", "kernel_info_request", {})]
    names = [uuid.uuid4().hex for _message in sent]
    for name, (channel, kind, content) in zip(names, sent, strict=True):
        header = {"msg_id": name, "msg_type": kind, "session": "s", "username": "u", "version": "5.3", "date": ""}
        whole = {"channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content}
        await connection.write_message(json.dumps(whole))
    heard = []
    while (text := await connection.read_message()) is not None:
        answer = json.loads(text)
        heard.append(answer)
        if answer["parent_header"].get("msg_id") == names[-1] and answer["msg_type"] == "kernel_info_reply":
            break
    connection.close()
    while await connection.read_message() is not None:
        pass
    return [one for one in heard if one["parent_header"].get("msg_id") in names[:-1]]
