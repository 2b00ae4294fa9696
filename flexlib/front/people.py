"""Windsurf's rows with who spent how many credits, people under pseudonyms unless their names were asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import duckdb
import pyarrow as pa

from flexlib.analysis.credits import credits_by_user
from flexlib.analysis.frames import read_rows
from flexlib.analysis.top import NOT_LISTED, name_people
from flexlib.certificate import CreditsCertificate
from flexlib.dates import Month
from flexlib.names import write_mask
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.store.version import Snapshot

KEY = "strftime(date, '%Y-%m-%d') || chr(31) || \"user\" || chr(31) || model_uid"
ROW_ID = f"'{WINDSURF.name}-' || left(sha256({KEY}), 32)"
"""The id of a row of credits among calls, as `spend.windsurf.credits_as_usage` makes it."""


def join_credits(
    months: Sequence[MonthUsage], *, names: bool, numbered_by: Collection[Month] = ()
) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of each month with `user`, `flex_credits` and `prompt_credits` (hundredths; null for calls).

    A person has one pseudonym in all of the months, by rank in their flex credits, or those of `numbered_by` alone, as
    on the page of that month; who has no row there has one of their own.
    """
    keys, called = _name_users(months, names=names, numbered_by=numbered_by)
    names_of_keys = {"key": pa.array(keys, pa.string()), "name": pa.array(called, pa.string())}
    people = duckdb.from_arrow(pa.table(names_of_keys))
    for month in months:
        spendings = [one for one in month.snapshots if one.dataset == "credits"]
        stored = month.rows if names else month.rows.select(write_mask("usable_key"))
        plain = "usable_type || ' ' || coalesce(usable_key, usable_id::VARCHAR)"
        if not spendings:
            nothing = "NULL::BIGINT AS flex_credits, NULL::BIGINT AS prompt_credits"
            yield stored.select(f'*, {plain} AS "user", {nothing}')
            continue
        spent = spendings[0].relation.select(f'{ROW_ID} AS row_id, "user" AS key, flex_credits, prompt_credits')
        spent = spent.set_alias("spent").join(people.set_alias("called"), "spent.key = called.key", how="left")
        spent = spent.select("row_id, called.name, flex_credits, prompt_credits")
        rows = stored.set_alias("rows").join(spent.set_alias("spent"), "rows.id = spent.row_id", how="left")
        yield rows.select(f'rows.*, coalesce(spent.name, {plain}) AS "user", spent.flex_credits, spent.prompt_credits')


def _name_users(
    months: Sequence[MonthUsage], *, names: bool, numbered_by: Collection[Month]
) -> tuple[list[str], list[str]]:
    """Every user's key in these months, and what the person is called in all of them."""
    spent_in = {month.month: [one for one in month.snapshots if one.dataset == "credits"] for month in months}
    sides = [[one for month, ones in spent_in.items() for one in ones if (month in numbered_by) is is_first]
             for is_first in (True, False)]  # fmt: skip
    keys, called = _call_people(sides[0] or sides[1], names=names)
    if sides[0] and sides[1]:
        earlier = [(key, name) for key, name in zip(*_call_people(sides[1], names=names), strict=True)
                   if key not in {*keys}]  # fmt: skip
        keys += [key for key, _ in earlier]
        called += [name if names else f"Earlier {name}" for _, name in earlier]
    return keys, called


def hide_months(months: Sequence[MonthUsage], numbered_by: Collection[Month] = ()) -> tuple[MonthUsage, ...]:
    """The months with a pseudonym for every user wherever they have a key, a person's the same as in `join_credits`."""
    keys, called = _name_users(months, names=False, numbered_by=numbered_by)
    unlisted = count(1)
    known = {key: f"Unlisted {next(unlisted):03}" if name.endswith(NOT_LISTED) else name
             for key, name in zip(keys, called, strict=True)}  # fmt: skip
    return tuple(hide_month(month, known=known) for month in months)


def hide_month(month: MonthUsage, first: Snapshot | None = None, known: Mapping[str, str] | None = None) -> MonthUsage:
    """The month with a pseudonym for every user wherever it has a key: in its rows, and in what they were read from.

    `first` and `known`: as of `hide_people`.
    """
    snapshots = tuple(
        hide_people(one, first, known) if one.dataset == WINDSURF.dataset else replace(one, shows_people=False)
        for one in month.snapshots
    )
    hidden = replace(month, rows=month.rows.select(write_mask("usable_key")), snapshots=snapshots)
    if month.zone != "UTC":  # of the same month there, which is read when it is asked for
        vars(hidden)["of_bills"] = hide_month(month.of_bills, first, known)
    return hidden


def hide_people(snapshot: Snapshot, first: Snapshot | None = None, known: Mapping[str, str] | None = None) -> Snapshot:
    """The stored credits with a pseudonym for every user, that of the page's tables, by rank in the month; who is in
    the month of `first` too has the one of there. `known`: the pseudonyms to be used instead.

    In the frame, the relation and the certificate: an analyst's own cell ends up in a page to be shared. The file is
    nobody's to ask for.
    """
    pseudonyms = {} if first is None else _name_ranked(first, "")
    pseudonyms = dict(known) if known else _name_ranked(snapshot, "Earlier " * (first is not None)) | pseudonyms
    certificate = snapshot.certificate
    assert isinstance(certificate, CreditsCertificate)
    unmapped = tuple(pseudonyms[user] for user in certificate.unmapped_users if user in pseudonyms)
    differing = certificate.cross_check.figures.get("differing_users", ())
    unread = sorted({*certificate.failed_users, *differing} - pseudonyms.keys())  # who has no row has no rank
    called = pseudonyms | {user: f"Without rows {number:03}" for number, user in enumerate(unread, 1)}
    failed = tuple(called[user] for user in certificate.failed_users)
    figures = {"differing_users": [called[user] for user in differing]} if differing else {}
    again = replace(certificate.cross_check, figures={**certificate.cross_check.figures, **figures})
    shown = replace(certificate, unmapped_users=unmapped, failed_users=failed, cross_check=again)
    rows = snapshot.relation.to_arrow_table()
    users = pa.array([pseudonyms[user] for user in rows["user"].to_pylist()], pa.string())
    hidden = replace(snapshot, shows_people=False)
    # What is read from the disk otherwise, when it is asked for.
    vars(hidden)["certificate"] = shown
    vars(hidden)["relation"] = duckdb.from_arrow(rows.set_column(rows.column_names.index("user"), "user", users))
    keys = snapshot.frame["user"]  # of no rows an older pandas makes floats
    vars(hidden)["frame"] = snapshot.frame.assign(user=keys.map(pseudonyms).astype(keys.dtype))
    return hidden


def _name_ranked(snapshot: Snapshot, prefix: str) -> dict[str, str]:
    certificate = snapshot.certificate
    unlisted = set(getattr(certificate, "unmapped_users", ()))
    ranked = [row["user"] for row in read_rows(credits_by_user(snapshot.frame))]
    listed = [user for user in ranked if user not in unlisted]
    others = [user for user in ranked if user in unlisted]
    named = dict(zip(listed, name_people(listed, None), strict=True))
    named |= {user: f"Unlisted {number:03}" for number, user in enumerate(others, 1)}
    return {user: prefix + name for user, name in named.items()}


def _call_people(snapshots: Sequence[Snapshot], *, names: bool) -> tuple[list[str], list[str]]:
    """Every user's key, and what the person is called."""
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
    return keys, called
