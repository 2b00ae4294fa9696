"""The manifest beside a page: of what it was made, as hashes and versions. The same inputs give the same manifest.

It holds no secret and nobody's name: of files their hashes, of people the fingerprint of the key of their pseudonyms.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import flexlib
from flexlib.certificate import AnyCertificate, ChargesCertificate, CreditsCertificate
from flexlib.dates import Month
from flexlib.errors import SnapshotChanged
from flexlib.formats import format_credits
from flexlib.i18n import _, find_language
from flexlib.nesting import decode_json
from flexlib.page.kit.kept import strip_markup
from flexlib.report.inputs import hash_rates, name_file, name_input, name_outside, name_sought
from flexlib.report.manifest_form import has_form
from flexlib.report.moved import FLEX_CREDITS, NOT_INSTALLED, OWN_FILES
from flexlib.report.parameters import ReportRequest
from flexlib.report.reads import NAMED, PEOPLE, find_named, list_reads, list_sought, shows_people
from flexlib.store.pseudonyms import FILE, find_pseudonym_secret
from flexlib.store.server import is_made_up
from flexlib.store.version import Snapshot

Manifest = dict[str, Any]

MANIFEST = ".manifest.json"
FORM = 1
"""The form of a manifest; one of another form is not read."""
KEYS = {"page", "notebook", "parameters", "language", "made_up", "snapshots", "files", "settings", "versions",
        "pseudonyms", "unclosed"}  # fmt: skip
"""What every manifest has."""
SNAPSHOT = re.compile(r"(credits|usage|charges)/(\d{4}-\d{2})/(?:[^/]+/)?[^/]+/(?:certificate\.json|[a-z]+\.parquet)")
"""A file of a stored version, from the data folder on."""
PASSED_OVER = ("server.json", FILE)
"""What changes with each look at a server, and what is secret; whose data it is, certificates say."""
EXTRAS = ("reports", "excel")
"""Extras whose libraries a page may come from; the others record, ask and test, and make a PDF of a page."""
HEADLINES = re.compile(r'<dl class="flex-headlines">(.*?)</dl>', re.DOTALL)
HEADLINE = re.compile(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", re.DOTALL)
CODE = {".py", ".csv", ".css", ".j2", ".yaml", ".mo", ".po"}
"""Endings of flexlib's own files that decide what stands on a page."""


def name_manifest(page: Path) -> Path:
    """The file of a page's manifest, beside it.

    >>> name_manifest(Path("reports/2025-09/llm_usage.html")).name
    'llm_usage.manifest.json'
    """
    return page.with_name(page.stem + MANIFEST)


def build_manifest(
    request: ReportRequest,
    page: Path,
    log: Path,
    data: Path,
    *,
    told: Mapping[str, str],
    unclosed: str,
) -> str:
    """The text of the manifest of `page`: `log` says which files its notebook opened, `told` are the settings that
    judge a month, `unclosed` is what the ledger told. Raises `SnapshotChanged`."""
    reads, content = list_reads(log, data), page.read_bytes()
    snapshots, files = _split_reads(reads, data.absolute())
    has_people, named = any(one.name == FILE for one in reads), {what: find_named(log, what) for what in NAMED.values()}
    notebook, executed = request.notebook, page.with_suffix(".ipynb")
    texts = [content.decode(), *([executed.read_text("utf-8")] if executed.is_file() else [])]
    manifest: Manifest = {
        "form": FORM,
        "page": {"sha256": hash_bytes(content), "bytes": len(content), "headlines": read_headlines(content.decode())},
        "notebook": {"file": name_file(notebook), "sha256": hash_bytes(notebook.read_bytes())},
        "parameters": request.values,
        "zone": request.zone,
        "language": find_language(),
        "made_up": is_made_up(data),
        "snapshots": {name: describe_snapshot(one) for name, one in sorted(snapshots.items())},
        "files": {name: hash_bytes(file.read_bytes()) for name, file in sorted(files.items())},
        **{what: next((name for name, file in files.items() if file == of), None) for what, of in named.items()},
        "sought": name_sought(list_sought(log), data.absolute()),
        "shows_people": bool(request.values.get("names")) or shows_people(log, texts),
        "pseudonyms": _mark_secret(data) if has_people else None,
        "settings": dict(told),
        "unclosed": _hash_unclosed(unclosed, {str(one.month) for one in snapshots.values()}),
        "versions": list_versions(),
    }
    manifest |= {"rates": hash_rates(manifest, data)}
    return json.dumps(manifest | {"seal": seal_manifest(manifest)}, indent=2, ensure_ascii=False, default=str) + "\n"


def read_manifest(file: Path) -> Manifest:
    """The manifest, as `build_manifest` gave it. Raises `SnapshotChanged` where it is none, or was edited."""
    try:
        manifest: Manifest = decode_json(file.read_text("utf-8"))
        form, seal, told = manifest["form"], manifest["seal"], manifest["page"].keys() >= {"sha256", "headlines"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotChanged(
            _("{file} cannot be read as a manifest ({name}); make the page again: flexlib report.").format(
                file=file, name=type(error).__name__
            )
        ) from error
    strange = _("{file} is of a form that this flexlib does not know; make the page again.")
    if form != FORM or not told or not manifest.keys() >= KEYS:
        raise SnapshotChanged(strange.format(file=file))
    if seal != seal_manifest(manifest):
        raise SnapshotChanged(
            _(
                "{file} was edited after it was written: its seal is not that of what stands in it. Make the "
                "page again: flexlib report."
            ).format(file=file)
        )
    if not has_form(manifest):
        raise SnapshotChanged(strange.format(file=file))
    return manifest


def names_people(manifest: Manifest) -> bool:
    """Whether the page may show people by name, see `shows_people`; a manifest that does not say it is of a page that
    may where it was asked to, or its notebook read who they are.

    >>> names_people({"files": {"credits/2025-10/v/people.json": "0"}, "parameters": {}})
    True
    """
    if "shows_people" in manifest:
        return bool(manifest["shows_people"])
    return bool(manifest["parameters"].get("names")) or any(Path(one).name == PEOPLE for one in manifest["files"])


def seal_manifest(manifest: Manifest) -> str:
    """The SHA-256 of all that stands in it but the seal: by it an edit shows, as long as nobody seals it again; then
    the page that is made again says otherwise."""
    rest = {name: value for name, value in manifest.items() if name != "seal"}
    return hash_bytes(json.dumps(rest, sort_keys=True, ensure_ascii=False, default=str).encode())


def hash_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_headlines(page: str) -> dict[str, str]:
    """The headline numbers of a page by their names, as a reader sees them.

    >>> read_headlines('<dl class="flex-headlines"><div><dt>Spent</dt><dd class="">US$ 401.57</dd></div></dl>')
    {'Spent': 'US$ 401.57'}
    """
    found = HEADLINES.search(page)
    return {strip_markup(name): strip_markup(value) for name, value in HEADLINE.findall(found[1] if found else "")}


def _split_reads(reads: list[Path], data: Path) -> tuple[dict[str, Snapshot], dict[str, Path]]:
    """The stored months by `usage/2025-09/import`, and the other files by their names."""
    snapshots, files = dict[str, Snapshot](), dict[str, Path]()
    for file in reads:
        is_stored = file.is_relative_to(data)
        name = name_input(file, data)
        if is_stored and (found := SNAPSHOT.fullmatch(name)):
            one = Snapshot(found[1], Month.parse(found[2]), file.parent)
            snapshots[f"{one.dataset}/{one.month}/{one.source}"] = one
        elif not (is_stored and name in PASSED_OVER):
            # Of two files of one name none stands for the other; where they lie is told by a hash alone.
            files[name_outside(file) if name in files else name] = file
    return snapshots, files


def describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """What a manifest says of a stored month."""
    certificate = snapshot.certificate
    return {
        "version": snapshot.path.name,
        "state": str(certificate.state),
        "rows": certificate.rows,
        "sums": dict(_list_sums(certificate)),
        "rows_sha256": certificate.rows_sha256,
        "certificate_sha256": hash_bytes((snapshot.path / "certificate.json").read_bytes()),
    }


def _list_sums(certificate: AnyCertificate) -> Iterator[tuple[str, str]]:
    """What it comes to, exact, by unit."""
    if isinstance(certificate, CreditsCertificate):
        yield FLEX_CREDITS, format_credits(certificate.flex_credits_hundredths, "")
    elif isinstance(certificate, ChargesCertificate):
        yield from ((str(one["currency"]), str(one["amount"])) for one in certificate.amounts)
    else:
        found = {"USD": certificate.amount_in_usd, "CLP": certificate.amount_in_clp}
        yield from ((unit, amount) for unit, amount in found.items() if amount is not None)


def _mark_secret(data: Path) -> str:
    """What tells the key of pseudonyms from others, and nobody what it is."""
    return hashlib.blake2b(b"manifest", key=find_pseudonym_secret(data), digest_size=8).hexdigest()


def _hash_unclosed(unclosed: str, months: Collection[str]) -> str | None:
    """Of what the ledger told of these months; None where it told nothing."""
    told = {month: text for month, text in json.loads(unclosed or "{}").items() if month in months}
    return hash_bytes(json.dumps(told, sort_keys=True).encode()) if told else None


@cache
def list_versions() -> dict[str, str]:
    """flexlib's version and the hash of its files, Python's, and those of the libraries that a page comes from; among
    them that of genai-prices, the price list."""
    names = (re.match(r"[\w-]+", line) for line in requires("flexlib") or () if _is_used(line))
    libraries = {one[0] for one in names if one and one[0] != "flexlib"}
    return {
        "flexlib": flexlib.__version__,
        OWN_FILES: _hash_code(),
        "Python": platform.python_version(),
        **{name: _find_version(name) for name in sorted(libraries)},
    }


def _is_used(requirement: str) -> bool:
    extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
    return extra is None or extra[1] in EXTRAS


def _find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _hash_code() -> str:
    root, found = Path(flexlib.__file__).parent, hashlib.sha256()
    for file in sorted(one for one in root.rglob("*") if one.suffix in CODE):
        found.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return found.hexdigest()
