"""Reads a SQLite ledger as Arrow in a process of its own, which `sqlite.py` starts and asks.

ADBC brings a SQLite of its own, and two of them in one process drop each other's locks on the file (POSIX locks are the
process's): a row recorded meanwhile may then go into a log that the other has deleted. Between processes locks hold.
Requests come as a line of JSON each, a `query` and its `batch_rows`, and are answered by an Arrow stream each. All are
of one state of the ledger: the connection is in one transaction all the time.
"""

from __future__ import annotations

import json
import sys


def answer(uri: str) -> None:
    """Answers the requests on stdin until there are no more."""
    import pyarrow as pa
    from adbc_driver_manager import AdbcConnection, AdbcStatement  # not its DB-API, which loads pandas
    from adbc_driver_sqlite import connect

    with connect(uri) as database, AdbcConnection(database) as connection:
        connection.set_autocommit(False)
        for line in sys.stdin:
            request = json.loads(line)
            with AdbcStatement(connection) as statement:
                statement.set_options(**{"adbc.sqlite.query.batch_rows": str(request["batch_rows"])})
                statement.set_sql_query(request["query"])
                reader = pa.RecordBatchReader.from_stream(statement.execute_query()[0])
                with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as stream:
                    for batch in reader:
                        stream.write_batch(batch)
                reader.close()
            sys.stdout.flush()


if __name__ == "__main__":
    answer(sys.argv[1])
