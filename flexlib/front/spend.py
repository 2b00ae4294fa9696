"""The front door for analysts: `load` some months, `total` them, sum them `by` anything, plot that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flexlib.analysis.usage_frames import hide_zero
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import format_plain
from flexlib.front.months import compare_total
from flexlib.front.narrow import sum_rows
from flexlib.front.organization import split_amounts
from flexlib.front.people import Add, find_emails, find_pseudonyms, hide_month, hide_people, join_credits, list_credits
from flexlib.front.rows import Rows
from flexlib.front.table import COUNTS, CREDITS, MONEY, SpendTable, check_found, check_keys
from flexlib.front.unstored import explain_not_stored, part_absent
from flexlib.i18n import _, join_or
from flexlib.proof import Certificate, Look, State, find_worst, look_nowhere
from flexlib.schema import USAGE
from flexlib.sources.registry import WINDSURF
from flexlib.spend.before import MonthBefore, explain_lacks, load_month_before, total_spend
from flexlib.spend.billed import name_spellings, sum_known
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.store.cache import Basis, join_bases
from flexlib.store.credit_prices import load_credit_prices
from flexlib.store.ended import check_going
from flexlib.store.held import read_once
from flexlib.store.membership import LEVELS
from flexlib.store.organization import Organization, find_organization
from flexlib.store.server import list_commands
from flexlib.store.snapshots import find_snapshot, list_newest, load_credits
from flexlib.store.version import Snapshot, list_certificates

if TYPE_CHECKING:
    import duckdb

    from flexlib.money.credit_prices import CreditPrices

UNITS = (*MONEY, *CREDITS, *COUNTS)  # what `total` can be asked for


@dataclass(frozen=True)
class Spend:
    """What was spent in some months, through whatever: calls of applications and credits of developers.

    >>> import flexlib as fl
    >>> sep = fl.load("2025-09")
    >>> sep.calls.filter("provider = 'openai'").frame()["total_tokens"].sum()
    np.int64(292392)
    >>> sep.by("day", "model").plot(of="flex_credits", title="Credits by day", name="mine")
    <chart mine>
    """

    span: Span
    zone: str
    """Whose days and months; Windsurf's days and other sums of days are those of UTC in every zone."""
    stored: tuple[Month, ...]  # its months of which anything is stored, in order
    root: Path
    names: bool = False  # whether people stand by name instead of under pseudonyms
    tolerance: BillTolerance | None = None  # by how much a bill may differ without a reason; None: `BillTolerance`
    look: Look = look_nowhere  # what tells what is recorded and not closed
    version: int | None = None  # which version of each month, as `store.snapshots.find_state` counts; None: the newest
    roster: Path | None = None  # the file that says who belongs to which department; None: the metadata of calls alone
    budgets: Path | None = None  # the file of the budgets

    def __repr__(self) -> str:  # reads nothing
        return f"Spend({self.span.months[0] if len(self.span.months) == 1 else self.span}, {self.zone})"

    @property
    def absent(self) -> tuple[Month, ...]:
        """Its months of which nothing is stored."""
        return tuple(month for month in self.span.months if month not in self.stored)

    @cached_property
    def loaded(self) -> tuple[MonthUsage, ...]:
        """The stored months, all sources side by side; without names users are pseudonyms."""
        return self._months if self.names else tuple(hide_month(one, self._pseudonyms) for one in self._months)

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        """The proof of everything that was read, by month and source; without names users are pseudonyms."""
        return list_certificates(one for month in self.loaded for one in month.snapshots)

    @property
    def state(self) -> State:
        """The worst certificate's; GAP also where a month is not stored, but see `part_absent`."""
        return find_worst({one.state for one in self._months} | part_absent(self.absent, self.stored, self.root).states)

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences on what is missing from the totals, or not certain in them; empty where nothing is."""
        absent = explain_not_stored(self.absent, self._months, self.root)
        # Once each: that the ledger does not answer is said of every month.
        problems = dict.fromkeys(text for month in self._months for text in month.list_problems(month.unstored))
        lacks = explain_lacks(self._months, self._totals)
        return (*absent, *problems, *lacks, *(text for month in self._months for text in compare_total(month)))

    @cached_property
    def credits(self) -> Rows:
        """Windsurf's rows, one a day, user and model: credits as exact decimals; users under pseudonyms."""
        amounts = (f"({name}::DECIMAL(16, 0) * 0.01::DECIMAL(3, 2))::DECIMAL(18, 2) AS {name}" for name in CREDITS)
        names = f'created_at AS date, "user", model, {", ".join(amounts)}, requests, amount_in_usd, amount_in_clp'
        return Rows(self._rows.filter(f"source = '{WINDSURF.name}'").order("created_at, id").select(names))

    @cached_property
    def calls(self) -> Rows:
        """The columns of `schema.USAGE` and `source`, a call or a sum of calls a row; keys masked unless `names`."""
        return Rows(self._rows.filter(f"source <> '{WINDSURF.name}'").select(", ".join((*USAGE.names, "source"))))

    @cached_property
    def windsurf(self) -> Snapshot:
        """Windsurf's credits of the last month, users as in `loaded`. Raises `SnapshotMissing`."""
        return self._hide_credits(load_credits(self.span.months[-1], self.root))

    @cached_property
    def windsurf_before(self) -> Snapshot | None:
        """Those of the month before that one, if they are stored."""
        found = find_snapshot(WINDSURF.dataset, self.span.months[-1].previous, self.root)
        return found and self._hide_credits(found)

    @cached_property
    def before(self) -> MonthBefore:
        """The month before the last one, all its sources side by side, and whether a change on it means anything."""
        found = load_month_before(self._months[-1], self.root)
        if found.usage is None or self.names:
            return found
        known = find_pseudonyms(list_credits([found.usage, *self._months]), self.root)
        return replace(found, usage=hide_month(found.usage, known))

    @property
    def people(self) -> dict[str, dict[str, str]] | None:
        """Name and e-mail by user key, only where names were asked for."""
        return self.windsurf.people if self.names else None

    @cached_property
    def credit_prices(self) -> CreditPrices:
        """What a flex credit cost: the company's own prices, then the list's."""
        return load_credit_prices(self.root)

    def total(self, unit: str) -> Decimal | int | None:
        """The total in a unit: a Decimal for `usd`, `clp`, `flex_credits`, `prompt_credits`, an integer for `requests`
        and tokens; None where nothing is known, 0 of whole months without a row. Money is the spend of `flexlib spend`:
        what was billed where there is a bill, else what the calls cost. Where `by` sums to another, `missing` says so.
        Raises `InvalidRequest`.

        >>> import flexlib as fl
        >>> fl.load("2025-09").total("usd")
        Decimal('401.57132695')
        """
        if unit not in UNITS:
            said = _("{unit!r} is not a unit of a total; ask for {units}.")
            raise InvalidRequest(said.format(unit=unit, units=", ".join(UNITS)))
        amounts = (hide_zero(one[unit], one[f"unpriced_{unit}"]) for one in self._totals if unit in MONEY)
        value: Any = sum_known(amounts) if unit in MONEY else sum_rows(self, ()).iloc[0][unit]
        if value is None or pd.isna(value):
            read = [one for one in self.certificates if unit not in CREDITS or one.dataset == WINDSURF.dataset]
            if self.state is not State.COMPLETE or not read or any(one.rows for one in read):
                return None
            value = 0
        return int(value) if unit in COUNTS else Decimal(format_plain(Decimal(value)) if unit in MONEY else value)

    def by(self, *keys: str) -> SpendTable:
        """The sums of each combination of `keys`, as an exact pandas frame; in the order of time, else largest first.

        Keys: `day`, `month`, `weekday` (1 is Monday), `hour`, `user`, `model` (the spellings that the price list has
        as one are one), `provider`, `proxy`, `task_type`, `source`, another text column of the rows, or a name in the
        metadata of calls; `department`, `team`, `project` and `cost_centre` also by the file of the organization, where
        there is one. Columns: the keys, `requests`, `prompt_tokens`, `completion_tokens`, `total_tokens`,
        `flex_credits` and `prompt_credits` (credits), `usd`, `clp`, `unpriced_requests`, `unconverted_requests` (which
        they lack), `lacks_usd`, `lacks_clp` (if any, also parts of others'); what is not known is missing, never zero.

        >>> import flexlib as fl
        >>> fl.load("2025-09").by("source")[["source", "requests", "usd"]]
             source  requests             usd
        0  windsurf      1084  398.4400000000
        1    import       423    3.1313269500
        """
        check_keys(keys)
        return check_found(sum_rows(self, keys), [key for key in keys if not self.roster or key not in LEVELS])

    @cached_property
    def organization(self) -> Organization | None:
        """Who belongs to which department, as the `roster` says it. Raises `BadFile`."""
        return find_organization(self.roster)

    @cached_property
    def _months(self) -> tuple[MonthUsage, ...]:
        """As `loaded`, with the keys of their users."""
        load = partial(load_month_usage, root=self.root, zone=self.zone, tolerance=self.tolerance, look=self.look)
        with read_once():
            return tuple(load(month, version=self.version) for month in self.stored)

    @cached_property
    def _pseudonyms(self) -> dict[str, str]:
        return find_pseudonyms(list_credits(self._months), self.root)

    @cached_property
    def _totals(self) -> list[dict[str, Any]]:
        return [total_spend(month) for month in self._months]

    @cached_property
    def basis(self) -> Basis | None:
        """All that the rows are made of but who somebody is; None of a part of the rows (see `budget_scope`)."""
        bases = [one.basis for one in self._months if one.basis]
        return join_bases(bases) if bases and len(bases) == len(self._months) else None

    def _hide_credits(self, snapshot: Snapshot) -> Snapshot:
        return snapshot if self.names else hide_people(snapshot, find_pseudonyms([snapshot], self.root))

    @cached_property
    def _rows(self) -> duckdb.DuckDBPyRelation:
        """The columns of `schema.USAGE`, `source`, `user`, `flex_credits` and `prompt_credits` (hundredths)."""
        return self._join_rows(None)

    @cached_property
    def _spellings(self) -> str:
        return name_spellings(self._rows, self.basis)

    @cached_property
    def _placed(self) -> duckdb.DuckDBPyRelation:
        """The same with the columns of `LEVELS`, a row for each part of what it is of."""
        return split_amounts(self._join_rows(self.organization), self.organization)

    def _join_rows(self, organization: Organization | None, add: Add | None = None) -> duckdb.DuckDBPyRelation:
        emails = find_emails(self._months, self.organization) if self.names else None
        months = join_credits(self._months, self._pseudonyms, organization, emails, add)
        return reduce(lambda one, other: one.union(other), months)


def load_spend(
    first: str | Month, last: str | Month | None, root: Path, *, zone: str, names: bool,
    tolerance: BillTolerance | None = None, look: Look = look_nowhere, roster: Path | None = None,
) -> Spend:  # fmt: skip
    """See `flexlib.load`; `root` is the data folder, `look` as of `load_month_usage`, `roster` as of `Spend`."""
    start, end = (one if isinstance(one, Month) else Month.parse(str(one)) for one in (first, last or first))
    span = Span(start.first, end.last)
    stored = tuple(month for month in span.months if list_newest(month, root))
    if not stored:
        check_going(start, root)
        said, commands = _("Nothing of {start} is stored in {root}. Run: {commands}"), join_or(list_commands(end, root))
        raise SnapshotMissing(said.format(start=start if start == end else span, root=root, commands=commands))
    return Spend(span, zone, stored, root, names, tolerance, look, roster=roster)
