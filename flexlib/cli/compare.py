"""`flexlib compare`: why a month, or a span, came to more or less than another."""

from __future__ import annotations

import argparse
import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_roster_option,
    find_exit_code,
    read_count,
)
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month, Span
from flexlib.errors import BadMonth, InvalidRequest
from flexlib.formats import UNIT_NAMES, UNIT_PLACES, format_number, format_plain, round_amount
from flexlib.i18n import _, write_json, write_number
from flexlib.names import show_people
from flexlib.settings import Settings
from flexlib.sources.registry import name_source
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from flexlib.front.compare import Comparison

SHOWN = 5
"""People and models with the largest changes, unless another number is asked for."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "compare", _("why a month came to more or less than another"), """\
  flexlib compare 2025-08 2025-09
  flexlib compare 2025-08 2025-09 --of usd --top 10 --json
  flexlib compare 2025-01..2025-03 2025-07..2025-09 --of clp
  flexlib compare 2025-09@1 2025-09 --of usd
  flexlib compare 2025-08 2025-09 --demo""")  # fmt: skip
    parser.add_argument(
        "before",
        type=_read_side,
        metavar="BEFORE",
        help=_("a month, 2025-08, a span, 2025-01..2025-03, or a stored version of a month, 2025-09@1"),
    )
    parser.add_argument("after", type=_read_side, metavar="AFTER", help=_("what it became"))
    parser.add_argument("--of", default="", choices=("credits", "usd", "clp"),
                        help=_("default credits, or dollars where Windsurf is not in use"))  # fmt: skip
    parser.add_argument("--by", default="user", choices=("user", *LEVELS),
                        help=_("whose changes are told apart: people's (default user), departments', ..."))  # fmt: skip
    parser.add_argument(
        "--top",
        type=read_count,
        default=SHOWN,
        metavar="N",
        help=_("people and models shown (default {shown})").format(shown=SHOWN),
    )
    parser.add_argument("--names", action="store_true", help=_("people by name instead of under pseudonyms"))
    parser.add_argument("--json", action="store_true", help=_("print it as JSON, amounts as exact text"))
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_compare)


def run_compare(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the change and its parts; the exit code is that of the worse side."""
    from flexlib.front.compare import compare_spans
    from flexlib.front.months import find_look
    from flexlib.front.versions import compare_versions

    (before, first), (after, second) = arguments.before, arguments.after
    settings = open_shown(arguments, settings, *before.months, *after.months)
    look = find_look(settings, settings.data)
    shown: dict[str, Any] = {
        "of": arguments.of,
        "names": arguments.names,
        "tolerance": settings.bill_tolerance,
        "look": look,
    }
    if first is None and second is None:
        roster = arguments.roster or settings.organization
        made = compare_spans(before, after, settings.data, by=arguments.by, roster=roster, **shown)
    elif arguments.by != "user":
        raise InvalidRequest(_("versions of a month are compared by person and model; leave --by out."))
    elif before != after:
        raise InvalidRequest(_("versions are of one month; name it on both sides, as in 2025-09@1 2025-09@2."))
    else:
        made = compare_versions(before.months[0], first, second, settings.data, **shown)
    print(write_json(describe_comparison(made, arguments.top)) if arguments.json
          else render_comparison(made, arguments.top))  # fmt: skip
    for sentence in made.missing if arguments.json else [one for one in made.missing if one != made.running]:
        print(sentence, file=sys.stderr)
    return find_exit_code(made.certificates, made.state)


def describe_comparison(made: Comparison, top: int) -> dict[str, Any]:
    """For JSON: every amount as exact text, the largest changes first."""
    from flexlib.front.versions import name_version

    change, (first, second) = made.change, made.versions or (None, None)
    return {
        "before": name_version(made.before, first),
        "after": name_version(made.after, second),
        "of": made.unit,
        "zone": made.zone,
        "state": str(made.state),
        "running": made.running or None,
        "amount_before": _write(change.before),
        "amount_after": _write(change.after),
        "difference": _write(change.difference),
        "at_least": {"before": made.lacking[0], "after": made.lacking[1]},
        "rows" if made.versions else "people" if made.by == "user" else f"{made.by}s": dict(change.people),
        "parts": {name: _write(part) for name, part in change.sum_parts().items()},
        "other_orders": {name: {"least": _write(least), "most": _write(most)}
                         for name, (least, most) in change.ranges.items()},
        "by_person" if made.by == "user" else f"by_{made.by}": [{"source": source, made.by: user, **_describe(parts)}
                      for (source, user), parts in _list_top(change.sum_by_person(), top)],
        "by_model": [{"model": model, **_describe(parts)} for model, parts in _list_top(change.sum_by_model(), top)],
        "missing": list(made.missing),
        "method": change.method,
    }  # fmt: skip


def render_comparison(made: Comparison, top: int) -> str:
    """The change for the console: the difference, its parts, who and which model moved most."""
    from flexlib.analysis.compare import SAID, round_parts
    from flexlib.analysis.titles import title_key
    from flexlib.analysis.top import NOT_GIVEN
    from flexlib.tables.compare import CODES, count_gone, count_new, count_not_yet, name_part

    change, parts = made.change, made.change.sum_parts()
    unit, places = _(UNIT_NAMES[made.unit]), UNIT_PLACES[made.unit]
    is_share = change.before > 0 and not any(made.lacking) and not made.running
    share = write_number(f" ({change.difference / change.before:+.1%})") if is_share else ""
    before, after = made.sides
    title = _("{after} against {before} in {unit}")
    title = title.format(after=after[0].upper() + after[1:], before=before, unit=unit)
    shown = round_parts(parts, places)
    earlier, amount = (
        (_("at least ") if lacks else "") + _round(one, ",", places)
        for one, lacks in zip((change.before, change.after), made.lacking, strict=True)
    )
    more = _round(change.difference, "+,", places)
    head = "{title}: {amount}, {more}{share}"
    if any(made.lacking):  # one of both is more than is known, so that their difference is more or less than is known
        head = _("{title}: {amount}, and {earlier} before; what is known differs by {more}")
    lines = [head.format(title=title, amount=amount, earlier=earlier, more=more, share=share)]
    lines += [f"  {made.running}"] if made.running else []
    gone = change.people["gone"]
    said = {
        **{name: f"    {_(words)} ({_(CODES[name])})" for name, words in SAID.items()},
        "new": count_new(made.by, change.people["new"]),
        "gone": count_not_yet(gone) if change.is_running else count_gone(made.by, gone),
        "volume": _("the same {get}: {used} ({volume})").format(
            get=format_number(change.people.get("stayed", 0)), used=_(SAID["volume"]), volume=_(CODES["volume"])
        ),
        "refunds": _("refunds, but to those new or gone"),
        "unmeasured": f"{_(SAID['unmeasured'])} ({_(CODES['unmeasured'])})",  # of whomever
    }
    if made.versions:
        said = {name: name_part(name, change) for name in change.names}
    for name, part in shown.items():
        if parts[name] or name in ("new", "gone", "volume", "restated"):
            between = ""
            if name in change.ranges and change.people["stayed"]:
                lowest, highest = (_round(one, "+,", places) for one in change.ranges[name])
                between = _("   (in another order {lowest} to {highest})").format(lowest=lowest, highest=highest)
            lines.append(f"  {said[name]:<48}{_round(part, '>+16,', places)}{between}")
    whose = _("People") if made.unit == "flex_credits" else _("People and applications")
    if made.by != "user":
        whose = title_key(made.by)
    for title, sums in ((whose, change.sum_by_person()), (_("Models"), change.sum_by_model())):
        lines.append(_("{title} with the largest changes").format(title=title))
        for key, moved in _list_top(sums, top):
            label = key[1] if isinstance(key, tuple) else str(key)
            label = _(label) if label == NOT_GIVEN else label
            if isinstance(key, tuple) and made.by != "user":  # who calls and who has credits are counted in other units
                label += f", {name_source(key[0])}"
            rounded = round_parts(moved, places)
            shares = [f"{_(CODES[name])} {_round(part, '+,', places)}" for name, part in rounded.items() if moved[name]]
            whole = _round(sum(rounded.values(), Decimal(0)), ">+16,", places)
            lines.append(f"  {show_people(label):<48}{whole}   {', '.join(shares)}")
    return "\n".join([*lines, _(change.method)])


def _list_top(sums: Mapping[Hashable, Mapping[str, Decimal]], top: int) -> list[tuple[Any, Mapping[str, Decimal]]]:
    return [(key, parts) for key, parts in sums.items() if any(parts.values())][:top]


def _describe(parts: Mapping[str, Decimal]) -> dict[str, Any]:
    return {
        "difference": _write(sum(parts.values(), Decimal(0))),
        **{n: _write(part) for n, part in parts.items() if part},
    }


def _round(amount: Decimal, form: str, places: int) -> str:
    """As on the page: Python's own format would round a half to even, and the parts of 52.5 would not add up to it."""
    return write_number(f"{round_amount(amount, str(Decimal(1).scaleb(-places))):{form}.{places}f}")


def _write(amount: Decimal) -> str:
    return format_plain(amount)


def _read_side(text: str) -> tuple[Span, int | None]:
    """A span, and of one month which of its versions."""
    from flexlib.store.version_names import read_version

    if "@" not in text:
        return _read_span(text), None
    try:
        month, version = read_version(text)
    except BadMonth as error:
        raise argparse.ArgumentTypeError(
            _("{text!r} is no version of a month; write 2025-09@1").format(text=text)
        ) from error
    return month.span, version


def _read_span(text: str) -> Span:
    match = re.fullmatch(r"(\d{4}-\d{2})(?:\.\.(\d{4}-\d{2}))?", text)
    if not match:
        raise argparse.ArgumentTypeError(
            _("{text!r} is no month and no span; write 2025-08 or 2025-01..2025-03").format(text=text)
        )
    try:
        return Span(Month.parse(match[1]).first, Month.parse(match[2] or match[1]).last)
    except BadMonth as error:
        raise argparse.ArgumentTypeError(str(error)) from error
