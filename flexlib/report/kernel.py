"""The kernel that runs report notebooks: the running Python, with no more of its surroundings than it needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, current_thread, main_thread

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync

from flexlib.i18n import find_language
from flexlib.report.parameters import is_secret_name
from flexlib.setting_values import CACHE_OFF, JUDGING
from flexlib.settings import VARIABLES
from flexlib.store.cache import is_off

FILES = ("FLEXLIB_BUDGETS", "FLEXLIB_ORGANIZATION")
"""Named from where the command runs; a notebook works in a folder of its own."""

TOLD = (*JUDGING, *FILES)
"""No secrets, and a page without them would say otherwise of a month than the console does."""

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_*"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONWARNINGS"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("LD_LIBRARY_PATH", "DYLD_*", "*_NUM_THREADS"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH"),
    *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "NUMBER_OF_PROCESSORS", "PROCESSOR_*"),
    *TOLD,
    *("JUPYTER*", "IPYTHON*", "MPL*"),
    *("JAVA_HOME", "SPARK_*", "PYSPARK_*", "HADOOP_*", "YARN_CONF_DIR", "KRB5*"),
)
"""What of the environment a notebook may see, as patterns: what Python, Jupyter and Spark run by, and no more. What is
not listed may be a secret, of flexlib or of anybody else, and a page may be sent to anybody."""


KEEP = "--keep"
"""Of the kernel's process: what is shown is kept as data."""

LONGEST_FOLDER = 90
"""Of a kernel's sockets, in bytes: macOS takes 103 for the name of one, of which they add 8. Sockets in a folder
cannot be taken by another kernel that starts at once, as a port can: ports are for longer folders and Windows."""

STEP = Lock()
"""Held for the moments in which a report begins what must be ended with it, or puts its page in place."""
_OPEN: set[ReportKernel] = set()


class ReportKernel(AsyncKernelManager):
    """A kernel of `sys.executable`, whatever kernels an analyst has installed under the name python3."""

    clients: list[AsyncKernelClient]
    """Who has asked for a connection, to be closed with it."""
    reads: Path = Path(os.devnull)
    """Where its process writes which files it opens to read."""
    keeps: bool = False
    """Whether the notebook's outputs hold what they show as data, too: see `page.kit.kept`."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[
                *(sys.executable, "-m", "flexlib.report.kernel", str(self.reads), *[KEEP] * self.keeps),
                *("-f", "{connection_file}"),
            ],
            display_name="Python 3",
            language="python",
            metadata={"supported_encryption": ["curve"]},
        )

    def client(self, **options: object) -> AsyncKernelClient:  # type: ignore[override]  # as the Async parent does
        client: AsyncKernelClient = super().client(**options)
        self.clients.append(client)
        return client


def choose_environment(
    environment: Mapping[str, str], data: Path, unclosed: str = "", organization: Path | None = None
) -> dict[str, str]:
    """What a notebook gets of this environment: what is on the list and bears no name of a secret, its data, what the
    ledger told of its months, and `organization`, where a command was given another file than the settings name."""
    if organization:
        environment = {**environment, "FLEXLIB_ORGANIZATION": str(organization)}
    passed = {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name.upper(), pattern) for pattern in PASSED_ON) and not is_secret_name(name)
    }
    return {
        # Empty counts as not set; left out, a key or a password would come back from .env.
        **dict.fromkeys(set(VARIABLES) - set(TOLD), ""),
        **passed,
        **{name: str(Path(passed[name]).absolute()) for name in FILES if passed.get(name)},
        "FLEXLIB_DATA": str(data.absolute()),
        "FLEXLIB_CACHE_URL": CACHE_OFF if is_off() else "",  # of a Redis it knows neither place nor password
        "FLEXLIB_LANG": find_language(),
        "FLEXLIB_UNCLOSED": unclosed,
        # As ipykernel sets it, but before matplotlib is imported: figures of pyplot are shown as ever.
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def choose_own_environment(data: Path) -> dict[str, str]:
    """What a kernel that is not a report's gets of this process's environment."""
    return choose_environment(os.environ, data)


@contextmanager
def open_kernel(
    data: Path,
    folder: Path,
    unclosed: str = "",
    reads: Path = Path(os.devnull),
    *,
    keeps: bool = False,
    organization: Path | None = None,
) -> Iterator[ReportKernel]:
    """A kernel for nbclient and papermill (`km=`) that works in `folder`; it boots while the caller goes on, and ends
    with the block. The file `reads` tells afterwards what it has read, see `reads.list_reads`; `keeps`: see
    `ReportKernel`; `organization`: see `choose_environment`."""
    with TemporaryDirectory(prefix="flexlib-", ignore_cleanup_errors=True) as sockets:  # of mode 0700
        kernel = ReportKernel(
            connection_file=str(Path(sockets) / "k.json"),
            transport="ipc" if os.name == "posix" and len(os.fsencode(sockets)) <= LONGEST_FOLDER else "tcp",
            transport_encryption="auto",
        )
        kernel.clients, kernel.reads, kernel.keeps = [], reads.absolute(), keeps
        with STEP:
            own = choose_environment(os.environ, data, unclosed, organization)
            run_sync(kernel.start_kernel)(cwd=str(folder), env=own)
            _OPEN.add(kernel)
        try:
            yield kernel
        finally:
            for client in kernel.clients:
                client.stop_channels()
            # At once: a notebook only reads, there is nothing to be saved.
            run_sync(kernel.shutdown_kernel)(now=True)
            _OPEN.discard(kernel)
            if current_thread() is not main_thread():
                ensure_event_loop().close()  # made for this thread, and by nobody else ended


def kill_kernels() -> None:
    """Ends the kernels of every thread. The caller holds `STEP` for good: no thread starts another one."""
    for kernel in tuple(_OPEN):
        if kernel.provisioner:
            run_sync(kernel.provisioner.kill)()
        shutil.rmtree(Path(kernel.connection_file).parent, ignore_errors=True)


def _run() -> None:
    """The kernel's process: imports what every report needs while nobody waits for it, then serves."""
    import runpy

    import flexlib.page.credits.charts
    import flexlib.page.credits.sections  # noqa: F401
    from flexlib.page.kit.kept import start_keeping
    from flexlib.report.reads import note_reads

    note_reads(Path(sys.argv.pop(1)))

    if KEEP in sys.argv:
        sys.argv.remove(KEEP)
        start_keeping()
    # A quiet log: what the notebook writes reaches the notebook, not this process's stderr.
    sys.argv += ["--HistoryManager.hist_file=:memory:", "--log-level=CRITICAL"]
    runpy.run_module("ipykernel_launcher", run_name="__main__")


if __name__ == "__main__":
    _run()
