"""Which stored files are given once more, so that rebuilding their month drops none of their calls."""

from __future__ import annotations

from flexlib.dates import Month
from flexlib.ingest.files.origins import knows_origins, read_origins
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.files.rules import read_certificate
from flexlib.store.version import Snapshot

GROUP = ("provider", "created_at", "grain", "model", "proxy", "usable_type", "usable_id", "usable_key", "metadata")
"""What a corrected row keeps: its counts and amounts may be others."""


def find_held_again(pool: Pool, month: Month, base: Snapshot) -> set[str]:
    """The hashes of stored files of `base` that are given: the same bytes, or a file of the same name with a row for
    each of theirs.

    Another project's file may have the same name.
    """
    before = read_certificate(base)
    files = before.files if before else ()
    places = {file.facts.name: place for place, file in enumerate(pool.files)}
    given = {file.facts.sha256 for file in pool.files}
    again = {entry["sha256"] for entry in files if entry["sha256"] in given}
    corrected = [number for number, one in enumerate(files) if one["sha256"] not in given and one["name"] in places]
    if not corrected or not base.is_unchanged or not knows_origins(base, len(files)):
        return again
    pool.read_month(month).create_view("again_given", replace=True)
    read_origins(base, len(files), pool.connection).create_view("again_stored", replace=True)
    same = " AND ".join(f"one.{name} IS NOT DISTINCT FROM other.{name}" for name in GROUP)
    for number in corrected:
        rows = pool.connection.execute(
            f"""SELECT 1 FROM again_stored one WHERE one.file = {number} AND NOT EXISTS (
                FROM again_given other WHERE other.place = {places[files[number]["name"]]} AND {same}) LIMIT 1"""
        ).fetchall()
        if not rows:
            again.add(files[number]["sha256"])
    return again
