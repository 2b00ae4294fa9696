"""Whether a page is what its inputs give: made again in a folder of its own, and compared byte for byte."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from flexlib.errors import BadFile, BadParameter, FlexlibError, SnapshotChanged
from flexlib.i18n import LANGUAGES, _, find_language, mark_text, speak, to_english, translate_count
from flexlib.report.manifest import MANIFEST, Manifest, hash_bytes, name_manifest, name_path, read_manifest
from flexlib.report.moved import Moved, describe_places, list_figures, list_moved
from flexlib.report.no_page import NoPage, cut_end
from flexlib.report.parameters import ReportRequest, check_request
from flexlib.report.run import run_report, stop_reports
from flexlib.settings import find_home
from flexlib.store.pseudonyms import FILE


class Verdict(Enum):
    """What was found of a page, or of a file beside it, which is not made again."""

    SAME = mark_text("SAME")
    NOT_VERIFIED = mark_text("NOT VERIFIED")
    """There is no manifest, no page, or what it was made of is no longer stored."""
    DIFFERS = mark_text("DIFFERS")
    AS_MADE = mark_text("AS MADE")
    NOT_CHECKED = mark_text("NOT CHECKED")
    """A file of which nothing was noted."""
    CHANGED = mark_text("CHANGED")

    @property
    def exit_code(self) -> int:
        codes = {Verdict.NOT_VERIFIED: 3, Verdict.NOT_CHECKED: 3, Verdict.DIFFERS: 4, Verdict.CHANGED: 4}
        return codes.get(self, 0)


@dataclass(frozen=True)
class Verified:
    """A page that was held against its inputs, or a file against what was noted of it."""

    page: Path
    verdict: Verdict
    sentences: tuple[str, ...]
    inputs: tuple[Moved, ...] = ()
    figures: tuple[Moved, ...] = ()
    exit_code: int = field(default=0)
    """Of a page that could not be made again, that of the error; else the verdict's."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "exit_code", self.exit_code or self.verdict.exit_code)


def list_pages(place: Path) -> list[Path]:
    """The pages of a folder of reports, and of the folders in it, with those of which only the manifest is left; or
    the one that `place` is. Raises `BadFile`."""
    if place.is_dir():
        manifests = (one.with_name(one.name.removesuffix(MANIFEST) + ".html") for one in place.rglob(f"*{MANIFEST}"))
        # What lies deeper than a month's folder are letters, which are made by other commands.
        pages = (one for one in place.rglob("*.html") if re.fullmatch(r"\d{4}(-\d\d)?", one.parent.name))
        found = sorted({*manifests, *pages, *place.glob("*.html")})
    else:
        found = [place] if place.suffix == ".html" and (place.exists() or name_manifest(place).exists()) else []
    if not found:
        raise BadFile(
            _("{place} is no page of a report, and no folder that has any; name one, such as reports/2025-09.").format(
                place=place
            )
        )
    return found


def verify_pages(
    pages: Sequence[Path], data: Mapping[bool, Path], *, told: Mapping[str, str], unclosed: Mapping[bool, str]
) -> list[Verified]:
    """Makes the pages again out of what is stored, as many at once as there are cores, and compares. `data`: the data
    folder by whether it is made up; `told` and `unclosed` as `run_report` takes them, the latter by the same."""
    found = [_Remade(page) for page in pages]
    for one in found:
        with one.keep_error():
            if name_manifest(one.page).exists():
                one.then = read_manifest(name_manifest(one.page))
    able = [one for one in found if one.then and one.page.exists()]

    def make(one: _Remade) -> None:
        made_up = bool(one.then["made_up"])
        with one.keep_error(), speak(str(one.then["language"])):
            one.make(data[made_up], told=told, unclosed=unclosed[made_up])

    _run_at_once(make, able)
    return [_judge(one, data) for one in found]


def _run_at_once(make: Callable[[_Remade], None], pages: Iterable[_Remade]) -> None:
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        list(pool.map(make, pages))
    except KeyboardInterrupt:
        stop_reports()
        raise
    pool.shutdown()


@dataclass
class _Remade:
    """A page, its manifest, and what came of making it again."""

    page: Path
    then: Manifest = field(default_factory=dict)
    now: Manifest = field(default_factory=dict)
    made: bytes = b""
    of_then: bytes | None = None
    """Made of the inputs of then, where they are still there."""
    error: FlexlibError | None = None

    @contextmanager
    def keep_error(self) -> Iterator[None]:
        try:
            yield
        except FlexlibError as error:
            self.error = error

    @cached_property
    def inputs(self) -> tuple[Moved, ...]:
        return tuple(list_moved(self.then, self.now))

    def make(self, data: Path, *, told: Mapping[str, str], unclosed: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            again = run_report(find_request(self.then), Path(folder), data, unclosed=unclosed, told=told)
            self.made, self.now = again.read_bytes(), read_manifest(name_manifest(again))
        moved = list_moved(self.then, self.now)  # not `inputs`: their sentences are not in the language of the page
        self.of_then = _make_of_then(self.then, data, moved, told, unclosed) if moved else self.made


def _judge(one: _Remade, data: Mapping[bool, Path]) -> Verified:
    page, name = one.page, one.page.name
    if isinstance(one.error, SnapshotChanged):
        return Verified(page, Verdict.DIFFERS, (str(one.error),), exit_code=one.error.exit_code)
    if one.error:
        why = cut_end(one.error.why if isinstance(one.error, NoPage) else one.error)  # not of a folder that is gone
        if find_language() == LANGUAGES[0]:
            why = to_english(why)  # it was said in the language of the page
        said = _("{page} could not be made again: {why}.").format(page=name, why=why)
        gone = _list_gone(one.then, data[bool(one.then["made_up"])])
        return Verified(page, Verdict.NOT_VERIFIED, (said, *gone), exit_code=0 if gone else one.error.exit_code)
    if not one.then:
        said = _("{page} has no manifest, so that nobody knows what it was made of; make it again: flexlib report.")
        return Verified(page, Verdict.NOT_VERIFIED, (said.format(page=name),))
    if not page.exists():
        said = _("{page} is not there, its manifest is; make it again: flexlib report.")
        return Verified(page, Verdict.NOT_VERIFIED, (said.format(page=name),))
    content = page.read_bytes()
    sentences = tuple(_explain(one, content))
    if content == one.made:
        is_said = one.then["page"] == one.now["page"]
        return Verified(page, Verdict.SAME if is_said else Verdict.DIFFERS, sentences, one.inputs)
    figures = tuple(list_figures(one.then["page"]["headlines"], one.now["page"]["headlines"]))
    return Verified(page, Verdict.DIFFERS, sentences, one.inputs, figures)


def _explain(one: _Remade, content: bytes) -> Iterator[str]:
    """What was found of the page, in sentences."""
    page, said = one.page.name, one.then["page"]["sha256"]
    text = content.decode("utf-8", "replace")
    was_right = one.of_then is not None and hash_bytes(one.of_then) == said
    if content == one.made and one.then["page"] != one.now["page"]:
        yield _("The manifest says otherwise than the page that is made again: it was edited.")
    elif hash_bytes(content) != said:
        yield _("{page} is not the page that was made: it was changed afterwards.").format(page=page)
        if one.of_then is not None and was_right:
            yield from describe_places(text, one.of_then.decode())
    if content == one.made:
        if one.inputs:
            yield translate_count(
                "{count} input is not what it was; the page is the same byte for byte.",
                "{count} inputs are not what they were; the page is the same byte for byte.", len(one.inputs),
            ).format(count=len(one.inputs))  # fmt: skip
    elif one.inputs:
        yield _("Made again, {page} is another page: what it is made of has moved.").format(page=page)
        if was_right:
            yield _("Of the stored versions of then it is made again byte for byte: it was right when it was made.")
        elif one.of_then is not None:
            yield _("Of the stored versions of then it is another page, too.")
    elif hash_bytes(content) == said:
        yield _("Made again of the same inputs, {page} is another page.").format(page=page)
        yield from describe_places(text, one.made.decode())


def find_request(manifest: Manifest) -> ReportRequest:
    """The report that the manifest is of. Raises `BadParameter` where its notebook is gone, or takes other ones."""
    name = str(manifest["notebook"]["file"])
    here = find_home() / name
    try:
        return check_request(str(here) if here.is_file() else Path(name).stem, manifest["parameters"])
    except BadParameter as error:
        raise BadParameter(_("its notebook is not as it was: {error}").format(error=error)) from error


def _make_of_then(
    then: Manifest, data: Path, inputs: Iterable[Moved], told: Mapping[str, str], unclosed: str
) -> bytes | None:
    """The page out of the stored versions of then, where they are still there and nothing but stored months has moved;
    None else."""
    if any(one.name not in then["snapshots"] and not one.name.startswith(("credits/", "usage/", "charges/"))
           for one in inputs):  # fmt: skip
        return None
    kept = [name_path(one, name) for name, one in then["snapshots"].items()]
    if not all((data / one).is_dir() for one in kept):
        return None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        for name in [*kept, *(one for one in (*then["files"], "server.json", FILE) if (data / one).is_file())]:
            _link(data / name, root / name)
        try:
            there = Path(folder) / "reports"
            return run_report(find_request(then), there, root, unclosed=unclosed, told=told).read_bytes()
        except FlexlibError:
            return None


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source.absolute(), source.is_dir())
    except OSError:  # as on a Windows without the right to make links
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def _list_gone(manifest: Manifest, root: Path) -> list[str]:
    """The versions that a page was made of and that are no longer there."""
    text = _("{name} is no longer stored in the version that the page was made of.")
    snapshots: dict[str, Any] = manifest["snapshots"]
    return [text.format(name=name) for name, one in snapshots.items() if not (root / name_path(one, name)).is_dir()]
