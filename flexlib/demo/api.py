"""The endpoints of the demo server: from a request's parts to a whole answer. The wire and its faults are not here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flexlib.demo.answers import answer_query
from flexlib.demo.cascade import answer_cap, answer_cascade
from flexlib.demo.company import Company
from flexlib.demo.consumption import answer_consumption, parse_page
from flexlib.demo.query import QueryRefused, parse_query
from flexlib.demo.team import Team, answer_balance, answer_people, find_freshness, read_day, write_time

JSON, HTML = "application/json", "text/html"
CONSUMPTION = "/api/v2alpha/analytics/consumption"


@dataclass(frozen=True)
class Request:
    """One request: `parameters` of the query string, `bearer` as in the Authorization header, `body` read as JSON."""

    method: str
    path: str
    parameters: Mapping[str, str]
    bearer: str
    body: object
    is_refreshed: bool = False
    """Whether it comes after the vendor has refreshed its data."""

    @property
    def queries(self) -> list[object]:
        """The queries it holds, as they came."""
        queries = self.body.get("query_requests") if isinstance(self.body, dict) else None
        return queries if isinstance(queries, list) else []


@dataclass(frozen=True)
class ApiResponse:
    """A whole answer."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds until it is sent."""
    sent: int | None = None
    """Bytes after which the connection is closed, -1: before the head; None: it is sent whole."""


class _Refused(Exception):
    """Ends a request with an error: status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Answers requests for `company` to whoever holds `key`. `read_now` gives the time (UTC), which bounds the data."""

    def __init__(self, company: Company, key: str, team: Team, read_now: Callable[[], datetime]) -> None:
        self._companies, self._key, self._team, self._now = (company, company.refresh()), key, team, read_now
        self._posts: dict[str, Callable[[dict[str, Any], Company], dict[str, Any]]] = {
            "/api/v1/Analytics": self._post_analytics,
            "/api/v1/UserPageAnalytics": lambda body, company: answer_people(body, company, self._now(), team),
            "/api/v1/GetTeamCreditBalance": lambda body, company: answer_balance(company, self._now(), team),
            "/api/v1/CascadeAnalytics": lambda body, company: answer_cascade(body, company, self._now()),
            "/api/v1/GetUsageConfig": answer_cap,
            "/api/v1/UsageConfig": _refuse_writing,
        }

    def answer(self, request: Request) -> ApiResponse:
        """The answer to one request; what it asks in vain is an answer too."""
        asked, posts, company = (request.method, request.path), self._posts, self._companies[request.is_refreshed]
        try:
            if asked == ("GET", "/"):
                return ApiResponse(200, b"The demo server of flexlib: made-up people, no real ones.\n", "text/plain")
            if asked == ("GET", CONSUMPTION):
                return write_reply(self._get_consumption(request.parameters, request.bearer, company))
            if request.method == "POST" and request.path in posts:
                return write_reply(posts[request.path](self._open_body(request.body), company))
            known = request.path in ("/", CONSUMPTION) or request.path in posts
            raise _Refused(405, "method not allowed") if known else _Refused(404, "not found")
        except QueryRefused as error:
            return write_reply({"error": str(error)}, 400)
        except _Refused as error:
            return write_reply({"error": str(error)}, error.status)

    def _open_body(self, body: object) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise _Refused(400, "invalid request body")
        if body.get("service_key") != self._key:
            raise _Refused(401, "Invalid service key")
        if body.get("group_name") and body.get("emails"):
            raise QueryRefused("Cannot use both group_name and emails parameters")
        if group := body.get("group_name"):
            raise QueryRefused(f"invalid group name: {group}")
        return body

    def _post_analytics(self, body: dict[str, Any], company: Company) -> dict[str, Any]:
        for name in ("start_timestamp", "end_timestamp"):
            read_day(body, name, self._now())
        requests = body.get("query_requests")
        if not isinstance(requests, list) or not requests:
            raise QueryRefused("at least one query request is required")
        today = self._now().date().isoformat()
        answers = [answer_query(parse_query(one), company, today, self._team.nil_numbers) for one in requests]
        return {
            "queryResults": [{"responseItems": [{"item": one} for one in items]} if items else {} for items in answers]
        }

    def _get_consumption(self, parameters: Mapping[str, str], bearer: str, company: Company) -> dict[str, Any]:
        if bearer != f"Bearer {self._key}":
            raise _Refused(401, "Invalid service key")
        now, page = self._now(), parse_page(parameters)
        if self._team.billing_strategy == "QUOTA":
            raise QueryRefused("QUOTA billing strategy is not yet supported by this endpoint")
        metadata = {
            "billing_strategy": self._team.billing_strategy,
            "data_freshness": write_time(find_freshness(now)),
            "query_time_ms": 12,
            "team_id": f"team_demo_{company.seed}",
        }
        return {**answer_consumption(page, company, now.date().isoformat(), self._team), "metadata": metadata}


def _refuse_writing(body: dict[str, Any], company: Company) -> dict[str, Any]:
    """The demo's key may read only."""
    raise _Refused(403, "Insufficient permissions")


def write_reply(answer: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """An answer in JSON."""
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    return ApiResponse(status, body, headers=headers or {})
