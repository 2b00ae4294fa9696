"""The routes that ask for people: one a request, or many at once in batches whose size adapts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from flexlib.dates import Span
from flexlib.errors import RouteRefused, ServerRefused
from flexlib.i18n import _
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.wire import ApiRequest, ask_users
from flexlib.stored_notes import NO_SOURCE

LARGEST_BATCH = 256
BAD_RUN = 4
"""So many failed batches one after the other mean that the size is the trouble."""
GONE = ("invalid query table", "HTTP 404", "HTTP 405", "HTTP 410")


def is_gone(refused: str) -> bool:
    """Whether the server's no means that the data source itself is no longer there."""
    return any(sign in refused for sign in GONE)


def ask_batches(client: Client, users: Sequence[str], span: Span, size: int) -> Iterator[ApiResponse]:
    """Replies that cover each of `users` once: good ones, and a failed one for each single user who failed.

    A batch that fails is halved. `size` 0 means: spread over the workers. Raises `RouteRefused` when the data source
    is gone, `ServerRefused` when the server says no to a single user.
    """
    limit = size or _spread(len(users), client.workers)
    asks = deque(_cut(users, span, limit))
    bad_run = 0
    for reply in client.ask_all(asks):
        batch = reply.ask.users
        if reply.refused and is_gone(reply.refused):
            raise RouteRefused(_(NO_SOURCE).format(refused=reply.refused), gone=True)
        if reply.is_good or (reply.failed and len(batch) == 1):
            bad_run = 0
            yield reply
        elif len(batch) == 1:
            raise ServerRefused(
                _(
                    "{base_url} refused to answer for the user {batch} ({refused}). Try another --route, or ask "
                    "the vendor's support what this user's data lacks."
                ).format(base_url=client.base_url, batch=batch[0], refused=reply.refused)
            )
        else:
            bad_run += 1
            half = math.ceil(len(batch) / 2)
            if (reply.refused or bad_run >= BAD_RUN) and half < limit:
                limit, bad_run = half, 0
                queued = [user for ask in asks for user in ask.users]
                asks.clear()
                asks.extend(_cut(queued, span, limit))
            asks.extendleft(_cut(batch, span, half))


def _cut(users: Sequence[str], span: Span, size: int) -> Iterable[ApiRequest]:
    return (ask_users(users[start : start + size], span) for start in range(0, len(users), size))


def _spread(users: int, workers: int) -> int:
    """The batch size that keeps every worker busy for as few rounds as the largest batch allows."""
    rounds = math.ceil(users / (workers * LARGEST_BATCH)) or 1
    return math.ceil(users / (workers * rounds)) or 1
