"""Months for analysts: which are stored, what their bills say of a total, and whether the right one is asked for."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import CERTIFICATES
from flexlib.checks import BillTolerance
from flexlib.errors import BadFile, BadSetting
from flexlib.formats import clean_text, format_amount
from flexlib.i18n import _, translate_count
from flexlib.proof import Look, Unclosed, look_nowhere, read_unclosed
from flexlib.setting_values import explain_unknown
from flexlib.settings import Settings
from flexlib.spend.billed import sum_known
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.store.held import read_once
from flexlib.store.server import describe_made_up, find_shown_data
from flexlib.store.snapshots import list_months, list_newest

if TYPE_CHECKING:
    import pandas as pd

INJECTED = "# Parameters\n"
"""How papermill begins the cell of the parameters that it was given."""


def find_look(settings: Settings, data: Path, *, in_notebook: bool = False) -> Look:
    """What tells of the data folder that is shown what is recorded and not closed. A notebook reaches no server: in a
    report it is told, elsewhere it looks at a file."""
    if settings.unclosed:
        return read_unclosed(settings.unclosed)
    if data != settings.data or not settings.has_ledger:  # the rooms of the ledger are loaded for nobody without one
        return look_nowhere
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.read.unclosed import LedgerLook

    try:
        ledger = find_ledger(settings)
    except (BadFile, BadSetting) as error:  # what is stored stays what it is
        unread = Unclosed(_("The ledger could not be asked whether it holds more: {error}").format(error=error),
                          is_gap=False)  # fmt: skip
        return lambda month: unread
    if in_notebook and ledger.path is None:
        said = _("Whether the ledger ({place}) holds more says flexlib spend.")
        unasked = Unclosed(said.format(place=ledger.place), is_gap=False)
        return lambda month: unasked
    return LedgerLook(ledger, data)


def list_run_cells() -> Sequence[str]:
    """The cells of the notebook that this runs in, the present one too; none outside a notebook."""
    cells: Sequence[str] = vars(sys.modules["__main__"]).get("_ih", ())
    return cells


def check_injected(cells: Sequence[str]) -> None:
    """Raises `BadParameter` where papermill gave a notebook, of which these cells were run, a parameter that its cells
    before do not declare: left alone it would change nothing, and the notebook go on with its defaults.

    >>> check_injected(["year: int = 2025", "# Parameters\\nyaer = 2024"])
    Traceback (most recent call last):
    flexlib.errors.BadParameter: Unknown parameter yaer (did you mean year?); this notebook takes year.
    """
    declared: dict[str, None] = {}
    for cell in cells:
        if not cell.startswith(INJECTED):
            declared |= dict.fromkeys(_list_assigned(cell))
        elif declared:
            for name in _list_assigned(cell):
                if name not in declared:
                    raise explain_unknown(name, "this notebook", declared)


def _list_assigned(cell: str) -> list[str]:
    try:
        tree = ast.parse(cell)
    except SyntaxError:  # such as a line for the shell
        return []
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def find_data(settings: Settings) -> Path:
    """The data folder whose months are shown; says so where they are the demo's for want of others."""
    data = find_shown_data(settings)
    if data != settings.data:
        print(clean_text(describe_made_up(data)), file=sys.stderr)
    return data


@read_once()
def list_stored_months(root: Path, tolerance: BillTolerance | None = None, look: Look = look_nowhere) -> pd.DataFrame:
    """See `flexlib.months`; `root` is the data folder, the others as of `load_month_usage`, which judges."""
    import pandas as pd  # which nobody waits for who asks for no table

    columns: dict[str, list[Any]] = {name: [] for name in ("month", "credits", "usage", "charges", "state", "read_at")}
    for month in list_months(root):
        newest = list_newest(month, root)
        columns["month"].append(str(month))
        for dataset in CERTIFICATES:
            columns[dataset].append(", ".join(one.source for one in newest if one.dataset == dataset))
        columns["state"].append(str(load_month_usage(month, root, tolerance=tolerance, look=look).state))
        columns["read_at"].append(_to_naive(max(one.certificate.read_at for one in newest)))
    return pd.DataFrame(columns).astype({"read_at": "datetime64[us]"})


def tell_left_out(count: int, calls: str, lacks: str) -> str:
    """That so many calls are in nothing, since they lack `usd`, `clp` or `both`; `calls`: which, in words."""
    said = {
        "usd": translate_count("{calls} without a price is left out.", "{calls} without a price are left out.", count),
        "clp": translate_count(
            "{calls} without an amount in pesos is left out.", "{calls} without an amount in pesos are left out.", count
        ),
        "both": translate_count(
            "{calls} without an amount in pesos or in dollars is left out.",
            "{calls} without an amount in pesos or in dollars are left out.",
            count,
        ),
    }
    return said[lacks].format(calls=calls)


def compare_total(month: MonthUsage) -> list[str]:
    """That sums of calls are not what was spent, where bills say so; nothing where they agree to the cent."""
    if not month.has_bills:
        return []
    counted, spent = sum_known(one.counted_usd for one in month.bills.providers), month.bills.spend_usd
    usd = _("US$ {amount}")
    said = [_("nothing") if one is None else usd.format(amount=format_amount(one)) for one in (counted, spent)]
    text = _("{month}: by(...) sums calls, {counted}; with the bills, total() and flexlib spend say {spent}.")
    return [text.format(month=month.month, counted=said[0], spent=said[1])] if said[0] != said[1] else []


def _to_naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
