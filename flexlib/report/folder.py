"""The notebooks and parameter files that come with flexlib, and the folder that an analyst gets of them."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from flexlib.errors import InvalidRequest
from flexlib.home import find_checkout
from flexlib.i18n import _
from flexlib.store.disk import ANYWHERE, report_disk

EXAMPLE = ".example"
"""In the name of a file that is there to be copied: the copy is its owner's, and nobody else's."""
LAID_OUT = ("notebooks", "params", ".env.example", "README.md")


def find_packaged() -> Path:
    """The folder that holds `notebooks/`, `params/` and `.env.example`: the checkout, else what the wheel carries."""
    return find_checkout() or Path(str(files("flexlib"))) / "project"


def lay_out_folder(folder: Path) -> list[Path]:
    """Copies notebooks, parameter files, `.env.example` and a README into `folder`, which is made; gives what it made.

    Raises `InvalidRequest`, before anything is written, when one of them is there already, and `DiskFailed`.
    """
    if there := [name for name in LAID_OUT if (folder / name).exists()]:
        raise InvalidRequest(
            _("{folder} already has {there}, and nothing is overwritten; name another folder.").format(
                folder=folder, there=", ".join(there)
            )
        )
    source = find_packaged()
    with report_disk(folder, ANYWHERE):
        folder.mkdir(parents=True, exist_ok=True)
        own = (one.name.replace(EXAMPLE, "") for one in (source / "params").glob(f"*{EXAMPLE}.*"))
        ignored = shutil.ignore_patterns(".*", *own)
        for name in ("notebooks", "params"):
            shutil.copytree(source / name, folder / name, ignore=ignored, copy_function=shutil.copyfile)
        shutil.copyfile(source / ".env.example", folder / ".env.example")
        shutil.copyfile(str(files("flexlib") / "templates" / "folder" / "README.md"), folder / "README.md")
    return [folder / name for name in LAID_OUT]
