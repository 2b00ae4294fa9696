"""The second yardstick: the same requests through requests-futures with nothing around them: no check, no file."""

import argparse

from requests_futures.sessions import FuturesSession

KEY = {"service_key": "demo-key"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--workers", type=int, default=50)
    arguments = parser.parse_args()
    with FuturesSession(max_workers=arguments.workers, adapter_kwargs={"pool_maxsize": arguments.workers}) as session:
        url = arguments.url
        people = session.post(f"{url}/api/v1/UserPageAnalytics", json=KEY).result().json()
        futures = [
            session.post(f"{url}/api/v1/Analytics", json=build_query(user["apiKey"]))
            for user in people["userTableStats"]
        ]
        items = [
            row["item"]
            for future in futures
            for row in future.result().json()["queryResults"][0].get("responseItems", [])
        ]
    print(f"{sum(int(item.get('flex_credits_used') or 0) for item in items) / 100:,.2f}")


def build_query(user: str) -> dict[str, object]:
    fields = ("api_key", "date", "model", "prompts_used", "flex_credits_used")
    query = {
        "data_source": "QUERY_DATA_SOURCE_CASCADE_DATA",
        "selections": [{"field": name, "name": name} for name in fields],
        "filters": [
            {"name": "api_key", "filter": "QUERY_FILTER_EQUAL", "value": user},
            {"name": "date", "filter": "QUERY_FILTER_GE", "value": "2025-09-01"},
            {"name": "date", "filter": "QUERY_FILTER_LE", "value": "2025-09-30"},
        ],
    }
    return {**KEY, "query_requests": [query]}


if __name__ == "__main__":
    main()
