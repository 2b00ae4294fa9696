"""The columns of a month's facts: what cost what on which day, of whom, a row each, to pivot on."""

from __future__ import annotations

from flexlib.i18n import mark_text
from flexlib.tables.definition import Column, Kind

FACT_COLUMNS = (
    Column("day", mark_text("Day"), Kind.DAY),
    Column("person", mark_text("Person")),
    Column("department", mark_text("Department")),
    Column("model", mark_text("Model")),
    Column("provider", mark_text("Who bills")),
    Column("charge", mark_text("Charge")),
    Column("requests", mark_text("Calls"), Kind.COUNT),
    Column("flex_credits", mark_text("Flex credits"), Kind.CREDITS),
    Column("plan_credits", mark_text("Plan credits"), Kind.CREDITS),
    Column("usd", mark_text("US$"), Kind.USD),
    Column("clp", mark_text("CLP"), Kind.CLP),
)
"""Credits are hundredths. An empty cell is not known, or of another kind of charge."""
