"""Makes the fixture anew: two months of a small made-up company, fetched from the demo server by the real fetch.

Run it as `python tests/make_fixture.py` when the schema changes, then `make refresh`.
"""

import shutil
from pathlib import Path

from flexlib import Month
from flexlib.demo.process import demo_server
from flexlib.settings import Settings
from flexlib.update.credits import update_credits

FIXTURE = Path(__file__).parent / "data" / "fixture"
USERS = "600"

if __name__ == "__main__":
    shutil.rmtree(FIXTURE, ignore_errors=True)
    with demo_server("--users", USERS) as url:
        for month in (Month(2025, 8), Month(2025, 9)):
            update_credits(month, Settings(FIXTURE, url, "demo-key"), verify=None)
    for lock in FIXTURE.rglob(".lock"):
        lock.unlink()
