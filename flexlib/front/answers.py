"""What a month's page answers first, from all that is stored: why it changed, where it will end, what is unusual."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from flexlib.analysis.budgets import BudgetLine
from flexlib.analysis.savings import Saving, suggest_variant
from flexlib.front.anomalies import MonthAnomalies, find_unusual_days
from flexlib.front.budget_lines import list_lines
from flexlib.front.budgets import BudgetCheck, check_budgets
from flexlib.front.compare import Comparison, compare_before
from flexlib.front.events import list_holidays, read_planned
from flexlib.front.forecast import MonthForecast, forecast_running
from flexlib.front.spend import Spend
from flexlib.front.what_if_credits import read_multipliers
from flexlib.money.fx import Rates
from flexlib.setting_values import seek
from flexlib.store.budgets import read_budgets
from flexlib.store.fx import load_rates
from flexlib.store.pseudonyms import place_people


@dataclass(frozen=True)
class Answers:
    """The answers to the last month that is loaded, each found when it is asked for."""

    spend: Spend
    of: str
    """`credits` or `usd`."""
    country: str = ""
    """Whose holidays are days like each other; empty: none."""
    share: bool = False
    """Whether everybody may see them: no budget of a few people, see `keep_shared`."""

    @cached_property
    def holidays(self) -> list[date]:
        """Those of the month and of the years around it."""
        year = self.spend.span.months[-1].year
        return list_holidays(self.country, (year - 2, year + 1))

    @cached_property
    def rates(self) -> Rates:
        """The kept exchange rates of the dollar in pesos."""
        return load_rates(self.spend.root)

    @cached_property
    def comparison(self) -> Comparison | None:
        """With the month before, see `compare_before`."""
        return compare_before(self.spend, self.of)

    @cached_property
    def outlook(self) -> MonthForecast | None:
        """Of a month that is running, see `forecast_running`."""
        return forecast_running(self.spend, self.of, self.holidays)

    @cached_property
    def unusual(self) -> MonthAnomalies | None:
        """Days far above their weekday; those named in `params/events.yaml` as planned."""
        return find_unusual_days(self.spend, self.of, read_planned())

    @cached_property
    def saving(self) -> Saving | None:
        """What the month's credits suggest to try, by the figures of `flexlib what-if`."""
        rows, multipliers, __ = read_multipliers(self.spend)
        return suggest_variant(rows, multipliers)

    @property
    def budgets(self) -> list[BudgetLine]:
        """The budgets in the page's unit, of money in pesos, too; those of people by name only where names are. Raises
        `BadFile`."""
        made = self._checked
        if made is None:
            return []
        with place_people(names=self.spend.names):
            return list_lines(made, names=self.spend.names)

    @property
    def left_out(self) -> int:
        """How many of them are not there because the page is for everybody to see."""
        return self._checked.left_out if self._checked else 0

    @cached_property
    def _checked(self) -> BudgetCheck | None:
        seek("budgets")
        spend, units = self.spend, ("flex_credits",) if self.of == "credits" else ("usd", "clp")
        asked = [one for one in (read_budgets(spend.budgets) if spend.budgets else []) if one.unit in units]
        if not asked:
            return None
        with place_people(names=spend.names):
            return check_budgets(
                spend.span.months[-1], spend.root, asked, holidays=self.holidays, zone=spend.zone,
                tolerance=spend.tolerance, look=spend.look, roster=spend.roster, share=self.share,
            )  # fmt: skip
