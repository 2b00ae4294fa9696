"""What the tests of the fetch stand on: a made-up company whose every row is known, servers that answer anything."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from flexlib.dates import Month
from flexlib.demo import Company
from flexlib.store.version import Snapshot

__all__ = [
    "BALANCE",
    "COMPANY",
    "CONSUMPTION",
    "KEY",
    "ONE_EXAMPLE_IN",
    "PEOPLE",
    "QUERIES",
    "SEPTEMBER",
    "USERS",
    "Answer",
    "Request",
    "answer_json",
    "count_requests",
    "forward",
    "make_certificate",
    "read_credits",
    "serve",
    "sum_credits",
    "sum_rows",
]

ONE_EXAMPLE_IN = int(os.environ.get("ONE_EXAMPLE_IN", "1"))
"""Of the examples of each property, and of the seeds, one in so many is tried: `make test-all` tries all of them."""

KEY = "demo-key"
SEPTEMBER = Month(2025, 9)
USERS = 300
COMPANY = Company(2025, USERS)
QUERIES, PEOPLE = "/api/v1/Analytics", "/api/v1/UserPageAnalytics"
BALANCE, CONSUMPTION = "/api/v1/GetTeamCreditBalance", "/api/v2alpha/analytics/consumption"

Credits = dict[tuple[date, str, str], tuple[int, int]]


@cache
def sum_credits(month: Month = SEPTEMBER, company: Company = COMPANY) -> Credits:
    """Prompt and flex credits (hundredths) by day, user and model, as the company spent them."""
    spent: Credits = {}
    for row in company.read_ledger(month).rows:
        key = date.fromisoformat(row.day), row.key, row.model
        prompt, flex = spent.get(key, (0, 0))
        spent[key] = prompt + row.prompt_credits, flex + row.flex_credits
    return spent


def read_credits(snapshot: Snapshot) -> Credits:
    """The same of a stored month."""
    rows = pq.read_table(snapshot.parquet).to_pylist()
    return {
        (row["date"].date(), row["user"], row["model_uid"]): (row["prompt_credits"], row["flex_credits"])
        for row in rows
    }


def sum_rows(spent: Credits) -> tuple[int, int]:
    """Prompt and flex credits over everything, in hundredths."""
    return sum(prompt for prompt, _ in spent.values()), sum(flex for _, flex in spent.values())


def count_requests(log: Path, path: str = "") -> int:
    """How many requests the demo server's log holds, of one path or of all; the look at its front page left out."""
    text = log.read_text()
    return text.count(f'"path": "{path}"') if path else text.count('"path": "/') - text.count('"path": "/"')


@dataclass(frozen=True)
class Request:
    """What a server was asked; `body` read as JSON, empty for a GET."""

    method: str
    target: str
    headers: dict[str, str]
    text: bytes
    port: int = 0
    """Of the connection, at the other end."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.text)) if self.text else {}


@dataclass(frozen=True)
class Answer:
    """What a server answers."""

    status: int = 200
    text: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    """The words beside the status; None: the usual ones."""

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.text))


def answer_json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


@contextmanager
def serve(handle: Callable[[Request], Answer]) -> Iterator[str]:
    """The base URL of a server on this machine that answers what `handle` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece; else each answer waits 40 ms for the other side

        def do_GET(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = handle(Request(self.command, self.path, dict(self.headers), text, self.client_address[1]))
            # The other writes a date of its own.
            send = self.send_response_only if "Date" in answer.headers else self.send_response
            send(answer.status, answer.reason)
            for name, value in {"Content-Length": str(len(answer.text)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.text)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def make_certificate(folder: Path, name: str = "IP:127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """What a server on this machine with a certificate of its own speaks TLS by, and the file to trust it by."""
    bundle, key = folder / "ours.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", f"subjectAltName={name}"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(bundle)]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    return context, bundle


def forward(url: str, request: Request) -> Answer:
    """What the server at `url` answers to the request."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        kept = {name: value for name, value in request.headers.items() if name in ("Authorization", "Content-Type")}
        connection.request(request.method, request.target, request.text or None, kept)
        response = connection.getresponse()
        text = response.read()
        wanted = ("Flexlib-Demo", "Retry-After", "Content-Type")
        return Answer(response.status, text, {name: value for name in wanted if (value := response.headers[name])})
    finally:
        connection.close()
