"""What a company's language models cost, and the proof."""

from __future__ import annotations

import importlib as _importlib

TYPE_CHECKING = False  # of `typing`, which takes as long to import as all the rest that an application waits for here
if TYPE_CHECKING:
    from typing import Any as _Any

    import pandas as _pd

    from flexlib.dates import Month, Span
    from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
    from flexlib.errors import LimitReached
    from flexlib.front.spend import Spend
    from flexlib.ledger.guard.hold import allow, hold
    from flexlib.ledger.read.scopes import usage
    from flexlib.ledger.record.recording import record_direct_usage, record_many, record_openrouter_usage, record_usage
del TYPE_CHECKING

__all__ = [
    "LimitReached",
    "LlmProvider",
    "LlmProxy",
    "LlmTaskType",
    "Month",
    "Span",
    "__version__",
    "allow",
    "hold",
    "load",
    "months",
    "record_direct_usage",
    "record_many",
    "record_openrouter_usage",
    "record_usage",
    "usage",
]

__version__ = "0.2.0"

_HOMES = {
    **dict.fromkeys(("Month", "Span"), "flexlib.dates"),
    **dict.fromkeys(("LlmProvider", "LlmProxy", "LlmTaskType"), "flexlib.enums"),
    "LimitReached": "flexlib.errors",
    **dict.fromkeys(("allow", "hold"), "flexlib.ledger.guard.hold"),
    **dict.fromkeys(
        ("record_direct_usage", "record_many", "record_openrouter_usage", "record_usage", "usage"), "flexlib.ledger"
    ),
}
_MODULES = ("analysis", "ledger", "page", "spend", "store")


def months() -> _pd.DataFrame:
    """Every stored month: `month`, its sources of `credits`, `usage` and `charges`, the `state` of all of them together
    (that of `flexlib spend`), `read_at` (UTC).

    >>> import flexlib as fl
    >>> fl.months()[["month", "credits", "usage", "state"]]
         month   credits   usage     state
    0  2025-08  windsurf            COMPLETE
    1  2025-09  windsurf  import  COMPLETE
    """
    from flexlib.front.months import find_data, find_look, list_run_cells, list_stored_months
    from flexlib.settings import load_settings
    from flexlib.store.cache import choose_cache

    settings = load_settings()
    choose_cache(settings.cache_url)
    data = find_data(settings)
    look = find_look(settings, data, in_notebook=bool(list_run_cells()))
    return list_stored_months(data, settings.bill_tolerance, look)


def load(
    first: str | Month, last: str | Month | None = None, *, zone: str = "UTC", names: bool = False, lang: str = ""
) -> Spend:
    """What was spent in a month such as `2025-09`, or from the `first` to the `last`: totals, sums by anything, rows.

    `zone`: whose days and months, such as `America/Santiago`. People stand under pseudonyms unless `names`. `lang`: in
    which language tables, charts and sentences are from here on, `en` or `es`; empty: FLEXLIB_LANG's. Raises
    `SnapshotMissing`, with the command that stores it, where nothing is stored; of several months, those that are not
    stored are named in `missing`. In a notebook that papermill gave a parameter it does not have: `BadParameter`.

    >>> import flexlib as fl
    >>> sep = fl.load("2025-09")
    >>> sep.state
    <State.COMPLETE: 'COMPLETE'>
    >>> sep.missing
    ('46 calls without a price: not in the total in US$.', '46 calls without pesos: not in the total in CLP.')
    >>> sep.total("flex_credits")
    Decimal('9961.00')
    """
    from dataclasses import replace

    from flexlib.front.months import check_injected, find_data, find_look, list_run_cells
    from flexlib.front.spend import load_spend
    from flexlib.i18n import LANGUAGES, use_language
    from flexlib.setting_values import read_choice
    from flexlib.settings import load_settings
    from flexlib.store.cache import choose_cache

    check_injected(cells := list_run_cells())
    settings = load_settings()
    choose_cache(settings.cache_url)
    use_language(read_choice("lang", lang, LANGUAGES) if lang else settings.language)
    data, tolerance = find_data(settings), settings.bill_tolerance
    look = find_look(settings, data, in_notebook=bool(cells))
    loaded = load_spend(first, last, data, zone=zone, names=names, tolerance=tolerance, look=look,
                        roster=settings.organization)  # fmt: skip
    return replace(loaded, budgets=settings.budgets)


def __getattr__(name: str) -> _Any:  # noqa: ANN401
    """What is imported when first asked for: whoever records calls needs no reports, whoever reads no database."""
    if name in _HOMES:
        return getattr(_importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return _importlib.import_module(f"flexlib.{name}")
    raise AttributeError(f"module 'flexlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
