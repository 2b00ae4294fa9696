"""A real HTTP server on loopback that speaks the shapes of mindicador.cl and Frankfurter, faults included."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from flexlib.sources.fx import RetryPolicy

__all__ = ["QUICK", "RatesServer", "serve_rates"]

QUICK = RetryPolicy(connect=1.0, read=0.3, tries=3, pause=0.01)

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class RatesServer(ThreadingHTTPServer):
    """What it gives, what goes wrong with the next requests, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mindicador: dict[str, str] = {}
        """Value by ISO day."""
        self.frankfurter: dict[str, str] = {}
        self.bodies: list[str] = []
        """Answers to give in place of the right ones, in this order."""
        self.faults: list[str] = []
        """What goes wrong, a word a request: a status, html, cut, hang, drop, bomb, drip."""
        self.down: set[str] = set()
        """Services that answer nothing but 503: mindicador, frankfurter."""
        self.asked: list[str] = []
        self.cookies: list[str | None] = []
        """What each request gave back of what answers had set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: RatesServer

    def do_GET(self) -> None:  # noqa: N802  the name that http.server calls
        self.server.asked.append(self.path)
        self.server.cookies.append(self.headers["Cookie"])
        address = urlsplit(self.path)
        service = "mindicador" if address.path.startswith("/api/dolar/") else "frankfurter"
        fault = self.server.faults.pop(0) if self.server.faults else "503" if service in self.server.down else ""
        body = self._build_mindicador() if service == "mindicador" else self._build_frankfurter()
        body = self.server.bodies.pop(0) if self.server.bodies else body
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "hang":
            time.sleep(1)
        if fault in ("bomb", "drip"):
            self._send_without_end(fault)
        elif fault == "html":
            self._send(200, HTML, len(HTML))
        elif fault.isdecimal():
            self._send(int(fault), HTML, len(HTML))
        else:
            data = body.encode()
            self._send(200, data[: len(data) // 2] if fault == "cut" else data, len(data))

    def _send_without_end(self, how: str) -> None:
        """A bomb is a GiB of blanks in a MiB; the other a byte a little before nobody would wait for the next."""
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip" if how == "bomb" else "identity")
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        with suppress(OSError):  # nobody listens to the end
            if how == "bomb":
                self.wfile.write(gzip.compress(b" " * 2**23) * 128)
            while how == "drip":
                self.wfile.write(b" ")
                time.sleep(QUICK.read / 3)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the name that http.server gives it
        """Quiet: what it was asked is kept in `asked`."""

    def _build_mindicador(self) -> str:
        """Newest first, days as Santiago's midnight in UTC: three hours on the clock in summer, four in winter."""
        year = urlsplit(self.path).path.rsplit("/", 1)[1]
        days = sorted((day for day in self.server.mindicador if day.startswith(year)), reverse=True)
        rows = ", ".join(
            f'{{"fecha": "{day}T0{3 if date.fromisoformat(day).month in (1, 2, 12) else 4}:00:00.000Z", '
            f'"valor": {self.server.mindicador[day]}}}'
            for day in days
        )
        return (
            '{"version": "1.7.0", "autor": "mindicador.cl", "codigo": "dolar", "nombre": "Dólar observado", '
            f'"unidad_medida": "Pesos", "serie": [{rows}]}}'
        )

    def _build_frankfurter(self) -> str:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        assert asked["providers"] == "bcch", "the blended rate is not the observed dollar"
        days = sorted(day for day in self.server.frankfurter if asked["from"] <= day <= asked["to"])
        pair = json.dumps({"base": asked["base"], "quote": asked["quotes"]})[1:-1]
        return (
            "["
            + ", ".join(f'{{"date": "{day}", {pair}, "rate": {self.server.frankfurter[day]}}}' for day in days)
            + "]"
        )

    def _send(self, status: int, body: bytes, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve_rates() -> Iterator[RatesServer]:
    """The server, running for as long as the block."""
    server = RatesServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
