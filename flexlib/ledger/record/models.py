"""What each recorded model is called, kept in the database, whose triggers count limits of models by it."""

from __future__ import annotations

from collections.abc import Iterable

from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import MODELS


def ensure_models(ledger: Ledger, models: Iterable[str]) -> None:
    """Sees to it, once in a process, that the database knows what each model is called; safe in many at once."""
    new = {*models} - ledger.models
    if not new:
        return
    place = "?" if ledger.backend == "sqlite" else "%s"
    ask = f"SELECT 1 FROM {MODELS} WHERE model = {place}"  # noqa: S608
    insert = f"INSERT INTO {MODELS} (model, name) VALUES ({place}, {place}) ON CONFLICT DO NOTHING"  # noqa: S608
    with ledger.connect() as connection:
        for one in sorted(new):
            if connection.execute(ask, (one,)).fetchone() is None:
                from flexlib.money.price_book import name_model  # the price lists, which most calls do not need

                connection.execute(insert, (one, name_model(one)))
    ledger.models |= new
