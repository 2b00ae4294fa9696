"""ROOT/server.json: whose data a root holds, and what the last runs learned of that server."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from flexlib.commands import write_command
from flexlib.dates import Month
from flexlib.errors import BadFile, OtherServer
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.settings import DEMO, LEDGER_FILE, Settings
from flexlib.sources.registry import BILLS, IMPORT, WINDSURF, Source, list_sources
from flexlib.store.disk import report_disk, write_whole

BEGINNINGS = ("server.json", LEDGER_FILE)
"""What a data folder has before it has its first month: a server was asked, calls were recorded."""


def read_server(root: Path) -> dict[str, Any]:
    """What is remembered of the server whose data `root` holds: its name, routes it refused; empty when new."""
    file = root / "server.json"
    try:
        remembered: object = decode_json(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError):
        remembered = None
    if not isinstance(remembered, dict):
        raise BadFile(
            _(
                "{file}, which says whose data that folder holds, cannot be read; move it away and run flexlib fetch."
            ).format(file=file)
        )
    return remembered


def is_made_up(root: Path) -> bool:
    """Whether `root` holds the demo's data."""
    return bool(read_server(root).get("demo"))


def find_shown_data(settings: Settings) -> Path:
    """The folder of the months that are shown: that of the settings; the demo's in it as long as that is all there is,
    and neither a key nor a database says that more is to come."""
    from flexlib.store.snapshots import list_months  # which names commands by what stands here

    root, demo = settings.data, settings.data / DEMO
    is_begun = settings.service_key or settings.database_url or any((root / name).exists() for name in BEGINNINGS)
    return demo if not is_begun and is_made_up(demo) and not list_months(root) else root


def mark_made_up(stem: str, root: Path) -> str:
    """A file's name, with the demo's where what stands in it is out of `root` and made up: it goes from hand to hand,
    and takes the place of none with real data."""
    return f"{stem}_{DEMO}" if is_made_up(root) else stem


def name_made_up(root: Path) -> str:
    """What the data in `root` is where it is made up, within another sentence."""
    return _("made up by flexlib's demo, no real people or spend ({root})").format(root=root)


def describe_made_up(root: Path) -> str:
    """What is said before anything of the demo's data in `root` is shown."""
    return _("Data: made up by flexlib's demo, no real people or spend ({root}).").format(root=root)


def find_command(source: Source, month: Month, root: Path) -> str:
    """What stores the month of a source in `root`; nothing where the data is made up, but for what a server is asked:
    nobody has files, or a ledger, of the made-up company."""
    return "" if is_made_up(root) and source != WINDSURF else name_command(source, month, root)


def name_command(source: Source, month: Month, root: Path) -> str:
    """What stores the month of a source in `root`; in the folder of `--demo`, into which nobody imports, what brings
    the made-up company's there."""
    if root.name != DEMO or not is_made_up(root):
        taken = _find_taken(source, month, root)
        return write_command(f"{source.short_command} FILE {taken}") if taken else source.format_command(month)
    command = "fetch" if source == WINDSURF else "spend"
    return write_command(f"flexlib {command} --demo --year {month.year} --month {month.month}")


def _find_taken(source: Source, month: Month, root: Path) -> str:
    """The options by which the last file of the source up to the month was taken; empty where none is told.

    What is stored is not judged here: who finds it damaged asks for this command, and tells that himself.
    """
    from flexlib.sources.presets.options import name_import_options  # which loads what reads files

    folders = (root / source.dataset).glob(f"[0-9]*/{source.name}/[0-9]*") if source in (IMPORT, BILLS) else ()
    for folder in sorted((one for one in folders if one.parent.parent.name <= str(month)), reverse=True):
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            return name_import_options(decode_json((folder / "certificate.json").read_text("utf-8"))["files"][-1])
    return ""


def list_commands(month: Month, root: Path) -> list[str]:
    """Of all sources."""
    return [command for source in list_sources() if (command := find_command(source, month, root))]


def check_server(server: str, root: Path) -> None:
    """Raises `OtherServer` when `root` holds data of another server."""
    owner = read_server(root).get("server", server)
    if owner != server:
        raise OtherServer(
            _(
                "{root} holds data of {owner}, and the settings name {server}; set FLEXLIB_DATA to a folder of its own."
            ).format(root=root, owner=owner, server=server)
        )


def keep_server(server: str, facts: dict[str, Any], root: Path) -> None:
    """Remembers `facts` of `server`, which `root` then belongs to. Raises `OtherServer` when it is another's."""
    check_server(server, root)
    text = json.dumps({**read_server(root), **facts, "server": server}, indent=2) + "\n"
    with report_disk(root):
        write_whole(root / "server.json", text)
