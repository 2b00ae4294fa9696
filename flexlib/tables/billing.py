"""A chargeback as rows for a program that bills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flexlib.analysis.allocation import Rule
from flexlib.analysis.chargeback import DIRECT, UNITS, ChargeLine
from flexlib.tables.definition import Column, Kind, Table


def table_billing(lines: Sequence[ChargeLine], items: Sequence[str], level: str, month: str,
                  rules: Mapping[str, Rule]) -> Table:  # fmt: skip
    """A row for each line and item, for a program that bills: amounts as they are charged, which sum to the rounded
    whole, and exact ones, which sum to the last digit."""
    rows = [
        {
            "month": month, "level": level, "line": line.name, "kind": line.key.kind.name.lower(), "item": name,
            "rule": str(rules[name]) if name in rules else "",
            **line.charged[name],
            **{f"{unit}_exact": amount for unit, amount in line.items[name].items()},
            "unpriced_requests": line.count_lacking("usd") if name == DIRECT else 0,
            "unconverted_requests": line.count_lacking("clp") if name == DIRECT else 0,
            "lacks": " ".join(sorted(line.lacks)) if name == DIRECT else "",
        }
        for line in lines
        for name in items
        if name in line.items
    ]  # fmt: skip
    columns = [
        *(Column(name, name) for name in ("month", "level", "line", "kind", "item", "rule")),
        *(Column(unit, unit, Kind.USD) for unit in (*UNITS, "usd_exact", "clp_exact")),
        *(Column(name, name, Kind.COUNT) for name in ("unpriced_requests", "unconverted_requests")),
        *(Column(name, name) for name in ("lacks",)),
    ]
    return Table("table-billing", "Items for billing", columns, rows)
