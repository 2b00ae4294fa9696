"""The kernels behind the pages: what they see of the environment, what a browser may say to them, when they end."""

from __future__ import annotations

import json
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.services.kernels.connection.base import deserialize_binary_message, deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from traitlets import Dict

ALLOWED = ("comm_open", "comm_close", "comm_msg", "comm_info_request", "kernel_info_request")
"""The messages that widgets are made of. None of them is a request to run, complete, inspect or debug anything."""
TARGETS = ("jupyter.widget.control",)
"""The comms that a page opens: the one in which it asks for the widgets that are there. By the others a browser could
make widgets of its own choice in the kernel."""
LONGEST_MESSAGE = 65_536
"""Bytes: a view's address, chosen in the page, is a few hundred."""
GRACE = 20.0
"""Seconds for which a kernel waits for a page that was cut off, before it ends: a lost network comes back."""


class NativeKernel(KernelSpecManager):
    """Only the kernel of the running Python, whatever else is installed under its name."""

    kernel_dirs: list[str] = []  # noqa: RUF012 (a trait's value)


class KernelManager(AsyncMappingKernelManager):
    """Kernels that see of the environment what they were `told`, and no more."""

    told = Dict(config=True)

    async def start_kernel(  # type: ignore[override]  # as the Async parent does
        self,
        *given: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> str:
        options["env"] = dict(self.told)
        started: str = await super().start_kernel(*given, **options)
        return started


class Connection(ZMQChannelsWebsocketConnection):
    """What a browser says reaches the kernel only where it is a message of widgets."""

    def handle_incoming_message(self, incoming_msg: str) -> None:  # bytes, too, whatever the parent says
        if len(incoming_msg) <= LONGEST_MESSAGE and is_allowed(*read_message(incoming_msg, self.subprotocol)):
            super().handle_incoming_message(incoming_msg)
        else:
            self.log.warning("A message of a browser that is none of a widget was refused.")

    def disconnect(self) -> None:  # type: ignore[override]  # as the parent does
        super().disconnect()  # type: ignore[no-untyped-call]
        IOLoop.current().call_later(GRACE, self._end_kernel)

    async def _end_kernel(self) -> None:
        kernels = self.multi_kernel_manager
        if self.kernel_id in kernels and not kernels._kernel_connections.get(self.kernel_id):  # noqa: SLF001
            await kernels.shutdown_kernel(self.kernel_id, now=True)


def read_message(message: str | bytes, protocol: str | None) -> tuple[str, str, dict[str, Any]]:
    """Channel, type and content of a message as the browser sent it; the type is empty where it has none."""
    if protocol == "v1.kernel.websocket.jupyter.org":
        channel, parts = deserialize_msg_from_ws_v1(message)  # type: ignore[no-untyped-call]
        header, content = json.loads(parts[0]), json.loads(parts[3])
    else:
        is_binary = isinstance(message, bytes)
        whole = deserialize_binary_message(message) if is_binary else json.loads(message)  # type: ignore[no-untyped-call]
        channel, header, content = whole.get("channel"), whole.get("header") or {}, whole.get("content") or {}
    return str(channel), str(header.get("msg_type", "")), content


def is_allowed(channel: str, kind: str, content: dict[str, Any]) -> bool:
    """Whether a browser may say it.

    >>> is_allowed("shell", "execute_request", {"code": "1"}), is_allowed("shell", "comm_msg", {})
    (False, True)
    """
    if channel != "shell" or kind not in ALLOWED:
        return False
    return kind != "comm_open" or content.get("target_name") in TARGETS
