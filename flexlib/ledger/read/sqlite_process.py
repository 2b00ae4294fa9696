"""Reads a SQLite ledger as Arrow in a process of its own, which `sqlite.py` starts and asks.

ADBC brings a SQLite of its own, and two of them in one process drop each other's locks on the file (POSIX locks are the
process's): a row recorded meanwhile may then go into a log that the other has deleted. Between processes locks hold.
Requests come as a line of JSON each: `one`, answered by a line with the one row of that query, and `rows`, answered by
an Arrow stream. Both are of one state of the ledger: the connection is in one transaction all the time.
"""

from __future__ import annotations

import json
import sys


def answer(uri: str) -> None:
    """Answers the requests on stdin until there are no more."""
    import pyarrow as pa
    from adbc_driver_sqlite import dbapi

    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        for line in sys.stdin:
            request = json.loads(line)
            if "one" in request:
                cursor.execute(request["one"])
                print(json.dumps(cursor.fetchone()), flush=True)
                continue
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(request["batch_rows"])})
            cursor.execute(request["rows"])
            reader = cursor.fetch_record_batch()
            with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as stream:
                for batch in reader:
                    stream.write_batch(batch)
            reader.close()
            sys.stdout.flush()


if __name__ == "__main__":
    answer(sys.argv[1])
