"""What a company's language models cost, and the proof."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month, Span
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType

if TYPE_CHECKING:
    from flexlib.ledger.read.scopes import usage
    from flexlib.ledger.record.recording import record_direct_usage, record_many, record_openrouter_usage, record_usage

__all__ = [
    "LlmProvider",
    "LlmProxy",
    "LlmTaskType",
    "Month",
    "Span",
    "__version__",
    "record_direct_usage",
    "record_many",
    "record_openrouter_usage",
    "record_usage",
    "usage",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """The ledger's functions, imported when first asked for: whoever only reads reports needs no database."""
    if name in __all__:
        return getattr(import_module("flexlib.ledger"), name)
    raise AttributeError(f"module 'flexlib' has no attribute {name!r}")
