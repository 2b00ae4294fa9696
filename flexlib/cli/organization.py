"""`flexlib organization check`: the file that says who belongs where, held against what was spent."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    add_roster_option,
    find_exit_code,
    read_count,
)
from flexlib.cli.report_months import load_shown_spend, open_shown
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import (
    clean_text,
    format_amount,
    format_count,
    format_number,
    format_plain,
    format_short_day,
    format_usd,
)
from flexlib.i18n import _, join_and, mark_text, write_json, write_number
from flexlib.names import show_people
from flexlib.proof import State
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.days_without_line import ListedElsewhen
    from flexlib.front.organization_check import OrganizationCheck, Sum
    from flexlib.store.membership import Membership, Parts

SHOWN = 10
"""Lines shown of each part, unless another number is asked for."""

NOWHERE, NO_DEPARTMENT = mark_text("nowhere"), mark_text("in no department")
WIDTH = 28
"""Of a name."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "organization",
                         _("who belongs to which department, held against what was spent"), """\
  flexlib organization check --year 2025 --month 9
  flexlib organization check --year 2025 --month 9 --roster hr.xlsx --names
  flexlib organization check --year 2025 --month 9 --json""")  # fmt: skip
    parser.add_argument(
        "action",
        choices=("check",),
        help=_("who spends and is nowhere, who is listed and never spends, what changed in the month"),
    )
    add_month_options(parser, required=True)
    add_roster_option(parser)
    parser.add_argument(
        "--top",
        type=read_count,
        default=SHOWN,
        metavar="N",
        help=_("lines shown of each part (default {shown})").format(shown=SHOWN),
    )
    parser.add_argument("--names", action="store_true", help=_("people by name, and as the file has them"))
    parser.add_argument("--json", action="store_true", help=_("print it as JSON, every line, amounts as exact text"))
    add_demo_option(parser)
    parser.set_defaults(run=run_organization)


def run_organization(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the check; exits with 3 where somebody spends and is nowhere or in no department, or a team has no line,
    else as the month."""
    from flexlib.front.organization_check import check_organization, explain_hidden, explain_lacking
    from flexlib.store.organization import read_organization

    file = arguments.roster or settings.organization
    if file is None:
        raise BadFile(
            _(
                "no file says who belongs to which department; copy params/organization.example.csv to "
                "params/organization.csv and write yours, or name one with --roster."
            )
        )
    organization = read_organization(file)
    month = Month(arguments.year, arguments.month)
    settings = open_shown(arguments, settings, month)
    spend = load_shown_spend(settings, month, names=arguments.names, roster=file)
    made = check_organization(spend, organization)
    print(write_json(describe_check(made, names=arguments.names)) if arguments.json
          else render_check(made, arguments.top, names=arguments.names))  # fmt: skip
    lacking = explain_lacking(made)
    for sentence in (*organization.notes, *made.alike, *made.missing, *explain_hidden(made), *lacking):
        print(clean_text(sentence), file=sys.stderr)
    code = find_exit_code(made.certificates, made.state)
    return max(code, State.GAP.exit_code) if lacking else code


def describe_check(made: OrganizationCheck, *, names: bool) -> dict[str, Any]:
    """For JSON: amounts as exact text, null where nothing is known; people as lines of the file unless `names`."""
    from flexlib.front.organization_check import explain_hidden

    return {
        "month": str(made.month),
        "state": str(made.state),
        "file": str(made.organization.file),
        "lines": len(made.organization.memberships),
        "departments": [{"department": one.name, "users": one.people, **_describe(one)} for one in made.departments],
        "spends_and_is_nowhere": [{"user": one.name, **_describe(one)} for one in made.nowhere],
        "spends_on_days_not_listed": [
            {**({"user": one.name} if names else {}), **_describe(one),
             "lines": [_name(line, names=names) for line in listed.lines],
             "days": [{"first": str(days.first), "last": str(days.last)} for days in listed.days]}
            for one, listed in made.elsewhen
        ],
        "spends_and_is_in_no_department": [{"user": one.name, **_describe(one)} for one in made.without_department],
        "listed_and_never_spends": [_name(one, names=names) for one in made.silent],
        "changed": [
            {**_name(one.of, names=names), "day": str(one.day), "before": _list(one.before), "after": _list(one.after)}
            for one in made.changes
        ],
        "teams_without_a_line": [{**_name(one, names=names), "team": one.place.team} for one in made.lost],
        "teams_of_calls_without_a_line": [{"team": one.name, **_describe(one)} for one in made.lost_calls],
        "gaps": [{**_name(one.before, names=names), "first": str(one.first), "last": str(one.last)}
                 for one in made.gaps],
        "sums_of_the_month_undecided": made.undecided,
        "notes": [*made.organization.notes, *explain_hidden(made)],
        "missing": list(made.missing),
    }  # fmt: skip


def render_check(made: OrganizationCheck, top: int, *, names: bool) -> str:
    """The check for the console: each part with its largest lines."""
    from flexlib.front.organization_check import explain_undecided

    lines = [
        _("Organization of {title}: {file}, {lines}").format(
            title=made.month.title,
            file=clean_text(str(made.organization.file)),
            lines=format_count(len(made.organization.memberships), "line"),
        )
    ]
    names_ = [clean_text(one.name or _(NO_DEPARTMENT)) for one in made.departments]
    width = max([WIDTH, *map(len, names_)])
    for one, name in zip(made.departments, names_, strict=True):
        lines.append(f"  {name:<{width}}{format_count(one.people, 'user'):>12}  {_write(one)}")
    lines += _render(_("Spends but is listed nowhere"), [
        f"{_call_user(one):<{WIDTH}}  {_write(one)}" for one in made.nowhere], top)  # fmt: skip
    if made.elsewhen:
        lines += _render(_("Is listed, but not on days on which it spends"), [
            f"{_call_listed(one, listed, names=names):<{WIDTH}}  {_write(one)}, {_explain_days(listed)}"
            for one, listed in made.elsewhen], top)  # fmt: skip
    if made.without_department:
        lines += _render(_("Is listed, but in no department"), [
            f"{_call_user(one):<{WIDTH}}  {_write(one)}" for one in made.without_department], top)  # fmt: skip
    lines += _render(_("Is listed but never spends"), [
        f"{_call(one, names=names)}  {_place([(one.share, one.place)])}" for one in made.silent], top)  # fmt: skip
    lines += _render(_("Changed since {title}").format(title=made.month.previous.title), [
        f"{format_short_day(one.day):<8}{_call(one.of, names=names)}  {_place(one.before)} -> {_place(one.after)}"
        for one in made.changes], top)  # fmt: skip
    if made.lost:
        lines += _render(_("Names a team that no line puts in a department"), [
            f"{_call(one, names=names)}  {clean_text(one.place.team or '')}" for one in made.lost], top)  # fmt: skip
    if made.lost_calls:
        lines += _render(_("Calls name a team that no line puts in a department"), [
            f"{clean_text(one.name or ''):<{WIDTH}}  {_write(one)}" for one in made.lost_calls], top)  # fmt: skip
    lines += _render(_("Is not listed between two lines"), [
        f"{_call(one.before, names=names)}  {_days(one.first, one.last)}" for one in made.gaps], top)  # fmt: skip
    if made.undecided:
        lines.append(explain_undecided(made.undecided))
    return "\n".join(lines)


def _render(title: str, lines: Sequence[str], top: int) -> list[str]:
    if not lines:
        return [_("{title}: nobody").format(title=title)]
    rest = [_("  and {count} more").format(count=format_number(len(lines) - top))] if len(lines) > top else []
    return [f"{title}: {format_number(len(lines))}", *(f"  {one}" for one in lines[:top]), *rest]


def _describe(one: Sum) -> dict[str, Any]:
    amounts = {unit: None if amount is None else format_plain(amount) for unit, amount in one.amounts.items()}
    counted = one.unpriced_requests or None if one.lacks_usd else 0
    return {"requests": one.requests, **amounts, "unpriced_requests": counted}


def _name(one: Membership, *, names: bool) -> dict[str, Any]:
    return {"line": one.line, "kind": one.kind, **({"who": one.who} if names else {})}


def _call(one: Membership, *, names: bool) -> str:
    return _("line {number}").format(number=one.line) + (f", {clean_text(one.who)}" if names else "")


def _call_user(one: Sum) -> str:
    return show_people(clean_text(one.name or _("not given")))


def _call_listed(one: Sum, listed: ListedElsewhen, *, names: bool) -> str:
    """By the lines alone without `names`: with a pseudonym beside them, whoever has the file knew whose it is."""
    lines = join_and([_call(line, names=False) for line in listed.lines])
    return f"{_call_user(one)}, {lines}" if names else lines


def _explain_days(listed: ListedElsewhen) -> str:
    if not listed.days:
        return _("in sums of a month within which that changed")
    days = join_and([_days(one.first, one.last) for one in listed.days])
    return _("not listed {days}").format(days=days)


def _list(parts: Parts | None) -> list[dict[str, Any]] | None:
    return None if parts is None else [{**place._asdict(), "percent": format_percent(share)} for share, place in parts]


def format_percent(share: Any) -> str:  # noqa: ANN401
    return f"{float(100 * share):.10g}"


def _place(parts: Sequence[tuple[Any, Any]] | None) -> str:
    """Where somebody belongs, in words."""
    if not parts:
        return _(NOWHERE)
    said = [(share, ", ".join(clean_text(name) for name in place if name)) for share, place in parts]
    return (
        said[0][1]
        if len(said) == 1
        else "; ".join(f"{write_number(format_percent(share))} % {name}" for share, name in said)
    )


def _days(first: date, last: date) -> str:
    days = {"first": format_short_day(first), "last": format_short_day(last)}
    return days["first"] if first == last else _("{first} to {last}").format(**days)


def _write(one: Sum) -> str:
    credits_, usd = one.amounts["flex_credits"], one.amounts["usd"]
    said = [_("{amount} flex credits").format(amount=format_amount(credits_))] if credits_ is not None else []
    least = _("at least {amount}") if one.lacks_usd else "{amount}"
    return ", ".join([*said, _("US$ not known") if usd is None else least.format(amount=format_usd(usd))])
