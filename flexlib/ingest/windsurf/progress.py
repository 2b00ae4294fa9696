"""The progress bar on stderr, as long as somebody looks at it."""

from __future__ import annotations

import sys
from typing import NoReturn

from tqdm import tqdm

from flexlib.i18n import _


class Progress:
    """Counts people read; draws nothing when stderr is no terminal, unless `forced`."""

    def __init__(self, *, forced: bool = False) -> None:
        self._shown = forced or sys.stderr.isatty()
        self._bar: tqdm[NoReturn] | None = None
        self._active = 0
        self._data_points = 0

    def start(self, people: int) -> None:
        if self._shown and self._bar is None:
            self._bar = tqdm(total=people, desc=_("📊 Processing users"), unit=_("user"), file=sys.stderr)

    def advance(self, people: int, active: int, data_points: int) -> None:
        """Notes that so many more were read, how many of them had rows, and how many rows."""
        self._active += active
        self._data_points += data_points
        if self._bar is not None:
            said = _("active={active}, data_points={points}").format(active=self._active, points=self._data_points)
            self._bar.set_postfix_str(said, refresh=False)
            self._bar.update(people)

    def say(self, sentence: str) -> None:
        """Prints it, also where no bar is drawn: why nothing goes on concerns whoever waits."""
        if self._bar is None:
            print(sentence, file=sys.stderr, flush=True)
        else:
            self._bar.write(sentence, file=sys.stderr)

    def restart(self) -> None:
        """Begins again from nobody, for another route."""
        self._active = self._data_points = 0
        if self._bar is not None:
            self._bar.reset()

    def close(self) -> None:
        """Ends the bar; what is printed next has a line of its own."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def finish(self, summary: str) -> None:
        """Ends the bar and says how it went."""
        self.close()
        if self._shown:
            print(f"\n{summary}", file=sys.stderr)
