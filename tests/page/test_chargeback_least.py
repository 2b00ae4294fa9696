"""The headlines of a chargeback, and the letters out of it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from spend_samples import SEPTEMBER, call, store

from flexlib.front.chargeback import charge_month
from flexlib.front.chargeback_rules import ChargebackRules
from flexlib.front.spend import load_spend
from flexlib.page.chargeback import build_letter, show_charge_headlines


def test_what_calls_without_a_price_are_left_out_of_is_charged_at_least(tmp_path: Path) -> None:
    priced = {"amount_in_clp": Decimal(900), "metadata": json.dumps({"department": "Legal"})}
    of = {"metadata": json.dumps({"department": "Platform"})}
    store(
        tmp_path,
        "import",
        SEPTEMBER,
        *(call(f"p{number}", "2025-09-02T10:00:00", "1", **priced) for number in range(20)),
        call("b", "2025-09-02T10:00:00", "5", **of),
        call("c", "2025-09-02T10:00:00", None, model="mine", **of),
    )
    spend = load_spend(SEPTEMBER, SEPTEMBER, tmp_path, zone="UTC", names=False)
    made = charge_month(spend, "department", ChargebackRules())
    html = show_charge_headlines(made).render_html()
    assert '<dt>Charged <b class="bad">at least</b></dt><dd><small>US$</small>25.00</dd>' in html
    assert '<dt>In pesos <b class="bad">at least</b></dt>' in html
    assert "<dt>Charged to nobody</dt>" in html  # nothing is
    letters = {line.name: build_letter(made, line, [], with_total=True)[1].render_html() for line in made.parts}
    marked = '<dt>Charged <b class="bad">at least</b></dt>'
    assert {name: marked in html for name, html in letters.items()} == {"Legal": False, "Platform": True}
    assert '<dt>The whole month <b class="bad">at least</b></dt>' in letters["Legal"]
