"""The tables of `flexlib what-if` in Spanish: every word of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from flexlib.analysis.discounts import DISCOUNTS
from flexlib.front.scores import Scores
from flexlib.i18n import use_language
from flexlib.tables.what_if import table_discounts, table_tasks


def test_a_discount_has_its_name_in_the_readers_language() -> None:
    same = ("text", "openai", "gpt-5", None, 30, Decimal(9), Decimal(3))
    frame = pd.DataFrame([("batch", *same, None, None), ("cache", *same, Fraction(1, 5), Fraction(4, 5))],
                         columns=[*DISCOUNTS])  # fmt: skip
    assert [row["discount"] for row in table_discounts(frame).rows] == ["batch", "cache"]
    use_language("es")
    assert [row["discount"] for row in table_discounts(frame).rows] == ["lote", "caché"]


def test_what_scores_say_is_in_the_readers_language() -> None:
    day = date(2025, 10, 3)
    scores = Scores("s.csv", {"a": (day, (0.1, 0.2)), "b": (day, (0.3, 0.4)), "c": (day, (0.15, 0.35))})
    use_language("es")
    said = [scores.compare(*pair) for pair in (("b", "a"), ("a", "b"), ("a", "c"), ("a", "z"))]
    assert said == ["más bajo", "más alto", "no se distingue", None]


def test_a_phone_says_of_each_amount_which_task_it_is_of() -> None:
    route = {"to_provider": "openai", "to_proxy": None, "calls": 9, "now_usd": Decimal(1), "unpriced_calls": 0}
    lines = [("embedding", "text-embedding-3-small", "0.05", "0.05"), ("text", "gpt-4.1-nano", "35.42", "68.92")]
    frame = pd.DataFrame(
        [
            {"task_type": task, "to_model": model, "usd": Decimal(low), "low_usd": Decimal(low),
             "high_usd": Decimal(high), **route}
            for task, model, low, high in lines
        ]
    )  # fmt: skip
    table = table_tasks(frame)
    shown = [column.key for column in table.columns if not column.is_optional]
    assert [[row[key] for key in shown] for row in table.rows] == [
        ["embedding", "text-embedding-3-small", "0.05"],
        ["text", "gpt-4.1-nano", "35.42–68.92"],  # noqa: RUF001
    ]
