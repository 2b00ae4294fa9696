"""The yardstick: a month of flex credits the plain way, a thread pool and one `requests.post` a user.

It keeps no file and proves nothing; a request that fails counts as no usage, as such scripts do.
"""

import argparse
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed

import requests


def list_users(url: str, key: str) -> list[str]:
    answer = requests.post(f"{url}/api/v1/UserPageAnalytics", json={"service_key": key}, timeout=60)
    return [user["apiKey"] for user in answer.json()["userTableStats"]]


def fetch_user(url: str, key: str, user: str, first: str, last: str) -> list[dict[str, str]]:
    query = {
        "data_source": "QUERY_DATA_SOURCE_CASCADE_DATA",
        "selections": [{"field": name, "name": name} for name in ("date", "model", "flex_credits_used")],
        "filters": [
            {"name": "api_key", "filter": "QUERY_FILTER_EQUAL", "value": user},
            {"name": "date", "filter": "QUERY_FILTER_GE", "value": first},
            {"name": "date", "filter": "QUERY_FILTER_LE", "value": last},
        ],
    }
    try:
        answer = requests.post(
            f"{url}/api/v1/Analytics", json={"service_key": key, "query_requests": [query]}, timeout=60
        )
        return [row["item"] for row in answer.json()["queryResults"][0].get("responseItems", [])]
    except (requests.RequestException, ValueError, KeyError):
        return []


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--workers", type=int, default=50)
    arguments = parser.parse_args()
    users = list_users(arguments.url, "demo-key")
    by_model: dict[str, float] = defaultdict(float)
    with ThreadPoolExecutor(arguments.workers) as pool:
        futures = [
            pool.submit(fetch_user, arguments.url, "demo-key", user, "2025-09-01", "2025-09-30") for user in users
        ]
        for future in as_completed(futures):
            for item in future.result():
                by_model[item["model"]] += float(item.get("flex_credits_used") or 0) / 100
    print(f"{sum(by_model.values()):,.2f}")


if __name__ == "__main__":
    main()
