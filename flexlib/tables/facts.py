"""The columns of a month's facts: what cost what on which day, of whom, a row each, to pivot on."""

from __future__ import annotations

from flexlib.tables.definition import Column, Kind

FACT_COLUMNS = (
    Column("day", "Day", Kind.DAY),
    Column("person", "Person"),
    Column("department", "Department"),
    Column("model", "Model"),
    Column("provider", "Who bills"),
    Column("charge", "Charge"),
    Column("requests", "Calls", Kind.COUNT),
    Column("flex_credits", "Flex credits", Kind.CREDITS),
    Column("plan_credits", "Plan credits", Kind.CREDITS),
    Column("usd", "US$", Kind.USD),
    Column("clp", "CLP", Kind.CLP),
)
"""Credits are hundredths. An empty cell is not known, or of another kind of charge."""
