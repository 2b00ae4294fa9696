"""What a company's language models cost, and the proof."""

from flexlib.month import Month, Span

__all__ = ["Month", "Span", "__version__"]

__version__ = "0.1.0"
