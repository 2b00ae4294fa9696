"""Whether an advisory is published about anything that is installed: `check_advisories.py .venv .venv-lowest`.

One question to OSV, which gathers the advisories of PyPI and GitHub: pip-audit asks it about each package by itself,
too slowly for every run, and takes what PyPI does not answer for about a package as that nothing is known.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import distributions
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

SERVICE = "https://api.osv.dev/v1/querybatch"
SECONDS = 20
"""For the answer: CI does not wait longer for what it can do without."""
MOST = 1000
"""Questions that the service takes at once."""
OTHERS = {"flexlib", "pip", "setuptools", "uv"}
"""Ours, and what makes an environment: no user gets them from us."""
ACCEPTED: dict[str, str] = {}
"""Advisories, by their ids, that do not reach what flexlib does, with the reason; one that is fixed moves a bound."""


def list_installed(environments: list[str]) -> list[tuple[str, str]]:
    """Name and version of everything in these virtual environments. Raises `SystemExit` where one holds nothing."""
    found: set[tuple[str, str]] = set()
    for environment in environments:
        folders = [str(one) for one in Path(environment).glob("lib/python*/site-packages")]
        there = {(one.metadata["Name"].lower().replace("_", "-"), one.version) for one in distributions(path=folders)}
        if not there:
            raise SystemExit(f"advisories: {environment} has nothing installed; make it first")
        found |= there
    return sorted(one for one in found if one[0] not in OTHERS)


def find_advisories(installed: list[tuple[str, str]], service: str = SERVICE) -> list[str]:
    """A line for each installed version about which one is published. Raises `OSError`, or `ValueError` where the
    answer is none."""
    lines = []
    for start in range(0, len(installed), MOST):
        part = installed[start : start + MOST]
        asked = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in part]
        request = Request(service, json.dumps({"queries": asked}).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=SECONDS) as answer:
            results = json.load(answer)["results"]
        for (name, version), result in zip(part, results, strict=True):
            ids = sorted({one["id"] for one in result.get("vulns") or []} - ACCEPTED.keys())
            lines += [f"{name} {version}: {', '.join(ids)}"] if ids else []
    return lines


def main(environments: list[str], service: str = SERVICE) -> int:
    """Prints what was found and gives 1, or says in a line that there is nothing, or that nobody could be asked."""
    installed = list_installed(environments)
    try:
        found = find_advisories(installed, service)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        why = error.reason if isinstance(error, URLError) else error
        print(f"advisories: not checked, {urlsplit(service).netloc} cannot be reached ({why or type(error).__name__})")
        return 0
    print("\n".join(found) or f"advisories: none about {len(installed)} versions installed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
