"""The kernel that runs report notebooks: the running Python, without the secrets of its surroundings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode
from traitlets.config import Config

__all__ = ["ReportKernel", "configure_kernel"]

SECRETS = ("WINDSURF_SERVICE_KEY", "SERVICE_KEY")
"""What a notebook has no use for: it reads snapshots and asks no server."""


class ReportKernel(AsyncKernelManager):
    """A kernel of `sys.executable`, whatever kernels an analyst has installed under the name python3."""

    environment = Dict(key_trait=Unicode(), value_trait=Unicode(), help="What differs from the environment here.")
    environment.tag(config=True)

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            env=self.environment,
            metadata={"supported_encryption": ["curve"]},
        )


def configure_kernel(data: Path) -> dict[str, Any]:
    """Options of nbclient, also through papermill, for a `ReportKernel` that finds its snapshots in `data`."""
    # Empty counts as not set; taken away, the key would come back from .env.
    environment = {**dict.fromkeys(SECRETS, ""), "FLEXLIB_DATA": str(data.absolute())}
    return {
        "kernel_manager_class": ReportKernel,
        "config": Config(ReportKernel={"environment": environment, "transport_encryption": "auto"}),
        # Nothing has to be saved at the end: a notebook only reads.
        "shutdown_kernel": "immediate",
    }
