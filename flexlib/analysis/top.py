"""Finished frames made short enough to read: the largest models, days and people, and one line for all the others.

Nothing is lost: such a frame sums to what the whole one sums to. A line of others is last and says of how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timezone
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import Frame, open_frame, read_rows
from flexlib.certificate import CreditsCertificate
from flexlib.dates import Span
from flexlib.formats import format_number
from flexlib.i18n import Label, _, mark_text
from flexlib.names import PSEUDONYM, label_models

if TYPE_CHECKING:
    import pandas as pd


OTHER_MODELS = Label(mark_text("Other"))
"""The name of all further models together."""

NOT_LISTED = Label(mark_text("Not on the list of people"))
"""The name of all keys together that spent and belong to nobody on the list."""


NOT_GIVEN = Label(mark_text("not given"))
"""Who or which department, where nothing says it."""


def find_label(name: str, label: Label) -> str:
    """The label where the name is it, of which a frame has made a plain text; another name stays."""
    return label if name == label else name


AMOUNTS = (
    "prompt_credits",
    "flex_credits",
    "data_points",
    "rows",
    "share_permille",
    "flex_credits_before",
    "flex_credits_change",
)

Row = dict[str, Any]


def list_read_days(certificate: CreditsCertificate) -> Span:
    """The days of the month that had begun when it was read: a later day has no zero, it has nothing."""
    month = certificate.month
    return Span(month.first, max(month.first, min(month.last, certificate.as_of.astimezone(timezone.utc).date())))


def is_comparable(certificate: CreditsCertificate, before: CreditsCertificate | None) -> bool:
    """Whether a change on the month `before` means anything: both are whole, and that one has a witness."""
    return before is not None and before.is_measure and not certificate.is_part


def choose_models(
    by_model: object,
    days: Span | None = None,
    shown: int = 6,
    compared: object = None,
    by_day_and_model: object = None,
) -> dict[str, str]:
    """The models of `credits_by_model` that get a line and a colour of their own: name on `days` by id.

    The largest first. More than six cannot be told apart by colour; a seventh that would be `Other` alone is shown. The
    one that rose most (`compared` as from `compare_models`) and the one whose highest day stands out most against its
    own median day (`by_day_and_model` with every day) are among them: each takes the place of the smallest.
    """
    uids = [row["model_uid"] for row in sorted(read_rows(by_model), key=lambda row: row["rank"])]
    labels = label_models(uids, days)
    if len(uids) <= shown + 1:
        return {uid: labels[uid] for uid in uids}
    wanted = dict.fromkeys(filter(None, (_find_risen(compared), _find_event(by_day_and_model))))
    kept = [*wanted, *(uid for uid in uids if uid not in wanted)][:shown]
    return {uid: labels[uid] for uid in uids if uid in kept}


def _find_risen(compared: object) -> str | None:
    rises = {} if compared is None else {row["model_uid"]: row["flex_credits_change"] for row in read_rows(compared)}
    uid = max(rises, key=lambda one: rises[one], default=None)
    return uid if uid is not None and rises[uid] > 0 else None


def _find_event(by_day_and_model: object) -> str | None:
    days: dict[str, list[int]] = {}
    for row in [] if by_day_and_model is None else read_rows(by_day_and_model):
        days.setdefault(row["model_uid"], []).append(row["flex_credits"])
    excess = {uid: max(amounts) - median(amounts) for uid, amounts in days.items()}
    return max(excess, key=lambda one: excess[one], default=None)


def top_models(frame: object, chosen: Mapping[str, str]) -> pd.DataFrame:
    """A finished frame with `model_uid` as `model`, `models`, amounts (and `date`, if it has days), `chosen` as from
    `choose_models`.

    `model` is the name, or `Other` for all that are not chosen; `models` is how many the line stands for. Sorted by
    day, then as chosen, `Other` last.
    """
    rows = read_rows(frame)
    has_days = bool(rows) and "date" in rows[0]
    places = {uid: place for place, uid in enumerate(chosen)}
    names = [*chosen.values(), OTHER_MODELS]
    groups: dict[tuple[Any, int], list[Row]] = {}
    for row in rows:
        place = places.get(row["model_uid"], len(chosen))
        groups.setdefault((row["date"] if has_days else None, place), []).append(row)
    lines = [
        {
            "date": datetime.combine(day, time()) if has_days else None,
            "model": names[place],
            "models": len(group),
            **_sum_amounts(group),
        }
        for (day, place), group in sorted(groups.items(), key=lambda item: (str(item[0][0]), item[0][1]))
    ]
    folded = _build_frame(lines, ["date", "model", "models", "flex_credits"])
    return folded if has_days else folded.drop(columns="date")


def top_days(by_day: object, shown: int = 5) -> pd.DataFrame:
    """The days of the most flex credits of `credits_by_day` and the others as one line: `date` (missing for
    the others), `days`, amounts; the highest first."""
    rows = sorted(read_rows(by_day), key=lambda row: row["rank"])
    shown += len(rows) == shown + 1  # one line for one other day would hide its name for nothing
    lines = [{"date": datetime.combine(row["date"], time()), "days": 1, **_sum_amounts([row])} for row in rows[:shown]]
    if rest := rows[shown:]:
        lines.append({"date": None, "days": len(rest), **_sum_amounts(rest)})
    return _build_frame(lines, ["date", "days", "flex_credits", "prompt_credits"])


def top_users(
    by_user: object,
    certificate: CreditsCertificate,
    people: Mapping[str, Mapping[str, str]] | None = None,
    shown: int = 10,
) -> pd.DataFrame:
    """The biggest spenders of `credits_by_user`, the others, and the keys of nobody on the list, each of the
    two as one line: `person`, `people`, amounts, `days` (with use; missing for more than one person).

    `person` is the pseudonym that the rows of `flexlib.load` have, else one by rank, `Person 001`; a name only where
    `people` (as in `Snapshot.people`) are given. A key is never in it.
    """
    unlisted = set(certificate.unmapped_users)
    rows = sorted(read_rows(by_user), key=lambda row: row["rank"])
    listed = [row for row in rows if row["user"] not in unlisted]
    named = name_people([row["user"] for row in listed], people)
    shown += len(listed) == shown + 1
    lines: list[Row] = [
        {"person": person, "people": 1, **_sum_amounts([row]), "days": row["days"]}
        for person, row in zip(named[:shown], listed, strict=False)
    ]
    if rest := listed[shown:]:
        lines.append(
            {
                "person": _("{count} more people").format(count=format_number(len(rest))),
                "people": len(rest),
                **_sum_amounts(rest),
                "days": None,
            }
        )
    if others := [row for row in rows if row["user"] in unlisted]:
        lines.append({"person": NOT_LISTED, "people": len(others), **_sum_amounts(others), "days": None})
    folded = _build_frame(lines, ["person", "people", "flex_credits", "prompt_credits", "days"])
    return folded.astype({"days": "Int64"})


def _build_frame(lines: list[Row], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(lines) if lines else pd.DataFrame(columns=columns)


def _sum_amounts(rows: Sequence[Row]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in AMOUNTS if name in rows[0]}


def name_models(frame: Frame, days: Span | None = None) -> Frame:
    """A finished `frame` with the column `model` beside `model_uid`, as `label_models` gives it; same rows and order.

    A relation is run once to see which ids it holds, and stays lazy.
    """
    opened = open_frame(frame)
    uids = [row["model_uid"] for row in read_rows(opened.select("model_uid").unique().to_native())]
    # Not `replace_strict`: on DuckDB that is a join, and a join forgets the order.
    label: nw.Expr = nw.col("model_uid")
    for uid, name in label_models(uids, days).items():
        label = nw.when(nw.col("model_uid") == uid).then(nw.lit(name)).otherwise(label)
    return cast(Frame, opened.with_columns(model=label).to_native())


def name_people(
    users: Sequence[str],
    people: Mapping[str, Mapping[str, str]] | None,
    pseudonyms: Mapping[str, str] | None = None,
) -> list[str]:
    """What each user is called, in the order of their rank: the name where `people` gives it (of two with one name each
    has the e-mail behind it), the pseudonym where the user is one or `pseudonyms` has it, else `Person 001`.
    """
    digits = max(3, len(str(len(users))))
    known = pseudonyms or {}
    hidden = [
        known.get(user) or (user if PSEUDONYM.fullmatch(user) else f"Person {rank:0{digits}}")
        for rank, user in enumerate(users, 1)
    ]
    if people is None:
        return hidden
    asked = [people.get(user, {}) for user in users]
    names = [who.get("name") or who.get("email") or "" for who in asked]
    namesakes = Counter(names)
    return [
        pseudonym if not name else name if namesakes[name] == 1 else f"{name} ({who.get('email') or pseudonym})"
        for pseudonym, name, who in zip(hidden, names, asked, strict=True)
    ]
