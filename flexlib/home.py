"""The folder of the project, where `.env`, `data/` and `params/` are, and the files that are named from it."""

from __future__ import annotations

from pathlib import Path

from flexlib.errors import BadSetting
from flexlib.i18n import _


def find_checkout() -> Path | None:
    """The project's folder where flexlib runs from its checkout; None where it was installed."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else None


def find_home() -> Path:
    """Where `.env` and `data/` are: the nearest folder, at or above the current one, that `flexlib init` laid out (a
    notebook runs in `notebooks/`), else the checkout that flexlib runs from, else the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise BadSetting(_("The folder that you are in is no longer there; go to one that is.")) from error
    return next(filter(_is_laid_out, (here, *here.parents)), None) or find_checkout() or here


def find_named(name: str | Path) -> Path:
    """The file of that name: from here, else in the folder of the project, which is what a notebook in a folder of its
    own means by it. It need not be there."""
    here = Path(name)
    return here if here.is_file() else find_home() / here


def _is_laid_out(folder: Path) -> bool:
    return (folder / "notebooks").is_dir() and any((folder / name).is_file() for name in (".env", ".env.example"))
