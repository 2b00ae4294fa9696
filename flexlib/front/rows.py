"""Rows as a DuckDB relation that stays exact in pandas, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexlib.store.engines import to_exact_frame

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

TO_PANDAS = ("df", "to_df", "fetchdf")
"""DuckDB's own ways to pandas, which make a float of a Decimal."""


class Rows:
    """A DuckDB relation (`filter`, `select`, `aggregate`, `order` ...), and `frame()` for pandas."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self.relation = relation
        """DuckDB's own."""

    def frame(self) -> pd.DataFrame:
        """The rows in pandas, exact: amounts are Decimals, counts that may be missing `Int64`."""
        return to_exact_frame(self.relation.to_arrow_table())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the relation has)
        if name.startswith("_"):
            raise AttributeError(name)
        if name in TO_PANDAS:
            return self.frame
        found = getattr(self.relation, name)
        return _keep_exact(found) if callable(found) else found

    def __dir__(self) -> list[str]:
        return sorted({"frame", "relation", *dir(self.relation)})

    def __len__(self) -> int:
        return len(self.relation)

    def __repr__(self) -> str:
        return repr(self.relation)


def _keep_exact(method: Any) -> Any:  # noqa: ANN401 (a method of the relation)
    import duckdb

    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        plain = [one.relation if isinstance(one, Rows) else one for one in arguments]
        found = method(*plain, **options)
        return Rows(found) if isinstance(found, duckdb.DuckDBPyRelation) else found

    return call
