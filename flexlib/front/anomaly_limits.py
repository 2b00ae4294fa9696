"""Of which days, people and sums the unusual days of a month say nothing though they say something of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flexlib.analysis.anomalies import Anomalies, Outcome
from flexlib.analysis.titles import title_key
from flexlib.dates import Month
from flexlib.formats import format_number, format_share_percent
from flexlib.front.anomaly_days import UNPRICED, WHOLE
from flexlib.front.uses import UNITS
from flexlib.i18n import _, translate_count


def name_layer(key: str) -> str:
    """What is looked at together, as a heading."""
    return _("All together") if key == WHOLE else title_key(key)


def find_reasons(layers: Mapping[str, Anomalies]) -> dict[str, str]:
    """Why nothing can be said of these layers, by layer."""
    return {key: one.reason for key, one in layers.items() if one.outcome is Outcome.CANNOT_SAY}


def find_outcome(layers: Mapping[str, Anomalies]) -> Outcome:
    """Of all layers, and of all that each of them has."""
    reasons = find_reasons(layers)
    if not reasons and not any(one.lacking for one in layers.values()):
        return Outcome.JUDGED
    return Outcome.CANNOT_SAY if len(reasons) == len(layers) else Outcome.IN_PART


def explain_limits(month: Month, unit: str, days: int, layers: Mapping[str, Anomalies]) -> Iterator[str]:
    """In sentences; `days`: those of the month of which all is known, or nearly all."""
    if days < month.days:
        yield _explain_days(days, unit).format(
            days=month.days, count=days, percent=format_share_percent(UNPRICED)
        )  # fmt: skip
    if find_outcome(layers) is Outcome.IN_PART:
        for key, reason in find_reasons(layers).items():
            yield _explain_layer(key, reason)
    yield from (_explain_lacking(key, one.lacking) for key, one in layers.items() if one.lacking)


def _explain_layer(key: str, reason: str) -> str:
    return _("{kind} cannot be judged: {reason}.").format(kind=name_layer(key), reason=reason)


def _explain_lacking(key: str, count: int) -> str:
    if key == WHOLE:
        return _explain_layer(key, _("too many of its days lack prices"))
    said = translate_count(
        "{kind}: {count} cannot be judged, too many of its days lack prices.",
        "{kind}: {count} cannot be judged, too many of their days lack prices.",
        count,
    )
    if key == "user":
        said = translate_count(
            "{count} spender cannot be judged: too many of their days lack prices.",
            "{count} spenders cannot be judged: too many of their days lack prices.",
            count,
        )
    return said.format(kind=name_layer(key), count=format_number(count))


def _explain_days(days: int, unit: str) -> str:
    if unit == UNITS["credits"] or not days:  # credits lack no price, and are no calls
        return translate_count("Of the month's {days} days {count} is known.",
                               "Of the month's {days} days {count} are known.", days)  # fmt: skip
    return translate_count(
        "Of the month's {days} days {count} is known, but for {percent} of its calls at most.",
        "Of the month's {days} days {count} are known, but for {percent} of their calls at most.",
        days,
    )
