"""The kernel that runs report notebooks: the running Python, without the secrets of its surroundings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

SECRETS = ("WINDSURF_SERVICE_KEY", "SERVICE_KEY")
"""What a notebook has no use for: it reads snapshots and asks no server."""


class ReportKernel(AsyncKernelManager):
    """A kernel of `sys.executable`, whatever kernels an analyst has installed under the name python3."""

    data: Path
    """Where it finds its snapshots."""
    clients: list[AsyncKernelClient]
    """Who has asked for a connection, to be closed with it."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "flexlib.report.kernel", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            env={
                # Empty counts as not set; taken away, the key would come back from .env.
                **dict.fromkeys(SECRETS, ""),
                "FLEXLIB_DATA": str(self.data.absolute()),
                # As ipykernel sets it, but before matplotlib is imported: figures of pyplot are shown as ever.
                "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            },
            metadata={"supported_encryption": ["curve"]},
        )

    def client(self, **options: object) -> AsyncKernelClient:  # type: ignore[override]  # as the Async parent does
        client: AsyncKernelClient = super().client(**options)
        self.clients.append(client)
        return client


@contextmanager
def open_kernel(data: Path, folder: Path) -> Iterator[ReportKernel]:
    """A kernel for nbclient and papermill (`km=`) that works in `folder`; it boots while the caller goes on, and ends
    with the block."""
    kernel = ReportKernel(transport_encryption="auto")
    kernel.data, kernel.clients = data, []
    run_sync(kernel.start_kernel)(cwd=str(folder))
    try:
        yield kernel
    finally:
        for client in kernel.clients:
            client.stop_channels()
        # At once: a notebook only reads, there is nothing to be saved.
        run_sync(kernel.shutdown_kernel)(now=True)


def _run() -> None:
    """The kernel's process: imports what every report needs while nobody waits for it, then serves."""
    import runpy

    import flexlib.page.credits.charts
    import flexlib.page.credits.sections  # noqa: F401

    # A quiet log: what the notebook writes reaches the notebook, not this process's stderr.
    sys.argv += ["--HistoryManager.hist_file=:memory:", "--log-level=CRITICAL"]
    runpy.run_module("ipykernel_launcher", run_name="__main__")


if __name__ == "__main__":
    _run()
