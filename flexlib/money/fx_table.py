"""Rates and pesos for whole tables, to the digit what one amount alone becomes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.money.fx import VALUE_DECIMALS, Rates, find_rate

CLP = pa.decimal128(20, 4)
VALUE = pa.decimal128(6 + VALUE_DECIMALS, VALUE_DECIMALS)

CONVERTED = pa.schema(
    [
        pa.field("amount_in_clp", CLP),  # null: no amount in USD, or no rate of that day
        pa.field("rate", VALUE),  # pesos for a dollar; null: no rate of that day
        pa.field("rate_day", pa.date32()),  # the day of the observation, that of the row or the last before it
        pa.field("rate_source", pa.string()),
    ]
)
"""What `convert_rows` says of each row."""


def convert_rows(rows: pa.Table, rates: Rates) -> pa.Table:
    """Pesos for many amounts, a row each in the order of `rows`, columns `CONVERTED`.

    `rows`: the columns `created_at` (UTC) and `amount_in_usd` of the usage schema. Each hour of the table is looked up
    once: Santiago's clocks have stood at whole hours from UTC since 1947.
    """
    moments = pc.cast(rows["created_at"].combine_chunks(), pa.timestamp("us"))
    hours = pc.floor_temporal(moments, unit="hour").dictionary_encode()
    found = [find_rate(rates, hour) for hour in hours.dictionary.to_pylist()]
    value = pa.array([one and one.value for one in found], VALUE).take(hours.indices)
    amount = pc.multiply(rows["amount_in_usd"].combine_chunks(), value)
    columns = [
        pc.round(amount, ndigits=4, round_mode="half_to_even").cast(CLP),
        value,
        pa.array([one and one.day for one in found], pa.date32()).take(hours.indices),
        pa.array([one and one.source for one in found], pa.string()).take(hours.indices),
    ]
    return pa.table(columns, schema=CONVERTED)
