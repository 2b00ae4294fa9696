"""The official validator of FOCUS, in an environment of its own: what it says of a file.

`python tests/focus_validator.py FILE` prints its verdict, with every rule that it skips and why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexlib.front.focus import CRITERIA

PACKAGES = ("focus-validator==2.2.1", "pandas<3", "numpy<2", "duckdb<2", "pyarrow<22")
"""The validator, and what it works with: newer ones of these than it was made for break it."""
PYTHON = "3.12"
"""The one Python on which all of them install."""
MODEL = "1.2.0.1"
"""The rules of FOCUS 1.2 that come with it; nothing is downloaded."""

CONTRADICTION = frozenset({"InvoiceId-C-004-C", "InvoiceId-C-005-C"})
"""The one wants InvoiceId null in every row, the other in none: any file with a row breaks one of them."""

RULE = re.compile(r"^\S+ (?P<rule>[\w-]+): (?P<result>PASS|FAIL|SKIPPED)\s+\((?P<why>.*)\)$")


@dataclass(frozen=True)
class Verdict:
    """What the validator says, by the id of each rule."""

    passed: frozenset[str]
    failed: dict[str, str]
    """With its reason."""
    skipped: dict[str, str]

    def render(self) -> str:
        lines = [f"{len(self.passed)} rules pass, {len(self.failed)} fail, {len(self.skipped)} are skipped"]
        lines += [f"  FAIL     {rule}: {why}" for rule, why in self.failed.items()]
        lines += [f"  {count:>3} skipped: {why}" for why, count in Counter(self.skipped.values()).most_common()]
        lines += [f"  skipped  {rule}: {why}" for rule, why in self.skipped.items()]
        return "\n".join(lines)


def find_python() -> str | None:
    """A Python on which the validator installs, or None."""
    pyenv = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{PYTHON}.*/bin/python")
    )
    own = sys.executable if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))) else None
    for python in filter(None, (own, shutil.which(f"python{PYTHON}"), *map(str, pyenv))):
        # A shim of pyenv may stand for a Python that is not switched on.
        if subprocess.run([python, "-c", "import venv"], capture_output=True).returncode == 0:
            return python
    return None


def install_validator(home: Path, python: str) -> Path:
    """The environment's folder, with the validator in it."""
    home = home / "validator"
    uv = Path(sys.executable).with_name("uv")
    make, install = (
        ([str(uv), "venv", "--quiet", "--python", python],
         [str(uv), "pip", "install", "--quiet", "--python", str(home / "bin" / "python")])
        if uv.exists() else
        ([python, "-m", "venv"], [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"])
    )  # fmt: skip
    subprocess.run([*make, str(home)], check=True)
    subprocess.run([*install, *PACKAGES], check=True)
    return home


def validate(file: Path, home: Path) -> Verdict:
    """What the validator says of the file. Its exit code is 0 whatever it finds; it is read by what it prints."""
    run = subprocess.run(
        [str(home / "bin" / "focus-validator"), "--data-file", str(file.resolve()), "--validate-version", MODEL,
         "--block-download", "--applicability-criteria", ",".join(CRITERIA)],
        cwd=_find_packages(home), capture_output=True, text=True,
    )  # fmt: skip
    found = [one for line in run.stdout.splitlines() if (one := RULE.match(line))]
    assert found, run.stdout[-2000:] + run.stderr[-2000:]
    told = {one["rule"]: (one["result"], _shorten(one["why"])) for one in found}
    by = {result: {rule: why for rule, (said, why) in told.items() if said == result}
          for result in ("PASS", "FAIL", "SKIPPED")}  # fmt: skip
    return Verdict(frozenset(by["PASS"]), by["FAIL"], by["SKIPPED"])


def read_rules(home: Path) -> dict[str, Any]:
    """The validator's own rules, by their ids."""
    file = _find_packages(home) / "focus_validator" / "rules" / f"model-{MODEL}.json"
    return dict(json.loads(file.read_text("utf-8"))["ModelRules"])


def _find_packages(home: Path) -> Path:
    return home / "lib" / f"python{PYTHON}" / "site-packages"


def _shorten(why: str) -> str:
    """The reason alone: without counts, times and the rules that follow from it."""
    found = re.search(r"(?:reason|msg)=(.*?)(?:, msg=.*)?(?:, [\d.]+ms)?$", why)
    return found[1].partition(":")[0] if found else why


if __name__ == "__main__":
    python = find_python() or sys.exit(f"There is no Python {PYTHON}, which the validator needs.")
    with tempfile.TemporaryDirectory() as folder:
        print(validate(Path(sys.argv[1]), install_validator(Path(folder), python)).render())
