"""Windsurf's rows with who spent how many credits, people under pseudonyms unless their names were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from flexlib.analysis.credits import credits_by_user
from flexlib.analysis.frames import read_rows
from flexlib.analysis.top import NOT_LISTED, name_people
from flexlib.certificate import CreditsCertificate
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.store.version import Snapshot

KEY = "strftime(date, '%Y-%m-%d') || chr(31) || \"user\" || chr(31) || model_uid"
ROW_ID = f"'{WINDSURF.name}-' || left(sha256({KEY}), 32)"
"""The id of a row of credits among calls, as `spend.windsurf.credits_as_usage` makes it."""


def join_credits(months: Sequence[MonthUsage], *, names: bool) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of each month with `user`, `flex_credits` and `prompt_credits` (hundredths; null for calls).

    A person has one pseudonym in all of the months, by rank in their flex credits.
    """
    snapshots = [one for month in months for one in month.snapshots if one.dataset == "credits"]
    called = _call_people(snapshots, names=names)
    for month in months:
        spendings = [one for one in month.snapshots if one.dataset == "credits"]
        masked = "* REPLACE (left(sha256(usable_key), 8) AS usable_key)"  # as `names.mask_key` does
        stored = month.rows if names else month.rows.select(masked)
        plain = "usable_type || ' ' || coalesce(usable_key, usable_id::VARCHAR)"
        if not spendings:
            nothing = "NULL::BIGINT AS flex_credits, NULL::BIGINT AS prompt_credits"
            yield stored.select(f'*, {plain} AS "user", {nothing}')
            continue
        spent = spendings[0].relation.select(f'{ROW_ID} AS row_id, "user" AS key, flex_credits, prompt_credits')
        spent = spent.set_alias("spent").join(called.set_alias("called"), "spent.key = called.key", how="left")
        spent = spent.select("row_id, called.name, flex_credits, prompt_credits")
        rows = stored.set_alias("rows").join(spent.set_alias("spent"), "rows.id = spent.row_id", how="left")
        yield rows.select(f'rows.*, coalesce(spent.name, {plain}) AS "user", spent.flex_credits, spent.prompt_credits')


def _call_people(snapshots: Sequence[Snapshot], *, names: bool) -> duckdb.DuckDBPyRelation:
    import pyarrow as pa

    keys: list[str] = []
    called: list[str] = []
    if snapshots:
        rows = snapshots[0].relation
        for one in snapshots[1:]:
            rows = rows.union(one.relation)
        unlisted = {user for one in snapshots if isinstance(one.certificate, CreditsCertificate)
                    for user in one.certificate.unmapped_users}  # fmt: skip
        ranked = [row["user"] for row in read_rows(credits_by_user(rows))]
        listed = [user for user in ranked if user not in unlisted]
        people = {key: who for one in snapshots for key, who in one.people.items()} if names else None
        keys = [*listed, *(user for user in ranked if user in unlisted)]
        called = [*name_people(listed, people), *[NOT_LISTED] * (len(keys) - len(listed))]
    return duckdb.from_arrow(pa.table({"key": pa.array(keys, pa.string()), "name": pa.array(called, pa.string())}))
