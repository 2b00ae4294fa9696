"""Everything spent in one month: the calls of the ledger and of imported files, and Windsurf's credits, side by side.

What 'twice' can mean: ids are unique in a source, not between two. A call that two sources hold under the same id, to
the same model with the same tokens, is one call: it counts in the first of them (the ledger, then the others by name)
that knows its amount, and is counted in `repeated`; where their clocks put it in two months, in the earlier one of
those that know it. What may be one call but cannot be known to be counts twice, and the month is not reconciled until
somebody has looked: the same id with other content (`same_ids`), another id at the same moment with the same model and
tokens (`lookalikes`), as of a log that names no ids, and what `recorded_twice` finds where clocks or names differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.certificate import Certificate, State, UsageCertificate, explain_rows
from flexlib.checks import BillTolerance, explain_check
from flexlib.dates import Month
from flexlib.money.fx import Pair, Rates
from flexlib.proof import Look, Problem, find_worst, look_nowhere
from flexlib.schema import USAGE
from flexlib.sources.registry import BILLS, LEDGER, WINDSURF, name_source, sort_sources
from flexlib.spend.billed import keep_unbilled
from flexlib.spend.bills import MonthBills
from flexlib.spend.calls import list_no_calls, read_each_once
from flexlib.spend.comparing import compare_bills
from flexlib.spend.crossing import list_crossing
from flexlib.spend.kept import name_rows
from flexlib.spend.once import count_rows, explain_doubles
from flexlib.spend.recorded_twice import Shared, explain_recorded_twice
from flexlib.spend.unstored import explain_parts
from flexlib.spend.windsurf import read_spent
from flexlib.spend.zones import find_month_snapshots, judge_hours, list_pieces
from flexlib.store.cache import Basis
from flexlib.store.ended import find_awaited
from flexlib.store.fx import load_pairs
from flexlib.store.held import read_once
from flexlib.store.unstored import explain_unstored
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class MonthUsage:
    """A month's calls from all of its sources."""

    month: Month
    zone: str
    """The zone whose month it is."""
    rows: duckdb.DuckDBPyRelation
    """The columns of `schema.USAGE` and `source`; `created_at` as the clocks of `zone` show it. A sum of a day or a
    month keeps its date and belongs to that month in every zone, as Windsurf's days do."""
    snapshots: tuple[Snapshot, ...]
    """What was read: the newest version of each source, by month and source; then Windsurf's credits, then bills."""
    repeated: tuple[tuple[str, int], ...]
    """Sources whose calls an earlier source holds too, and how many: they are not in `rows`."""
    same_ids: int
    """Calls whose id another source has with other content: both are in `rows`."""
    lookalikes: int
    """Calls of another id than one of another source at the same moment, with its model and tokens: both are in. Not of
    files in `recorded_twice`, nor of those that are said to be distinct."""
    edges: tuple[str, ...]
    """Sentences on calls that two files may have on both sides of a month's edge."""
    missing: tuple[str, ...]
    """Sentences on hours of the month that are not stored, on recorded calls and on misplaced versions: the totals lack
    them."""
    short: tuple[Month, ...] = ()
    """The months of UTC in whose part of it they are missing."""
    notes: tuple[str, ...] = ()
    """Sentences on what may be recorded and not stored, or is at another price, which change no state."""
    rates: Mapping[Pair, Rates] = field(default_factory=dict)
    """The kept rates of every pair of currencies, for bills."""
    tolerance: BillTolerance = field(default_factory=BillTolerance)
    """By how much a bill may differ from the calls without a reason."""
    root: Path = Path()
    """The data folder that it is out of."""
    look: Look = look_nowhere
    """What tells of other months what is recorded and not closed."""
    spent: duckdb.DuckDBPyRelation | None = field(default=None, repr=False)
    """Windsurf's rows as `windsurf.list_spent` gives them; None where nothing of it is stored."""
    recorded_twice: tuple[Shared, ...] = ()
    """What each imported file may share with the ledger: both are in."""
    unstored: tuple[str, ...] = ()
    """The sources that had begun before the month, are not said to have ended, and of which it is not stored."""

    basis: Basis | None = None
    """All that `rows` are made of but who somebody is."""

    @property
    def with_spenders(self) -> duckdb.DuckDBPyRelation:
        """The rows with what `windsurf.list_spent` has beside them, null of calls; and as `told` the metadata that may
        say whose they are, which those of credits do not."""
        blank = "NULL::VARCHAR AS spender, NULL::BIGINT AS flex_credits, NULL::BIGINT AS prompt_credits"
        calls = self.calls.select(f"*, {blank}, metadata AS told")
        return calls if self.spent is None else calls.union(self.spent.select("*, NULL::VARCHAR AS told"))

    @property
    def calls(self) -> duckdb.DuckDBPyRelation:
        """The rows that are a call each, with its tokens: all but Windsurf's, which sum a user's day."""
        return self.rows.filter(f"source <> '{WINDSURF.name}'")

    def count_rows(self) -> int:
        """How many rows of calls there are, each of one call or a sum of calls."""
        return count_rows(self.calls)

    @property
    def windsurf(self) -> duckdb.DuckDBPyRelation:
        """Windsurf's rows: credits, no tokens."""
        return self.rows.filter(f"source = '{WINDSURF.name}'")

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        return tuple(one.certificate for one in self.snapshots)

    @property
    def proofs(self) -> tuple[Certificate, ...]:
        """The certificates, each of as much of its month as is the zone's: see `judge_hours`."""
        return tuple(judge_hours(one, self.month, self.zone) for one in self.snapshots)

    @property
    def possible_duplicates(self) -> tuple[str, ...]:
        """Sentences on calls that may count twice."""
        doubles = explain_doubles(self.same_ids, self.lookalikes)
        return self.edges + explain_recorded_twice(self.recorded_twice) + doubles

    @cached_property
    def bills(self) -> MonthBills:
        """What was counted held against what was billed, and the spend that follows."""
        return compare_bills(self)

    @cached_property
    def of_bills(self) -> MonthUsage:
        """The month that bills are of, which is UTC's: this one, or that of the same name."""
        if self.zone == "UTC":
            return self
        return load_month_usage(self.month, self.root, tolerance=self.tolerance)

    @property
    def has_bills(self) -> bool:
        return any(one.dataset == BILLS.dataset for one in self.snapshots)

    @cached_property
    def crossing(self) -> tuple[str, ...]:
        """Sentences on what a bill that begins in an earlier month covers of this one, and may be in both."""
        return list_crossing(self)

    def list_problems(self, known: Collection[str] = ()) -> list[str]:
        """Why its totals are not whole or not certain, a sentence each; empty where they are. `known`: sources of which
        the reader knows that nothing is stored."""
        return [text for _, text in self.judge_problems(known=known)]

    @property
    def lacking(self) -> list[str]:
        """Sentences on what is not stored, whole sources first."""
        return self._list_lacking(())

    def _list_lacking(self, known: Collection[str]) -> list[str]:
        unstored = {source: [self.month] for source in self.unstored if source not in known}
        return [*explain_unstored(unstored, self.root), *self.missing]

    @property
    def own_problems(self) -> list[Problem]:
        """Those that no certificate of a source says: what is not stored, what may be twice, what bills say else."""
        return self._list_own(())

    def _list_own(self, known: Collection[str]) -> list[Problem]:
        problems: list[Problem] = [(State.GAP, text) for text in self._list_lacking(known)]
        problems += [(None, text) for text in self.notes]
        problems += [(State.UNRECONCILED, text) for text in (*self.possible_duplicates, *self.crossing)]
        return [*problems, *(self.of_bills.bills.list_problems() if self.has_bills else [])]

    def judge_problems(self, told: Collection[str] = (), known: Collection[str] = ()) -> list[Problem]:
        """The same, each with the state that it makes by itself. Of the sources in `told`, of which the reader knows
        already what their rows lack, only what differs; `known` as of `list_problems`."""
        problems: list[Problem] = []
        for one in self.snapshots:
            judged = self.judge(one)
            found: list[Problem] = [] if one.source in told else [(judged.state, text) for text in explain_rows(judged)]
            wrong = (check for check in one.certificate.checks.values() if check.result == "differs")
            found += [(State.UNRECONCILED, explain_check(check)) for check in wrong]
            problems += [(state, f"{name_source(one.source)}, {one.month}: {text}.") for state, text in found]
        return [*self._list_own(known), *problems]

    @property
    def state(self) -> State:
        """The worst of its certificates; a GAP also where hours or recorded calls are missing, or the rate of a bill's
        currency, UNRECONCILED where calls may be double, or a bill differs from what was counted."""
        return self.find_state()

    def find_state(self, known: Collection[str] = ()) -> State:
        """The same, were it not for the sources in `known`, as of `list_problems`."""
        states = {self.judge(one).state for one in self.snapshots}
        return find_worst(states | {made for made, _ in self._list_own(known) if made})

    def judge(self, snapshot: Snapshot) -> Certificate:
        """The proof of one source as its month has it: what a bill says the cost of is not unknown."""
        found = judge_hours(snapshot, self.month, self.zone)
        if not self.has_bills or not isinstance(found, UsageCertificate) or not found.lacks_money:
            return found
        return keep_unbilled(found, snapshot.relation, self.of_bills)


@read_once()
def load_month_usage(
    month: Month,
    root: Path,
    *,
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
    version: int | None = None,
) -> MonthUsage:
    """All stored calls of the month as the clocks of `zone` have it, each once.

    Any other zone than UTC reads the hours that it shares with a neighbouring month there. `look` tells what is
    recorded and not closed; `version` as of `find_month_snapshots`. Raises `SnapshotMissing` when nothing of the month,
    or no such version, is stored, `BadParameter` for a zone that does not exist, `BadFile` when a file of prices or
    rates is corrupt.
    """
    pieces, snapshots = list_pieces(month, zone), find_month_snapshots(month, root, zone=zone, version=version)
    stored = {(one.month, one.source): one for one in snapshots if one.dataset == LEDGER.dataset}
    sources = sort_sources({source for _other, source in stored})
    here = {one.source for one in snapshots if one.month == month}
    # Which other months were stored when a version was new, nobody knows.
    unstored = [] if version else sort_sources({*find_awaited(month, root)} - here)
    # Of a neighbour that is not stored the hours are missing already.
    looked = {one: look(one) for one, _other, _other in pieces if one == month or (one, LEDGER.name) in stored}
    lacking = explain_parts(pieces, stored, [one for one in sources if one not in unstored], looked, root)
    missing = (*dict.fromkeys(text for texts in lacking.values() for text in texts),)
    spent, told = read_spent(snapshots, root), filter(None, looked.values())
    notes = (*dict.fromkeys(one.text for one in told if not one.is_gap), *(spent.listed if spent else ()))
    calls = read_each_once(month, root, zone, snapshots, stored)
    kept, basis = calls.kept, calls.basis
    if spent:
        kept = [*kept, spent.rows.select(*USAGE.names, "source")]
        basis = name_rows(basis, snapshots, spent)
    rows = reduce(lambda one, other: one.union(other), kept) if kept else list_no_calls()
    doubts = calls.repeated, calls.same_ids, calls.lookalikes, calls.edges, missing, tuple(lacking), notes
    rules = load_pairs(root), tolerance or BillTolerance()
    return MonthUsage(
        month, zone, rows, snapshots, *doubts, *rules, root, look, spent and spent.rows,
        recorded_twice=calls.recorded_twice, unstored=tuple(unstored), basis=basis,
    )  # fmt: skip
