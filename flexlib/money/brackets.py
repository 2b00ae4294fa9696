"""Rows that sum many calls, and prices that depend on how long one call is: what their sum and number tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


FAR_BELOW = 10
"""A sum of calls is priced as short ones where their mean is this many times below the long ones' threshold: of calls
alike none is long then, and what long ones among them could cost more is said beside the total."""

Tokens = TypeVar("Tokens", int, "npt.NDArray[np.int64]")


def choose_bracket(prompt_tokens: Tokens, requests: Tokens) -> Tokens:
    """The prompt tokens whose price bracket holds for a row: its own for a call, the lowest for a sum of calls.

    `requests`: how many calls the row sums, 1 or more, 0 where nobody says. Numbers or arrays of them.
    """
    chosen: Tokens = prompt_tokens * (requests == 1)
    return chosen


def may_be_long(prompt_tokens: Tokens, requests: Tokens, threshold: Tokens) -> Any:  # noqa: ANN401 (bool or array)
    """Whether some call of a sum may have more prompt tokens than `threshold`, as far as their sum and number tell.

    None has where all of them together have not. Else only a mean far below says so.
    """
    mean = -(-prompt_tokens // (requests + (requests == 0)))  # it may be one call where nobody says
    return (requests != 1) & (prompt_tokens > threshold) & (mean > threshold // FAR_BELOW)
