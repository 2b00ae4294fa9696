"""What a file says of somebody, however it is packed and written: zipped, deflated, as letters of base64, escaped."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import io
import quopri
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from email import message_from_bytes
from email.policy import default
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.parse import unquote_to_bytes

from pypdf import PdfReader

DEPTH = 4
"""So many packings one in another: a picture in a page in a mail in a zip."""
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]{4}[\s\\]*){4,}(?:[A-Za-z0-9+/_-]{2,4}={0,2})?")
STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
HEX = re.compile(rb"<([0-9A-Fa-f\s]{8,})>")
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|=\?utf-8\?", re.IGNORECASE)
MIME = re.compile(rb"^content-transfer-encoding:", re.IGNORECASE | re.MULTILINE)
PNG = b"\x89PNG\r\n\x1a\n"
BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error)
"""What opening an archive raises that is none: RuntimeError where it seems encrypted."""
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
"""In which accents stand in a letter, or after it."""
SHORTEST = 6
"""Letters of what is looked for; less is found in any file."""


def find_leaks(folder: Path, known: Collection[str]) -> dict[str, set[str]]:
    """Which of the known texts each file below a folder holds, in its content or its name."""
    found = {}
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        if held := find_in(file.read_bytes(), known) | find_in(file.name.encode(), known):
            found[file.relative_to(folder).as_posix()] = held
    return found


def find_in(content: bytes, known: Collection[str]) -> set[str]:
    """Which of the known texts are in it, in small or capital letters."""
    wanted: dict[bytes, dict[bytes, str]] = {}
    for text in known:
        for needle in _write_forms(text):
            wanted.setdefault(needle[:SHORTEST], {})[needle] = text
    found = set[str]()
    for piece in {one.lower() for one in unpack(content)}:
        for place in range(len(piece)):
            if forms := wanted.get(piece[place : place + SHORTEST]):
                found |= {text for needle, text in forms.items() if piece.startswith(needle, place)}
    return found


def unpack(content: bytes, depth: int = DEPTH) -> set[bytes]:
    """The content, and all that is packed or written another way in it. Raises where it is itself a broken archive."""
    newest = set(_open(content))
    seen = {content} | newest
    for _layer in range(depth - 1):
        newest = {inner for one in newest for inner in _try_open(one)} - seen
        seen |= newest
    return seen


def _write_forms(text: str) -> Iterator[bytes]:
    """The text as bytes may hold it, in small letters; of UTF-16 see `_rewrite`."""
    assert len(text) >= SHORTEST, f"{text!r} would be found anywhere"
    for form, written in product(FORMS, (text, text.upper(), text.lower())):
        for coding in ("utf-8", "latin-1"):
            with suppress(UnicodeEncodeError):
                yield unicodedata.normalize(form, written).encode(coding).lower()


def _try_open(content: bytes) -> Iterator[bytes]:
    """Of a piece found inside: undoing escapes in an archive's bytes makes some that begin like one and are none."""
    try:
        yield from _open(content)
    except BROKEN:
        yield from _rewrite(content)


def _open(content: bytes) -> Iterator[bytes]:
    """One layer: the members of an archive, streams of a PDF, texts of a picture, and other ways of writing."""
    if content.startswith(b"PK"):
        yield from _unzip(content)
    elif content.startswith(PNG):
        yield from _read_png(content)
        return
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"%PDF"):
        yield from _read_pdf(content)
    else:
        if MIME.search(content):
            yield from _read_mail(content)
        yield from _rewrite(content)


def _read_mail(content: bytes) -> Iterator[bytes]:
    for part in message_from_bytes(content, policy=default).walk():
        yield "\n".join(f"{name}: {value}" for name, value in part.items()).encode("utf-8", "replace")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield payload


def _unzip(content: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for one in archive.infolist():
            yield one.filename.encode()
            yield archive.read(one)
        yield archive.comment


def _read_png(content: bytes) -> Iterator[bytes]:
    place = len(PNG)
    while place < len(content):
        size, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        data = content[place + 8 : place + 8 + size]
        place += 12 + size
        if kind == b"zTXt":
            yield zlib.decompress(data.partition(b"\0")[2][1:])
        elif kind == b"iTXt":
            head, _, rest = data.partition(b"\0")
            packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
            yield head
            yield zlib.decompress(rest) if packed else rest
        elif kind in (b"tEXt", b"eXIf"):
            yield data


def _read_pdf(content: bytes) -> Iterator[bytes]:
    """Streams, strings in hexadecimal, and what a reader of PDF reads: letters stand there as numbers of a font."""
    for found in STREAM.finditer(content):
        try:
            yield zlib.decompressobj().decompress(found[1])
        except zlib.error:
            yield found[1]
    for found in HEX.finditer(content):
        with_zero = re.sub(rb"\s", b"", found[1])
        yield bytes.fromhex((with_zero + b"0" * (len(with_zero) % 2)).decode())
    with suppress(Exception):  # what is no whole PDF has no pages
        yield "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).encode()


def _rewrite(content: bytes) -> Iterator[bytes]:
    """Base64 inside, and the content with each kind of escape undone."""
    for found in BASE64.finditer(content):
        letters = re.sub(rb"[\s\\]|\\n", b"", found[0]).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        for start in range(4):  # a run may begin within a word before it
            run = letters[start:]
            try:
                yield base64.b64decode(
                    run[: len(run) - len(run) % 4] if len(run) % 4 == 1 else run + b"=" * (-len(run) % 4)
                )
            except binascii.Error:
                continue
            if len(letters) > 4000:  # a picture, which begins where it begins
                break
    if b"\0" in content:  # UTF-16, wherever in the content it begins
        yield content.replace(b"\0", b"")
    if b"%" in content:
        yield unquote_to_bytes(content)
    if b"=" in content:
        yield quopri.decodestring(content)
        yield quopri.decodestring(content, header=True)
    text = content.decode("utf-8", "ignore")
    if "&" in text:
        yield html.unescape(text).encode("utf-8", "replace")
    if "\\" in text:
        undone = ESCAPE.sub(lambda one: chr(int(one[1] or one[2], 16)) if one[1] or one[2] else one[0], text)
        yield undone.replace("\\/", "/").encode("utf-8", "replace")
    if "<" in text:  # a name that markup cuts
        yield re.sub(r"<[^>]*>", "", text).encode()


def plant(text: str) -> Mapping[str, bytes]:
    """The text in each form in which a file may hold it, by a name: what the search must find."""
    plain = f"before {text} after ".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<si><t>{html.escape(text)}</t></si>")
    deflated = zlib.compress(plain)
    line = text.encode("unicode_escape").decode()
    chunk = b"Title\0\0" + deflated
    png = PNG + len(chunk).to_bytes(4) + b"zTXt" + chunk + b"\0\0\0\0"
    words = base64.encodebytes(b"Hello, this is a mail. " + plain)
    return {
        "page.html": b"<p>" + plain + b"</p>",
        "entities.html": "".join(f"&#{ord(one)};" for one in text).encode(),
        "cut.html": f"<b>{text[:3]}</b>{text[3:]}".encode(),
        "link.html": b"<a href='?" + "".join(f"%{one:02X}" for one in text.encode()).encode() + b"'>",
        "picture_in_page.html": b"<img src='data:image/png;base64," + base64.b64encode(png) + b"'>",
        "cells.ipynb": f'{{"cells": [{{"source": ["{line}"]}}]}}'.encode(),
        "rows.csv": b"a;b\n1;" + text.encode("utf-16-le") + b"\n",
        "latin.csv": b"a;b\n1;" + text.encode("latin-1") + b"\n",
        "state.json": ("{" + "".join(f"\\u{ord(one):04x}" for one in text) + "}").encode(),
        "book.xlsx": packed.getvalue(),
        "paper.pdf": b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + deflated + b"\nendstream endobj",
        "title.pdf": b"%PDF-1.7\n1 0 obj<</Title<FEFF" + text.encode("utf-16-be").hex().encode() + b">>>endobj",
        "chart.png": png,
        "mail_base64.eml": b"Content-Transfer-Encoding: base64\n\n" + words,
        "mail_quoted.eml": b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(plain),
        "mail_attached.eml": b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(packed.getvalue()),
        "rows.csv.gz": gzip.compress(plain),
        "site.zip": _zip("a/page.html", b"<p>" + plain),
    }  # fmt: skip


def _zip(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()
