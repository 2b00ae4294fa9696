"""Windsurf's rows with who spent how many credits, people under pseudonyms unless their names were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.addresses import hide_email
from flexlib.analysis.top import NOT_LISTED, name_people
from flexlib.certificate import CreditsCertificate
from flexlib.front.organization import place_rows
from flexlib.names import name_under, write_mask
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.store.engines import to_exact_frame
from flexlib.store.organization import Organization
from flexlib.store.pseudonyms import find_pseudonym_secret, place_people
from flexlib.store.version import Snapshot

EMAIL = "email-"
"""How what stands for an e-mail in stored rows begins."""
Add = Callable[[MonthUsage], duckdb.DuckDBPyRelation]
"""Gives `MonthUsage.with_spenders` with columns more."""


def join_credits(
    months: Sequence[MonthUsage],
    pseudonyms: Mapping[str, str],
    organization: Organization | None,
    emails: Mapping[str, str] | None,
    add: Add | None = None,
) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of each month with `user`, `flex_credits` and `prompt_credits` (hundredths; null for calls), with an
    `organization` as `place_rows` gives them.

    `pseudonyms` of the users in them, as from `find_pseudonyms`; `emails` as of `find_emails`, None where no names
    were asked for; `add` sees who it is before that is hidden.
    """
    names, hidden = emails is not None, emails or {}
    keys, called = call_people(list_credits(months), pseudonyms, names=names)
    names_of_keys = {
        "key": pa.array([*keys, *hidden], pa.string()), "name": pa.array([*called, *hidden.values()], pa.string())
    }  # fmt: skip
    people = duckdb.from_arrow(pa.table(names_of_keys))
    for month in months:
        stored = add(month) if add else month.with_spenders
        if organization:  # by who it is, before that is hidden
            with place_people(names=names):
                stored = place_rows(stored, month.month, organization, list_credits([month]))
        stored = stored if names else _mask_keys(stored, month.root)
        whose = f"coalesce(rows.spender, CASE WHEN starts_with(rows.usable_key, '{EMAIL}') THEN rows.usable_key END)"
        rows = stored.set_alias("rows").join(people.set_alias("called"), f"{whose} = called.key", how="left")
        plain = "usable_type || ' ' || coalesce(usable_key, usable_id::VARCHAR)"
        yield rows.select(
            f'rows.* EXCLUDE (spender, told, flex_credits, prompt_credits), coalesce(called.name, {plain}) AS "user", '
            "rows.flex_credits, rows.prompt_credits"
        )


def find_emails(months: Sequence[MonthUsage], organization: Organization | None) -> dict[str, str]:
    """The e-mail behind each hash that stands for one in stored calls, as far as the organization's file, or Windsurf's
    list of people, has it: only where names were asked for."""
    emails = [one.who for one in organization.memberships] if organization else []
    emails += [who.get("email") or "" for one in list_credits(months) for who in one.people.values()]
    return {hide_email(one): one for one in emails if "@" in one}


def _mask_keys(rows: duckdb.DuckDBPyRelation, root: Path) -> duckdb.DuckDBPyRelation:
    return rows.select(write_mask(find_pseudonym_secret(root), "usable_key"))


def list_credits(months: Iterable[MonthUsage]) -> list[Snapshot]:
    """Windsurf's credits of each month that has them."""
    return [one for month in months for one in month.snapshots if one.dataset == WINDSURF.dataset]


def find_pseudonyms(spent: Sequence[Snapshot], root: Path) -> dict[str, str]:
    """The pseudonym of every user's key in these credits, and of those who were asked for and have no row: the same in
    every month, by the secret of the data folder `root`."""
    keys = {row[0] for one in spent for row in one.relation.select('"user"').distinct().fetchall()}
    for one in spent:
        certificate = one.certificate
        assert isinstance(certificate, CreditsCertificate)
        keys |= {*certificate.failed_users, *certificate.cross_check.figures.get("differing_users", ())}
    return name_under(find_pseudonym_secret(root), keys)


def hide_month(month: MonthUsage, pseudonyms: Mapping[str, str]) -> MonthUsage:
    """The month with a pseudonym for every user wherever it has a key: in its rows, and in what they were read from.

    `pseudonyms` as from `find_pseudonyms`.
    """
    secret = find_pseudonym_secret(month.root)
    snapshots = tuple(
        hide_people(one, pseudonyms) if one.dataset == WINDSURF.dataset else replace(one, secret=secret)
        for one in month.snapshots
    )
    kept = {one.name: getattr(month, one.name) for one in fields(MonthUsage)}
    spent = None if month.spent is None else month.spent.select("* REPLACE (NULL::VARCHAR AS spender)")
    hidden = {"rows": _mask_keys(month.rows, month.root), "snapshots": snapshots, "spent": spent}
    return _HiddenMonth(**(kept | hidden), _hide=lambda other: hide_month(other, pseudonyms))


@dataclass(frozen=True)
class _HiddenMonth(MonthUsage):
    """A month under pseudonyms, and so is what its bills are of, which is read when it is asked for. Who has which
    pseudonym stands in none of its fields."""

    _hide: Callable[[MonthUsage], MonthUsage] = field(kw_only=True, repr=False, compare=False)

    @cached_property
    def of_bills(self) -> MonthUsage:
        found = super().of_bills
        return found if found is self else self._hide(found)


def hide_people(snapshot: Snapshot, pseudonyms: Mapping[str, str]) -> Snapshot:
    """The stored credits with a pseudonym for every user, as from `find_pseudonyms`.

    In the frame, the relation and the certificate: an analyst's own cell ends up in a page to be shared. The file is
    nobody's to ask for.
    """
    certificate = snapshot.certificate
    assert isinstance(certificate, CreditsCertificate)
    unmapped = tuple(pseudonyms[user] for user in certificate.unmapped_users if user in pseudonyms)
    failed = tuple(pseudonyms[user] for user in certificate.failed_users)
    differing = certificate.cross_check.figures.get("differing_users", ())
    figures = {"differing_users": [pseudonyms[user] for user in differing]} if differing else {}
    again = replace(certificate.cross_check, figures={**certificate.cross_check.figures, **figures})
    shown = replace(certificate, unmapped_users=unmapped, failed_users=failed, cross_check=again)

    def mask() -> pa.Table:
        rows = pq.read_table(snapshot.parquet)
        users = pa.array([pseudonyms[user] for user in rows["user"].to_pylist()], pa.string())
        return rows.set_column(rows.column_names.index("user"), "user", users)

    # What is read from the disk otherwise, when it is asked for; its keys have their pseudonyms in `mask`.
    hidden = _HiddenSnapshot(snapshot.dataset, snapshot.month, snapshot.path, b"", _mask=mask)
    vars(hidden)["certificate"] = shown
    return hidden


@dataclass(frozen=True)
class _HiddenSnapshot(Snapshot):
    """Credits under pseudonyms, made when they are asked for; neither those with keys nor who has which pseudonym stand
    in any of its fields."""

    _mask: Callable[[], pa.Table] = field(kw_only=True, repr=False, compare=False)

    @cached_property
    def relation(self) -> duckdb.DuckDBPyRelation:
        return duckdb.from_arrow(self._mask())

    @cached_property
    def frame(self) -> pd.DataFrame:
        return to_exact_frame(self._mask())


def call_people(
    snapshots: Sequence[Snapshot], pseudonyms: Mapping[str, str], *, names: bool
) -> tuple[list[str], list[str]]:
    """Every user's key, and what the person is called."""
    people = {key: who for one in snapshots for key, who in one.people.items()} if names else None
    unlisted = {user for one in snapshots if isinstance(one.certificate, CreditsCertificate)
                for user in one.certificate.unmapped_users}  # fmt: skip
    listed = [key for key in pseudonyms if key not in unlisted]
    called = dict(zip(listed, name_people(listed, people, pseudonyms), strict=True))
    return list(pseudonyms), [called.get(key, NOT_LISTED) for key in pseudonyms]
