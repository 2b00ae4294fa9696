"""The endpoints of the demo server: from a request's parts to a whole answer. The wire and its faults are not here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flexlib.demo.answers import Item, answer_query
from flexlib.demo.company import Company
from flexlib.demo.consumption import answer_consumption, parse_page
from flexlib.demo.faults import Faults
from flexlib.demo.limits import HourlyLimit
from flexlib.demo.query import CASCADE, Query, QueryRefused, parse_query
from flexlib.demo.spoil import cut_answers, resolve_users, spoil_items
from flexlib.demo.team import answer_balance, answer_people, find_freshness, read_day, write_time

GATEWAY_PAGE = (
    b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n"
    b"<body><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>nginx</center></body>\r\n"
    b"</html>\r\n"
)
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

    @property
    def queries(self) -> int:
        """How many queries it holds."""
        queries = self.body.get("query_requests") if isinstance(self.body, dict) else None
        return len(queries) if isinstance(queries, list) else 0


@dataclass(frozen=True)
class ApiResponse:
    """A whole answer."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class _Refused(Exception):
    """Ends a request with an error: status, message, headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}


class Api:
    """Answers requests for `company` to whoever holds `key`. `read_now` gives the time (UTC), which bounds the data.

    Raises `BadSetting` when `faults` names a user whom the company does not know.
    """

    def __init__(self, company: Company, key: str, faults: Faults, read_now: Callable[[], datetime]) -> None:
        self._company, self._key, self._now = company, key, read_now
        self._faults = resolve_users(faults, company)
        self._hourly = HourlyLimit(faults.consumption_limit)
        self._posts: dict[str, Callable[[dict[str, Any]], ApiResponse]] = {
            "/api/v1/Analytics": self._post_analytics,
            "/api/v1/UserPageAnalytics": self._post_people,
            "/api/v1/GetTeamCreditBalance": self._post_balance,
        }

    def answer(self, request: Request) -> ApiResponse:
        """The answer to one request; what it asks in vain is an answer too."""
        asked, posts = (request.method, request.path), self._posts
        try:
            if asked == ("GET", "/"):
                return ApiResponse(200, b"The demo server of flexlib: made-up people, no real ones.\n", "text/plain")
            if asked == ("GET", CONSUMPTION):
                return self._get_consumption(request.parameters, request.bearer)
            if request.method == "POST" and request.path in posts:
                return posts[request.path](self._open_body(request.body))
            known = request.path in ("/", CONSUMPTION) or request.path in posts
            raise _Refused(405, "method not allowed") if known else _Refused(404, "not found")
        except QueryRefused as error:
            return _write_reply({"error": str(error)}, 400)
        except _Refused as error:
            return _write_reply({"error": str(error)}, error.status, error.headers)

    def _open_body(self, body: object) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise _Refused(400, "invalid request body")
        if body.get("service_key") != self._key:
            raise _Refused(401, "Invalid service key")
        return body

    def _check(self, permission: str, body: Mapping[str, object]) -> None:
        if permission in self._faults.deny:
            raise _Refused(403, "Insufficient permissions")
        if group := body.get("group_name"):
            raise _Refused(400, f"invalid group name: {group}")

    def _post_people(self, body: dict[str, Any]) -> ApiResponse:
        self._check("users", body)
        return _write_reply(answer_people(body, self._company, self._now(), self._faults))

    def _post_balance(self, body: dict[str, Any]) -> ApiResponse:
        self._check("balance", body)
        return _write_reply(answer_balance(self._company, self._now(), self._faults))

    def _post_analytics(self, body: dict[str, Any]) -> ApiResponse:
        self._check("analytics", body)
        for name in ("start_timestamp", "end_timestamp"):
            read_day(body, name, self._now())
        requests = body.get("query_requests")
        if not isinstance(requests, list) or not requests:
            raise QueryRefused("at least one query request is required")
        if 0 < self._faults.max_queries < len(requests):
            raise QueryRefused(f"too many query requests: {len(requests)}, at most {self._faults.max_queries}")
        queries = [self._parse_query(request) for request in requests]
        if any(query.key in self._faults.failing_user for query in queries):
            return ApiResponse(503, GATEWAY_PAGE, HTML)
        if refused := [query.key for query in queries if query.key in self._faults.refused_user]:
            raise QueryRefused(f"invalid value of the filter on api_key: {refused[0]}")
        answers = cut_answers((self._answer_query(query) for query in queries), self._faults)
        results = [{"responseItems": [{"item": item.values} for item in items]} if items else {} for items in answers]
        return _write_reply({"queryResults": results})

    def _parse_query(self, request: object) -> Query:
        query = parse_query(request)
        if self._faults.data_source_gone and query.source == CASCADE:
            raise QueryRefused("invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED")
        if self._faults.refuse_aggregation and query.is_aggregated:
            asked = [(one.field, one.function) for one in query.selections]
            field, function = [*asked, *((field, "UNSPECIFIED") for field, _ in query.groups)][0]
            raise QueryRefused(
                f"invalid aggregation function for string type field {field}: QUERY_AGGREGATION_{function}"
            )
        return query

    def _answer_query(self, query: Query) -> list[Item]:
        today = self._now().date().isoformat()
        return spoil_items(answer_query(query, self._company, today, self._faults.nil_numbers), query, self._faults)

    def _get_consumption(self, parameters: Mapping[str, str], bearer: str) -> ApiResponse:
        if bearer != f"Bearer {self._key}":
            raise _Refused(401, "Invalid service key")
        self._check("consumption", {})
        now = self._now()
        page = parse_page(parameters)
        if self._faults.billing_strategy == "QUOTA":
            raise _Refused(400, "QUOTA billing strategy is not yet supported by this endpoint")
        wait = 0 if page.is_followed else self._hourly.take(now.timestamp())
        if wait:
            raise _Refused(429, "429 Too Many Requests", {"Retry-After": str(wait)})
        metadata = {
            "billing_strategy": self._faults.billing_strategy,
            "data_freshness": write_time(find_freshness(now)),
            "query_time_ms": 12,
            "team_id": f"team_demo_{self._company.seed}",
        }
        answer = answer_consumption(page, self._company, now.date().isoformat(), self._faults)
        return _write_reply({**answer, "metadata": metadata})


def _write_reply(answer: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> ApiResponse:
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    return ApiResponse(status, body, headers=headers or {})
