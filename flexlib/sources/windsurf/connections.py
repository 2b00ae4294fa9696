"""Connections that end: an answer is read within limits, what hangs is cut, and a fault that lasts is named at once."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Lock, Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from flexlib.errors import ServerUnreachable
from flexlib.formats import format_number
from flexlib.i18n import _
from flexlib.privacy import clean_message
from flexlib.trust import NamedPath, explain_untrusted, make_context

DEADLINE_DEMO = 10.0
"""Seconds in which a server on this machine says whether it is a demo."""
MOST_BYTES = 128 * 1024 * 1024
"""The largest answer that is taken, unpacked: a month of the largest known team is a tenth of it."""
MOST_OBJECTS = 2 * 1024 * 1024
"""The most objects and lists in it: a row takes more than 100 bytes, `{}` has two and becomes 64 of memory."""
CHUNK = 16 * 1024
"""Bytes that are unpacked at a time; they become a thousand times as many at most."""


class AnswerRefused(requests.RequestException):
    """An answer that is not read to its end."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        """In the reader's language."""


def read_within_limits(response: requests.Response, **__: object) -> None:
    """Reads the body of a streamed answer. Raises `AnswerRefused` where it is too large, of too many objects, or packed
    more than once."""
    with response:
        if "," in response.headers.get("Content-Encoding", ""):
            raise AnswerRefused(_("an answer that is packed more than once"))
        parts, size, objects = [], 0, 0
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > MOST_BYTES:
                raise AnswerRefused(_("an answer of more than {size} MiB").format(size=MOST_BYTES // 1024**2))
            objects += part.count(b"{") + part.count(b"[")
            if objects > MOST_OBJECTS:
                raise AnswerRefused(
                    _("an answer of more than {count} objects").format(count=format_number(MOST_OBJECTS))
                )
            parts.append(part)
        response._content = b"".join(parts)


class CuttableAdapter(HTTPAdapter):
    """Knows its connections, so that another thread can cut one in the middle of a request."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 (as the parent)
        self._lock = Lock()
        self._connections: set[Any] = set()
        self._is_over = False
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._list_pools()

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:  # noqa: ANN401 (a manager of urllib3)
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._list_pools()
        return manager

    def cut(self, before: float) -> None:
        """Ends every connection whose request began before that moment of the monotonic clock."""
        with self._lock:
            old = [one for one in self._connections if one.began <= before]
            self._connections.difference_update(old)
        for one in old:
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(one.line, socket.SHUT_RDWR)  # of TLS too, whose own way would wait

    def end(self) -> None:
        """Ends all connections, also those that are being made."""
        self._is_over = True
        self.cut(time.monotonic())

    def _list_pools(self) -> dict[str, Any]:
        adapter = self

        def watch(pool: Any) -> Any:  # noqa: ANN401 (classes of urllib3)
            class Connection(pool.ConnectionCls):  # type: ignore[misc]
                began = 0.0

                def connect(self) -> None:
                    super().connect()
                    self.line = self.sock  # a response that ends the connection takes `sock` away
                    self.note()

                def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
                    self.note()
                    super().request(*arguments, **options)

                def note(self) -> None:
                    self.began = time.monotonic()
                    if hasattr(self, "line"):
                        with adapter._lock:
                            adapter._connections.add(self)
                    if adapter._is_over:
                        raise OSError("nobody waits for an answer any more")

            return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

        return {"http": watch(HTTPConnectionPool), "https": watch(HTTPSConnectionPool)}


def check_bundle(bundle: NamedPath) -> str:
    """The path of the certificates to trust, read once. Raises `BadSetting` where none can be read there."""
    make_context(bundle)
    return bundle[1]


def read_demo_header(base_url: str, ca_bundle: NamedPath | None = None) -> str | None:
    """What a demo server on this machine says of itself, None for any other server.

    Raises `ServerUnreachable`, and `BadSetting` for certificates that cannot be read.
    """
    adapter = CuttableAdapter()
    deadline = Timer(DEADLINE_DEMO, adapter.end)
    with requests.Session() as session:
        session.trust_env = False  # no proxy leads to this machine
        session.verify = check_bundle(ca_bundle) if ca_bundle else True
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        began = time.monotonic()
        deadline.start()
        try:
            # Only the head is read, however large and slow the rest is.
            with session.get(base_url, timeout=DEADLINE_DEMO, allow_redirects=False, stream=True) as answer:
                header = answer.headers.get("Flexlib-Demo")
            if time.monotonic() - began >= DEADLINE_DEMO:  # a head that is cut looks whole
                raise requests.Timeout
            return header and clean_message(header)
        except requests.exceptions.SSLError as error:
            why = explain_lasting(error, base_url) or _(
                "What answers at {base_url} does not speak TLS; is it http?"
            ).format(base_url=base_url)
            raise ServerUnreachable(why) from error
        except requests.RequestException as error:
            raise ServerUnreachable(
                _("Nothing answers at {base_url}; is the server running?").format(base_url=base_url)
            ) from error
        finally:
            deadline.cancel()


def explain_lasting(error: requests.RequestException, base_url: str) -> str:
    """A sentence on a fault that would be there again; empty where it may pass."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return _("{source} cannot be used: {trouble}.").format(source=base_url, trouble=explain_untrusted())
    return explain_proxy(base_url) if " 407 " in str(error) else ""


def explain_passing(error: requests.RequestException) -> str:
    """Why there is no answer, where there may be one the next time: in words of ours."""
    if isinstance(error, requests.Timeout):
        return _("it does not answer")
    return _("no connection to it can be made, or it broke")


def explain_proxy(base_url: str) -> str:
    """That the proxy wants a password."""
    return _(
        "The proxy on the way to {base_url} wants to know who asks (407); give its user and password in HTTPS_PROXY, "
        "as in http://user:password@host:port."
    ).format(base_url=base_url)
