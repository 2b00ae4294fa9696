"""What was counted held against what was billed, provider by provider: which of the two is the spend, and whether they
agree.

Of each provider, who sends the bill: counted + not counted - not billed + priced otherwise - outside the bill = billed,
to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flexlib.commands import write_command
from flexlib.formats import format_amount, format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.money.unit_prices import EXACT
from flexlib.proof import Problem, State
from flexlib.senders import name_provider
from flexlib.spend.billed import ZERO, sum_known
from flexlib.spend.differences import Difference

SEE_SPEND = mark_text(", and flexlib spend lists them.")


@dataclass(frozen=True)
class ProviderBill:
    """One provider's month."""

    provider: str
    counted_usd: Decimal | None
    """What the calls cost by themselves or their prices; None where no call has an amount."""
    billed_usd: Decimal | None
    """None: no bill, or none in dollars or with a rate."""
    spend_usd: Decimal | None
    """The bill where there is one, and the count of the days that it does not cover; else the count."""
    spend_clp: Decimal | None
    """The same in pesos, as far as it is known; None where nothing of it is."""
    requests: int
    unpriced_requests: int
    is_at_least: bool
    """Whether something of the spend is not known."""
    first: date | None = None
    last: date | None = None
    """The days that the bill covers."""
    unconverted: tuple[tuple[str, Decimal], ...] = ()
    """What is billed in a currency without a rate: it is in no sum."""
    unrated_days: tuple[tuple[str, date], ...] = ()
    """Each currency with the days of which it lacks a rate: those on which what is billed begins."""
    unexplained_usd: Decimal = ZERO
    """The size of the differences that neither a credit, a tax nor the list price explains; none cancels another."""
    doubtful_usd: Decimal = ZERO
    """How much of what was counted the fees of a bill without a line of usage may pay for: then it is in twice."""
    may_bill: tuple[str, ...] = ()
    """Providers without a bill whose calls this one, of a sender that has none by its own name, may be for."""
    requests_at_least: bool = False
    """Whether some of the calls are sums of an unknown number, each of which `requests` has as one, or nobody counted
    any beside the bill."""
    requests_without_clp: int = 0
    """Calls that those pesos lack; of a bill that they lack, all of its calls where each of them has pesos, 1 without
    any."""
    calls_without_clp: int = 0
    """Of those the calls that have no pesos themselves."""
    is_unrated: bool = False
    """Whether those pesos lack something that is billed in dollars, for want of a rate of its day."""
    is_reconciled: bool = True
    """Whether those are within the tolerance, and nothing may stand in two providers."""

    @property
    def difference_usd(self) -> Decimal | None:
        """How much more was billed than counted; None where either is not known."""
        if self.billed_usd is None or self.counted_usd is None:
            return None
        return EXACT.subtract(self.billed_usd, self.counted_usd)

    @property
    def is_without_calls(self) -> bool:
        """Whether a bill is all that is known of it."""
        return not self.requests and (self.billed_usd is not None or bool(self.unconverted))

    @property
    def calls(self) -> int | None:
        """`requests`, but None where a bill is all that is known of it: then nobody counted its calls."""
        return None if self.is_without_calls else self.requests

    @property
    def basis(self) -> str:
        """What the spend is: `bill`, `count`, or `bill and count` of the days that the bill does not cover."""
        return "count" if self.billed_usd is None else "bill" if self.spend_usd == self.billed_usd else "bill and count"


@dataclass(frozen=True)
class MonthBills:
    """What a month's providers counted and billed."""

    providers: tuple[ProviderBill, ...]
    """Who cost most stands first."""
    differences: tuple[Difference, ...]
    """By provider, day and model."""

    @property
    def spend_usd(self) -> Decimal | None:
        """The sum of the providers' spend; None where nothing is known."""
        return sum_known(one.spend_usd for one in self.providers)

    @property
    def spend_clp(self) -> Decimal | None:
        """The same in pesos, as far as it is known; None where nothing of it is."""
        return sum_known(one.spend_clp for one in self.providers)

    @property
    def is_at_least(self) -> bool:
        return any(one.is_at_least for one in self.providers)

    @property
    def calls(self) -> int | None:
        """Those that were counted; None where a bill is all that is known."""
        known = [one.calls for one in self.providers if one.calls is not None]
        return sum(known) if known or not self.providers else None

    @property
    def lacks_calls(self) -> bool:
        """Whether of some provider a bill is all that is known."""
        return any(one.calls is None for one in self.providers)

    @property
    def calls_at_least(self) -> bool:
        return any(one.requests_at_least for one in self.providers)

    @property
    def requests_without_clp(self) -> int:
        """Calls that the pesos lack, as of each provider."""
        return sum(one.requests_without_clp for one in self.providers)

    @property
    def calls_without_clp(self) -> int:
        """Of those the calls that have no pesos themselves."""
        return sum(one.calls_without_clp for one in self.providers)

    @property
    def has_bills(self) -> bool:
        """Whether any provider sent a bill."""
        return any(one.billed_usd is not None or one.unconverted for one in self.providers)

    def list_problems(self) -> list[Problem]:
        """Why the spend is not whole or not certain: each with the state that it makes, and a sentence."""
        problems: list[Problem] = []
        for one in self.providers:
            name, doubt = name_provider(one.provider), ""
            if one.may_bill:
                doubt = _(
                    "{name}: US$ {billed} was billed, and calls of {others} were counted, which no bill names; if it "
                    "pays for those, both are in the spend. Import the bill again with --bills {option} if it does, "
                    "with --bills other if it does not."
                ).format(
                    name=name,
                    billed=_write(one.billed_usd),
                    others=", ".join(one.may_bill),
                    option=",".join(one.may_bill),
                )
            elif one.doubtful_usd and not one.is_reconciled:
                billed, counted = map(_write, (one.billed_usd, one.counted_usd))
                doubt = _(
                    "{name}: US$ {billed} was billed without a line for usage, and US$ {counted} counted; if it pays "
                    "for those calls, both are in the spend. Import the bill again with --bills calls if it does, with "
                    "--bills other if it does not."
                ).format(name=name, billed=billed, counted=counted)
            elif not one.is_reconciled:
                billed, counted, gap = map(_write, (one.billed_usd, one.counted_usd, one.unexplained_usd))
                doubt = _(
                    "{name}: US$ {billed} was billed and US$ {counted} counted; differences of US$ {gap} are "
                    "unexplained"
                ).format(name=name, billed=billed, counted=counted, gap=gap) + _(SEE_SPEND)
            problems += [(State.UNRECONCILED, doubt)] * bool(doubt)
            problems += [
                (
                    State.GAP,
                    _(
                        "{name}: {currency} {amount} was billed but is in no total, because no rate is stored; "
                        "{advice}."
                    ).format(
                        name=name,
                        currency=currency,
                        amount=_write(amount),
                        advice=_advise_rates(currency, [day for code, day in one.unrated_days if code == currency]),
                    ),
                )
                for currency, amount in one.unconverted
            ]
        return problems


def _advise_rates(currency: str, days: list[date]) -> str:
    first, *others = days
    command = write_command(f"flexlib fx set {first} VALUE --pair {currency}/USD --source TEXT")
    said = _("run: {command}")
    if others:
        said = translate_count(
            "run: {command}, and so for {count} more day to {last}, or bring all with flexlib fx import FILE",
            "run: {command}, and so for {count} more days to {last}, or bring all with flexlib fx import FILE",
            len(others),
        )
    return said.format(command=command, count=format_number(len(others)), last=others[-1] if others else "")


def _write(amount: Decimal | None) -> str:
    return _("nothing") if amount is None else format_amount(amount)
