"""Whether a page is what its inputs give: made again in a folder of its own, and compared byte for byte."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from flexlib.errors import BadFile, FlexlibError, SnapshotChanged
from flexlib.i18n import LANGUAGES, _, find_language, join_and, speak, to_english, translate_count
from flexlib.report.as_made import find_as_made, find_request, make_of_then
from flexlib.report.manifest import MANIFEST, Manifest, hash_bytes, name_manifest, name_path, read_manifest
from flexlib.report.moved import Moved, describe_edits, describe_places, list_figures, list_moved
from flexlib.report.no_page import NoPage, cut_end, find_command
from flexlib.report.run import run_report, stop_reports
from flexlib.report.verdict import Verdict, Verified


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
        said = _("{place} is not there; this makes it: {command}")
        if place.exists():
            said = _("{place} is no page of a report, and no folder that has any; this makes one: {command}")
        raise BadFile(said.format(place=place, command=find_command(place)))
    return found


def verify_pages(
    pages: Sequence[Path],
    data: Mapping[bool, Path],
    *,
    told: Mapping[str, str],
    unclosed: Mapping[bool, str],
    note: Callable[[str], None] = lambda text: None,
    has_organization: bool = True,
) -> list[Verified]:
    """Makes the pages again out of what is stored, as many at once as there are cores, and compares. `data`: the data
    folder by whether it is made up; `told` and `unclosed` as `run_report` takes them, the latter by the same; `note` is
    told of each page that is begun; `has_organization`: whether a file of one is given."""
    found = [_Remade(page) for page in pages]
    for one in found:
        with one.keep_error():
            if name_manifest(one.page).exists():
                one.then = read_manifest(name_manifest(one.page))
    able = [one for one in found if one.then and one.page.exists()]

    places = {one.page: place for place, one in enumerate(able, 1)}

    def make(one: _Remade) -> None:
        said = _("Making {page} again ({place} of {count}).")
        note(said.format(page=one.page, place=places[one.page], count=len(able)))
        made_up = bool(one.then["made_up"])
        with one.keep_error(), speak(str(one.then["language"])):
            one.make(data[made_up], told=told, unclosed=unclosed[made_up])

    _run_at_once(make, able)
    return [_judge(one, data, has_organization=has_organization) for one in found]


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
        self.of_then = make_of_then(self.then, data, moved, told, unclosed) if moved else self.made


def _judge(one: _Remade, data: Mapping[bool, Path], *, has_organization: bool) -> Verified:
    page, name = one.page, one.page.name
    if isinstance(one.error, SnapshotChanged):
        return Verified(page, Verdict.DIFFERS, (str(one.error),), exit_code=one.error.exit_code)
    if one.error:
        why = cut_end(one.error.why if isinstance(one.error, NoPage) else one.error)  # not of a folder that is gone
        if find_language() == LANGUAGES[0]:
            why = to_english(why)  # it was said in the language of the page
        edited = tuple(_describe_edit(one, page.read_bytes())) if page.exists() else ()
        said = _("{page} could not be made again: {why}.").format(page=name, why=why)
        gone = _list_gone(one.then, data[bool(one.then["made_up"])])
        lacking = () if has_organization else tuple(_explain_lacking(one.then, data[bool(one.then["made_up"])]))
        code = 0 if gone or edited else one.error.exit_code  # then the verdict's
        verdict = Verdict.DIFFERS if edited else Verdict.NOT_VERIFIED
        return Verified(page, verdict, (*edited, *lacking, said, *gone), exit_code=code)
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
    """What was found of the page, in sentences: first whether it was edited, apart from what has moved."""
    page, said = one.page.name, one.then["page"]["sha256"]
    was_right = one.of_then is not None and hash_bytes(one.of_then) == said
    if content == one.made and one.then["page"] != one.now["page"]:
        yield _("The manifest says otherwise than the page that is made again: it was edited.")
    else:
        yield from _describe_edit(one, content)
    if content == one.made:
        if one.inputs:
            yield translate_count(
                "{count} input is not what it was; the page is the same byte for byte.",
                "{count} inputs are not what they were; the page is the same byte for byte.", len(one.inputs),
            ).format(count=len(one.inputs))  # fmt: skip
    elif one.inputs and hash_bytes(one.made) == said:
        yield translate_count(
            "{count} input is not what it was; made again, {page} is as it was made, without the change.",
            "{count} inputs are not what they were; made again, {page} is as it was made, without the change.",
            len(one.inputs),
        ).format(count=len(one.inputs), page=page)
    elif one.inputs:
        yield _("Made again, {page} is another page: what it is made of has moved.").format(page=page)
        if was_right:
            yield _("Of the stored versions of then it is made again byte for byte: it was right when it was made.")
        elif one.of_then is not None:
            yield _("Of the stored versions of then it is another page, too.")
    elif hash_bytes(content) == said:
        yield _("Made again of the same inputs, {page} is another page.").format(page=page)
        yield from describe_places(content.decode("utf-8", "replace"), one.made.decode())


def _describe_edit(one: _Remade, content: bytes) -> Iterator[str]:
    """That the page was changed after it was made, and where; nothing of one that was not."""
    if hash_bytes(content) == one.then["page"]["sha256"]:
        return
    yield _("{page} is not the page that was made: it was changed afterwards.").format(page=one.page.name)
    then = find_as_made(one.page, one.then, (one.made, one.of_then))
    if then is None:
        yield _(
            "Where it was changed cannot be told: neither its inputs nor the notebook beside it give that page again."
        )
    else:
        yield from describe_edits(content.decode("utf-8", "replace"), then)


def _explain_lacking(manifest: Manifest, root: Path) -> Iterator[str]:
    """That the page was made with tables from outside of the data folder, where no organization is given now: which of
    them is the organization's no manifest says."""
    if found := [Path(name).name for name in manifest["files"] if name.endswith(".csv") and not (root / name).exists()]:
        said = _("It was made with {files}, and no file of an organization is given now: FLEXLIB_ORGANIZATION=FILE.")
        yield said.format(files=join_and(found))


def _list_gone(manifest: Manifest, root: Path) -> list[str]:
    """The versions that a page was made of and that are no longer there."""
    text = _("{name} is no longer stored in the version that the page was made of.")
    snapshots: dict[str, Any] = manifest["snapshots"]
    return [text.format(name=name) for name, one in snapshots.items() if not (root / name_path(one, name)).is_dir()]
