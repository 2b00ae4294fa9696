"""Title, badge and headline numbers in every state of the certificate: a month that is not whole says so first."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from report_samples import SEPTEMBER, THINKING, certify, make_rows, read_words

from flexlib import analysis as aggregate
from flexlib.certificate import CreditsCertificate, State
from flexlib.checks import Check
from flexlib.money.credit_prices import CreditCost, CreditPrice, CreditPrices
from flexlib.money.fx import Rates
from flexlib.page.credits.sections import show_headlines, show_title
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import Heading, show_beside, show_section
from flexlib.schema import CREDITS
from flexlib.spend.windsurf import credits_as_usage
from flexlib.store.credit_prices import load_credit_prices
from flexlib.tables.credits import price_by_day

ROWS = make_rows([(2, "ana", THINKING, 100, 100_000), (15, "ben", THINKING, 0, 20_050), (15, "cy", THINKING, 0, 0)])
BEFORE = make_rows([(1, "ana", THINKING, 0, 100_000)], SEPTEMBER.previous)

PEOPLE = {"key-1": {"name": "Ana", "email": "ana@example.com"}, "key-2": {"name": "", "email": "ben@example.com"}}

STATES: dict[State, CreditsCertificate] = {
    State.COMPLETE: certify(ROWS),
    State.PROVISIONAL: certify(ROWS, read_at=datetime(2025, 10, 1, 2, 30, tzinfo=timezone.utc)),
    State.UNRECONCILED: certify(ROWS, sums=Check("differs", "rows against the sum", 3, "the sum holds 12.00 more")),
    State.GAP: certify(ROWS, users_failed=2, failed_users=("key-1", "key-2"), quarantined_rows=1),
}


LISTED = load_credit_prices(Path("/nowhere"))


def price_rows(rows: pd.DataFrame, prices: CreditPrices = LISTED) -> CreditCost:
    return price_by_day(aggregate.credits_by_day(rows, SEPTEMBER.span), prices)


def show_numbers(
    certificate: CreditsCertificate, before: pd.DataFrame | None = BEFORE, cost: CreditCost | None = None
) -> dict[str, str]:
    """Each headline and what stands under it."""
    statistics_before = None if before is None else aggregate.credits_statistics(before)
    certificate_before = None if before is None else certify(before, month=SEPTEMBER.previous)
    html = show_headlines(
        aggregate.credits_statistics(ROWS), certificate, cost or price_rows(ROWS), statistics_before, certificate_before
    ).text
    cards = re.findall(r"<dt>(.*?)</dt>(.*?)</div>", html)
    return {read_words(name): read_words(rest) for name, rest in cards}


@pytest.mark.parametrize(
    ("state", "badge", "colour"),
    [
        (State.COMPLETE, "✓ Complete", "good"),
        (State.PROVISIONAL, "… Provisional", "warn"),
        (State.UNRECONCILED, "≠ Unreconciled", "bad"),
        (State.GAP, "! Gap", "bad"),
    ],
)
def test_the_badge_says_the_state_in_word_sign_and_colour_and_leads_to_the_proof(
    state: State, badge: str, colour: str
) -> None:
    certificate = STATES[state]
    assert certificate.state is state
    html = show_title("Flex credits", certificate).text
    assert f'<a class="flex-badge {colour}" href="#proof"><b>{badge}</b>' in html
    assert ('<div class="flex-alert' in html) is (state is not State.COMPLETE)


@pytest.mark.parametrize(
    ("state", "sentences"),
    [
        (State.COMPLETE, []),
        (
            State.PROVISIONAL,
            [
                "It was read on 1 Oct 2025, 02:30 UTC, before the server had settled the last day: "
                "the total may still grow."
            ],
        ),
        (State.UNRECONCILED, ["The rows and the server's own sum: the sum holds 12.00 more."]),
        (
            State.GAP,
            [
                "2 people of 5,930 could not be read; what they spent is in no number here "
                "(flexlib certificate --year 2025 --month 9 lists their keys).",
                "1 row of the answers could not be understood or counted; raw/ beside the month keeps them.",
            ],
        ),
    ],
)
def test_what_is_missing_stands_first(state: State, sentences: list[str]) -> None:
    html = show_title("Flex credits", STATES[state]).text
    assert [read_words(item) for item in re.findall(r"<li>(.*?)</li>", html)] == sentences


def test_who_failed_is_named_only_with_names_and_a_key_never() -> None:
    plain, named = (show_title("Flex credits", STATES[State.GAP], people).text for people in (None, PEOPLE))
    assert "in no number here (Ana, ben@example.com)." in named
    assert "Ana" not in plain
    assert "key-1" not in plain + named


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        (State.COMPLETE, "Flex credits"),
        (State.PROVISIONAL, "Flex credits so far"),
        (State.UNRECONCILED, "Flex credits"),
        (State.GAP, "Flex credits at least"),
    ],
)
def test_a_total_that_is_not_final_is_marked(state: State, headline: str) -> None:
    assert next(iter(show_numbers(STATES[state]))) == headline


def test_made_up_data_is_said_in_the_title_and_real_data_is_not() -> None:
    demo, real = (read_words(show_title("Flex credits", certify(ROWS, demo=demo)).text) for demo in (True, False))
    assert "Flex credits September 2025 Demo data" in demo
    assert "Flex credits September 2025" in real
    assert "Demo" not in real


def test_the_headlines_stand_beside_what_they_are_measured_against() -> None:
    assert show_numbers(STATES[State.COMPLETE]) == {
        "Flex credits": "1,200.50 ▲ +20.1 % vs August",
        "At list price": "US$ 48 US$ 0.04 a credit",
        "People with use": "3 August: 1",
        "Days of flex use": "2 of 30 first on 2 Sep",
        "Highest day": "2 Sep 1,000.00 credits",
        "Prompt credits": "1.00 none in August",
    }


@pytest.mark.parametrize(
    ("file", "card"),
    [
        (None, ("At list price", "US$ 48 US$ 0.04 a credit")),  # 1,200.50 * 0.04 = 48.02
        (",,0.03,contract", ("At your price", "US$ 36 US$ 0.03 a credit")),  # 36.015
        (
            "2025-09-10,,0.03,contract",
            ("At your price and list price", "US$ 46 US$ 0.03 to 0.04 a credit, 1 day at the list price"),  # 40 + 6.015
        ),
    ],
)
def test_credits_cost_on_their_page_what_they_cost_in_the_months_spend(
    tmp_path: Path, file: str | None, card: tuple[str, str]
) -> None:
    if file:
        (tmp_path / "prices").mkdir()
        (tmp_path / "prices" / "windsurf_credits.csv").write_text(f"from,until,usd_per_credit,source\n{file}\n")
    prices = load_credit_prices(tmp_path)
    cost = price_rows(ROWS, prices)
    assert card in show_numbers(STATES[State.COMPLETE], cost=cost).items()
    spend = credits_as_usage(pa.Table.from_pandas(ROWS[CREDITS.names], CREDITS, preserve_index=False), prices, Rates())
    assert pc.sum(spend["amount_in_usd"]).as_py() == cost.usd


def test_a_cost_that_is_not_known_is_a_dash_and_no_zero() -> None:
    numbers = show_numbers(STATES[State.COMPLETE], cost=price_rows(ROWS, ()))
    assert numbers["At list price"] == "– no price is known for some of the days"


def test_without_a_month_before_there_is_a_dash_and_the_reason() -> None:
    numbers = show_numbers(STATES[State.COMPLETE], before=None)
    assert numbers["Flex credits"] == "1,200.50 August is not stored, so nothing to compare with"
    assert numbers["People with use"] == "3 August is not stored, so nothing to compare with"


def test_a_month_that_is_not_over_is_not_compared_with_a_whole_one() -> None:
    certificate = certify(ROWS, read_at=datetime(2025, 9, 16, tzinfo=timezone.utc))
    numbers = show_numbers(certificate)
    assert numbers["Flex credits so far"] == "1,200.50 – August: 1,000.00"
    assert numbers["Days of flex use"] == "2 of 16 first on 2 Sep"


def test_of_a_month_with_a_gap_no_change_is_stated_as_on_every_other_page() -> None:
    assert show_numbers(STATES[State.GAP])["Flex credits at least"] == "1,200.50 – August: 1,000.00"
    more = make_rows([(1, "ana", THINKING, 0, 200_000)], SEPTEMBER.previous)
    assert show_numbers(STATES[State.GAP], more)["Flex credits at least"] == "1,200.50 – August: 2,000.00"


def test_a_month_without_flex_credits_has_no_highest_day() -> None:
    rows = make_rows([(2, "ana", THINKING, 100, 0)])
    html = show_headlines(aggregate.credits_statistics(rows), certify(rows), price_rows(rows)).text
    words = read_words(html)
    assert "Highest day – none" in words
    assert "0 of 30 none" in words


def test_days_that_a_contract_leaves_to_the_list_stand_under_the_money() -> None:
    rows = make_rows([(2, "ana", THINKING, 0, 100), (20, "ana", THINKING, 0, 100), (21, "ana", THINKING, 0, 100)])
    own = CreditPrice(date.min, date(2025, 9, 15), Decimal("0.02"), "ours", is_own=True)
    cost = price_rows(rows, (own, *LISTED))
    assert show_numbers(certify(rows), cost=cost)["At your price and list price"].endswith(
        "US$ 0.02 to 0.04 a credit, 2 days at the list price"
    )
    assert "at the list price" not in show_numbers(certify(rows))["At list price"]


def test_a_section_stands_under_its_finding_as_text() -> None:
    section = show_section(Heading("A <b> & c", "note"), Html("chart-x", "<p>x</p>"))
    assert section.text == (
        '<section class="flex-section"><h2>A &lt;b&gt; &amp; c</h2><p class="lede">note</p>\n<p>x</p></section>'
    )
    assert repr(section) == "<html chart-x>"
    assert repr(show_beside(section, section)) == "<html chart-x, chart-x>"
