"""Whether a page is what its inputs give: made again in a folder of its own, and compared byte for byte."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from flexlib.errors import BadFile, FlexlibError, SnapshotChanged
from flexlib.i18n import LANGUAGES, _, find_language, join_and, speak, to_english, translate_count
from flexlib.report.as_made import find_as_made, find_request, make_of_then
from flexlib.report.fresh import explain_misplaced
from flexlib.report.known import Stored, explain_contradicted, find_contradicted, list_gone
from flexlib.report.manifest import MANIFEST, Manifest, hash_bytes, name_manifest, read_headlines, read_manifest
from flexlib.report.moved import Moved, list_figures, list_moved
from flexlib.report.no_page import PERIOD, NoPage, cut_end, find_command
from flexlib.report.places import describe_edits, describe_places
from flexlib.report.run import run_report, stop_reports
from flexlib.report.verdict import Verdict, Verified

OF_DATA = ("rates/", "prices/")
"""Folders of tables in a data folder."""


def list_pages(place: Path) -> list[Path]:
    """The pages of a folder of reports, and of the folders in it, with those of which only the manifest is left; or
    the one that `place` is. Raises `BadFile`."""
    if place.is_dir():
        manifests = (one.with_name(one.name.removesuffix(MANIFEST) + ".html") for one in place.rglob(f"*{MANIFEST}"))
        # What lies deeper than a month's folder are letters, which are made by other commands.
        pages = (one for one in place.rglob("*.html") if PERIOD.fullmatch(one.parent.name))
        found = sorted({*manifests, *pages, *place.glob("*.html")})
    else:
        found = [place] if place.suffix == ".html" and (place.exists() or name_manifest(place).exists()) else []
    if not found:
        is_there, command = place.exists(), find_command(place)
        if command:
            said = _("{place} is not there; this makes it: {command}")
            if is_there:
                said = _("{place} is no page of a report, and no folder that has any; this makes one: {command}")
        elif is_there:
            said = _("{place} is no page of a report, and no folder that has any.")
        else:
            said = _("{place} is not there; give a page of a report, or a folder of pages.")
        raise BadFile(said.format(place=place, command=command))
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
    return [_add_place(one, _judge(one, data, has_organization=has_organization)) for one in found]


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
    contradicted: Mapping[str, Stored] = field(default_factory=dict)
    """The stored months as they are, of which the manifest says otherwise."""
    error: FlexlibError | None = None

    @contextmanager
    def keep_error(self) -> Iterator[None]:
        try:
            yield
        except FlexlibError as error:
            self.error = error

    @cached_property
    def inputs(self) -> tuple[Moved, ...]:
        return tuple(self._list_moved())

    @cached_property
    def content(self) -> bytes:
        return self.page.read_bytes()

    @cached_property
    def as_made(self) -> str | None:
        """The page as its manifest says that it was made; None where nothing gives it any more."""
        if hash_bytes(self.content) == self.then["page"]["sha256"]:
            return self.content.decode("utf-8", "replace")
        return find_as_made(self.page, self.then, (self.made, self.of_then))

    @cached_property
    def headlines(self) -> Mapping[str, str]:
        """Those of the page as it was made, which the manifest has, too, unless it was edited."""
        return self.then["page"]["headlines"] if self.as_made is None else read_headlines(self.as_made)

    def make(self, data: Path, *, told: Mapping[str, str], unclosed: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            again = run_report(find_request(self.then), Path(folder), data, unclosed=unclosed, told=told)
            self.made, self.now = again.read_bytes(), read_manifest(name_manifest(again))
        self.contradicted = find_contradicted(self.then, self.now, data)
        moved = self._list_moved()  # not `inputs`: their sentences are not in the language of the page
        self.of_then = make_of_then(self.then, data, moved, told, unclosed) if moved else self.made

    def _list_moved(self) -> list[Moved]:
        known = {**self.then["snapshots"], **self.contradicted}
        return list_moved({**self.then, "snapshots": known}, self.now)


def _judge(one: _Remade, data: Mapping[bool, Path], *, has_organization: bool) -> Verified:
    page, name = one.page, one.page.name
    if isinstance(one.error, SnapshotChanged):
        return Verified(page, Verdict.DIFFERS, (str(one.error),), exit_code=one.error.exit_code)
    if one.error:
        why = cut_end(one.error.why if isinstance(one.error, NoPage) else one.error)  # not of a folder that is gone
        if find_language() == LANGUAGES[0]:
            why = to_english(why)  # it was said in the language of the page
        edited = tuple(_describe_edit(one)) if page.exists() else ()
        said = _("{page} could not be made again: {why}.").format(page=name, why=why)
        gone = list_gone(one.then, data[bool(one.then["made_up"])])
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
    sentences = tuple(_explain(one))
    if one.content == one.made:
        is_said = one.then["page"] == one.now["page"] and not one.contradicted
        return Verified(page, Verdict.SAME if is_said else Verdict.DIFFERS, sentences, one.inputs)
    figures = tuple(list_figures(one.headlines, one.now["page"]["headlines"], str(one.then["language"])))
    return Verified(page, Verdict.DIFFERS, sentences, one.inputs, figures)


def _add_place(one: _Remade, found: Verified) -> Verified:
    """Where a page lies says nothing of whether it is what its inputs give."""
    is_there = one.then and one.page.exists()
    why = explain_misplaced(one.page, one.then, may_be_of_year=True) if is_there else ""  # of its year as in an archive
    said = _("{page} is no page of this folder: {why}.").format(page=one.page.name, why=why)
    return replace(found, sentences=(*found.sentences, said)) if why else found


def _explain(one: _Remade) -> Iterator[str]:
    """What was found of the page, in sentences: first whether it was edited, apart from what has moved."""
    page, content, said = one.page.name, one.content, one.then["page"]["sha256"]
    was_right = one.of_then is not None and hash_bytes(one.of_then) == said
    if content == one.made and one.then["page"] != one.now["page"]:
        yield _("The manifest says otherwise than the page that is made again: it was edited.")
    else:
        yield from _describe_edit(one)
        if one.headlines != one.then["page"]["headlines"]:
            yield _("The manifest says other headlines than the page that it is of: it was edited.")
    yield from explain_contradicted(one.then, one.contradicted)
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


def _describe_edit(one: _Remade) -> Iterator[str]:
    """That the page was changed after it was made, and where; nothing of one that was not."""
    if hash_bytes(one.content) == one.then["page"]["sha256"]:
        return
    yield _("{page} is not the page that was made: it was changed afterwards.").format(page=one.page.name)
    if one.as_made is None:
        yield _(
            "Where it was changed cannot be told: neither its inputs nor the notebook beside it give that page again."
        )
    else:
        yield from describe_edits(one.content.decode("utf-8", "replace"), one.as_made)


def _explain_lacking(manifest: Manifest, root: Path) -> Iterator[str]:
    """That the page was made with the file of an organization, where none is given now. A manifest of before does not
    say which one that was: it may be any table from outside of the data folder."""
    tables = (name for name in manifest["files"] if name.endswith(".csv") and not name.startswith(OF_DATA))
    found = [name for name in tables if not (root / name).exists()]
    if "organization" in manifest:
        found = [name] if (name := manifest["organization"]) else []
    if found:
        said = _("It was made with {files}, and no file of an organization is given now: FLEXLIB_ORGANIZATION=FILE.")
        yield said.format(files=join_and([Path(name).name for name in found]))
