"""Notices into a file: a line of JSON each, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

from flexlib.deliver.claims import Message
from flexlib.deliver.sending import NotSent
from flexlib.deliver.troubles import UNWRITTEN
from flexlib.deliver.webhook import describe_message
from flexlib.i18n import _
from flexlib.refusals import explain_refusal
from flexlib.store.disk import PRIVATE


class FileChannel:
    """Appends to files, those without a folder of their own in the data folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def send(self, message: Message) -> None:
        file = self._root / Path(message.recipient).expanduser()
        line = json.dumps(describe_message(message), ensure_ascii=False).encode() + b"\n"
        try:
            with open(file, "ab", opener=lambda path, flags: os.open(path, flags, PRIVATE), buffering=0) as out:
                size = out.tell()
                try:
                    if out.write(line) < len(line):
                        raise OSError(errno.ENOSPC, "the disk is full")
                    os.fsync(out.fileno())
                except OSError:
                    out.truncate(size)
                    raise
        except (OSError, RuntimeError) as error:
            raise NotSent(_(UNWRITTEN).format(file=file, why=explain_refusal(error))) from error

    def close(self) -> None:
        """Each line is written by itself."""
