"""Makes the fixture anew: two months of a small made-up company, fetched from the demo server by the real fetch, and
the made-up calls of `calls.csv`.

Run it as `python tests/make_fixture.py` when the schema changes, then `make refresh`.
"""

import shutil
from datetime import datetime, timezone
from pathlib import Path

from flexlib import Month
from flexlib.demo.process import demo_server
from flexlib.settings import Settings
from flexlib.sources.calls import CallMapping
from flexlib.update.credits import update_credits
from flexlib.update.usage import import_usage

DATA = Path(__file__).parent / "data"
FIXTURE = DATA / "fixture"
USERS = "600"
IMPORTED_AT = datetime(2025, 10, 3, 6, tzinfo=timezone.utc)

CALLS = CallMapping(
    created_at="time",
    provider_column="provider",
    model_column="model",
    proxy_column="proxy",
    task_type_column="task_type",
    prompt_tokens="prompt_tokens",
    completion_tokens="completion_tokens",
    cached_tokens="cached_tokens",
    amount_in_usd="usd",
    usable_type="user",
    usable_id="user_id",
    metadata=("team",),
)


def make_credits() -> None:
    shutil.rmtree(FIXTURE / "credits", ignore_errors=True)
    with demo_server("--users", USERS) as url:
        for month in (Month(2025, 8), Month(2025, 9)):
            update_credits(month, Settings(FIXTURE, url, "demo-key"), verify=None)


def make_usage() -> None:
    shutil.rmtree(FIXTURE / "usage", ignore_errors=True)
    import_usage(DATA / "calls.csv", CALLS, FIXTURE, now=IMPORTED_AT)


if __name__ == "__main__":
    make_credits()
    make_usage()
    for lock in FIXTURE.rglob(".lock"):
        lock.unlink()
