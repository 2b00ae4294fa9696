"""A version's rows held against its certificate, and each file read once for it in a load, whoever asks how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path

from flexlib.certificate import AnyCertificate, CreditsCertificate, UsageCertificate
from flexlib.store.cache import Basis, recall
from flexlib.store.row_hash import Sums, hash_file, hash_parquet, sum_file

SUMMED = {
    "credits": ("flex_credits", "prompt_credits"),
    "usage": ("prompt_tokens", "completion_tokens", "amount_in_usd", "amount_in_clp"),
    "charges": ("amount",),
}
"""The columns whose sums a certificate says."""

_READ: ContextVar[dict[tuple[str, ...], str | Sums] | None] = ContextVar("read", default=None)
"""What files had in them, in the load that is under way."""


class Contradiction(ValueError):
    """A certificate that says two things of one, in words for the reader."""


@contextmanager
def read_once() -> Iterator[None]:
    """In this block, which is one load, each file is hashed and summed once; the next load reads it again, and so finds
    what was changed meanwhile. A block in another is a part of that."""
    if _READ.get() is not None:
        yield
        return
    before = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(before)


def find_hash(file: Path) -> str:
    """The SHA-256 of the file's bytes. Raises `FileNotFoundError`."""
    read = _READ.get()
    if read is None:
        return hash_file(file)
    if (key := ("hash", str(file))) not in read:
        read[key] = hash_file(file)
    return str(read[key])


def compare_figures(certificate: AnyCertificate, file: Path, sha256: str, root: Path) -> None:
    """Raises `Contradiction` where the certificate's rows and amounts are not those of the file in the data folder
    `root`, whose bytes have that hash."""
    sums = _find_sums(file, sha256, SUMMED[certificate.dataset], root)
    said: dict[str, object] = {"rows": certificate.rows}
    if isinstance(certificate, UsageCertificate):  # one that says no sum says nothing of it
        names = SUMMED[certificate.dataset]
        said |= {name: one for name in names if (one := getattr(certificate, name)) is not None}
    elif isinstance(certificate, CreditsCertificate):
        said |= {name: getattr(certificate, f"{name}_hundredths") for name in SUMMED[certificate.dataset]}
    else:
        said["amount"] = sum((Decimal(one["amount"]) for one in certificate.amounts), Decimal(0))
    for name, one in said.items():
        if Decimal(str(one)) != (sums[name] or 0):
            raise Contradiction(f"{name}: it says {one}, and they {sums[name]}")


def find_rows_hash(file: Path, sha256: str, root: Path) -> str:
    """The `RowHash` of a Parquet in the data folder `root`, whose bytes have that hash. Raises `ValueError` where it is
    none."""
    basis = Basis(root, ((file, sha256),), file.stat().st_size)
    return str(recall(basis, "hash of rows", lambda: hash_parquet(file, sha256)))


def _find_sums(file: Path, sha256: str, columns: Sequence[str], root: Path) -> Sums:
    read, key = _READ.get(), ("sums", sha256, *columns)
    found = read.get(key) if read is not None else None
    if not isinstance(found, dict):
        basis = Basis(root, ((file, sha256),), file.stat().st_size)
        sums: Sums = recall(basis, ["sums", *columns], lambda: sum_file(file, columns))
        if read is None:
            return sums
        found = read[key] = sums
    return found
