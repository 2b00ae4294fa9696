"""The consumption endpoint of v2alpha: the company's credits by day or month, user, model and ide, in pages."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flexlib.demo.company import NO_MODEL, Company, Row
from flexlib.demo.query import QueryRefused
from flexlib.demo.team import Team

GROUPS = ("user", "model_uid", "ide")
MAX_DAYS, MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 90, 10_000, 1_000
STAMP_LENGTH = {"daily": 10, "monthly": 7, "": 0}  # of an ISO day


@dataclass(frozen=True)
class Page:
    """Which rows are asked for: the span, how they are grouped, from where on; `parameters` is how it was asked."""

    first: str
    last: str
    granularity: str
    groups: tuple[str, ...]
    user_id: str
    size: int
    offset: int
    parameters: tuple[tuple[str, str], ...]


def parse_page(parameters: Mapping[str, str]) -> Page:
    """The page that the query string asks for; a cursor overrides all else. Raises `QueryRefused`."""
    if "page_cursor" in parameters:
        return _read_cursor(parameters["page_cursor"])
    return _parse_page(parameters, 0)


def _parse_page(parameters: Mapping[str, str], offset: int) -> Page:
    if parameters.get("product") != "agent":
        raise QueryRefused("product is required and must be agent")
    first, last = (_parse_day(parameters, name) for name in ("start_date", "end_date"))
    if last < first:
        raise QueryRefused("end_date must not be before start_date")
    if (last - first).days + 1 > MAX_DAYS:
        raise QueryRefused(f"date range must not exceed {MAX_DAYS} days")
    granularity = parameters.get("granularity", "")
    if granularity not in STAMP_LENGTH:
        raise QueryRefused(f"invalid granularity: {granularity}")
    groups = tuple(name for name in parameters.get("group_by", "").split(",") if name)
    if unknown := [name for name in groups if name not in GROUPS]:
        raise QueryRefused(f"invalid group_by: {unknown[0]}")
    size = parameters.get("page_size", str(DEFAULT_PAGE_SIZE))
    if not size.isdecimal() or not 1 <= int(size) <= MAX_PAGE_SIZE:
        raise QueryRefused(f"page_size must be between 1 and {MAX_PAGE_SIZE}")
    return Page(
        first=first.isoformat(),
        last=last.isoformat(),
        granularity=granularity,
        groups=groups,
        user_id=parameters.get("user_id", ""),
        size=int(size),
        offset=offset,
        parameters=tuple(parameters.items()),
    )


def answer_consumption(page: Page, company: Company, today: str, team: Team) -> dict[str, Any]:
    """`data` and `pagination` of the answer, up to `today`; rows sorted by what they are grouped by."""
    grouped = page.granularity or page.groups
    totals: dict[tuple[str, ...], list[int]] = {} if grouped else {("",): [0, 0, 0]}
    for row in company.read_rows(page.first, min(page.last, today)):
        if page.user_id in ("", company.find_person(row.key).user_id):
            total = totals.setdefault(_group_row(row, page), [0, 0, 0])
            total[0] += row.prompt_credits
            total[1] += row.flex_credits
            total[2] += 1
    end = page.offset + page.size
    data = [_write_row(group, totals[group], page, company, team) for group in sorted(totals)[page.offset : end]]
    cursor = _write_cursor(page, end) if end < len(totals) else None
    return {"data": data, "pagination": {"next_page_cursor": cursor}}


def _group_row(row: Row, page: Page) -> tuple[str, ...]:
    values = {"user": row.key, "model_uid": row.model, "ide": row.ide}
    return (row.day[: STAMP_LENGTH[page.granularity]], *(values[name] for name in page.groups))


def _write_row(group: tuple[str, ...], total: list[int], page: Page, company: Company, team: Team) -> dict[str, Any]:
    row = {"timestamp": group[0]} if page.granularity else {}
    for name, value in zip(page.groups, group[1:], strict=True):
        if name == "user":
            person = company.find_person(value)
            row |= {"user_id": person.user_id, "user_email": person.email}
        elif value != NO_MODEL:
            row[name] = value
    prompt, flex, count = total
    if team.billing_strategy == "ACU":
        return row | {"consumption": {"billed_acus": round((prompt + flex) / 10_000, 4), "message_count": count}}
    write = _write_credits if team.consumption_unit == "credits" else int
    return row | {"consumption": {"prompt_credits": write(prompt), "flex_credits": write(flex), "message_count": count}}


def _write_credits(hundredths: int) -> int | float:
    """Credits as a JSON number: whole ones without a point, others exact to the hundredth when read as a decimal."""
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def _parse_day(parameters: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(parameters.get(name, ""))
    except ValueError as error:
        raise QueryRefused(f"{name} is required and must be YYYY-MM-DD") from error


def _write_cursor(page: Page, offset: int) -> str:
    return base64.urlsafe_b64encode(urlencode([*page.parameters, ("offset", offset)]).encode()).decode()


def _read_cursor(cursor: str) -> Page:
    try:
        parameters = dict(parse_qsl(base64.urlsafe_b64decode(cursor).decode(), strict_parsing=True))
        offset = int(parameters.pop("offset"))
    except (ValueError, KeyError) as error:
        raise QueryRefused("invalid page_cursor") from error
    return _parse_page(parameters, offset)
