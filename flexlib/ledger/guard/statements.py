"""The statements by which amounts are held of counters of limits."""

from flexlib.ledger.db.table import COUNTER_KEY, COUNTERS, HOLDS

KEY = " AND ".join(f"{name} = ?" for name in COUNTER_KEY)
NAMES = ", ".join(COUNTER_KEY)
INSERT_HOLD = f"INSERT INTO {HOLDS} (hold, {NAMES}, amount, expires) VALUES (?, ?, ?, ?, ?, ?, ?)"
KEEP = f"""
    INSERT INTO {HOLDS} (hold, {NAMES}, amount, expires) SELECT ?, {NAMES}, ?, until FROM {COUNTERS} WHERE {KEY}
    ON CONFLICT DO NOTHING RETURNING hold
"""  # noqa: S608
INCREASE = f"UPDATE {COUNTERS} SET held = held + ? WHERE {KEY}"  # noqa: S608

LOOK = f"""
    SELECT spent, held, EXISTS (SELECT 1 FROM {HOLDS} WHERE hold = ? AND {KEY}) FROM {COUNTERS} WHERE {KEY}
"""  # noqa: S608

# On PostgreSQL a round trip each. The counters are locked first and read as they then are: what stood before another
# transaction ended is not what is left. A hold whose counter is gone goes too, after those locks.
# The end of a transaction that is `alone` in this does not wait for the disk: what a crash of the server brings back
# expires by itself.
_ASKED = "unnest(%(scope)s::text[], %(value)s::text[], %(first)s::timestamptz[], %(until)s::timestamptz[]"
_SAME = " AND ".join(f"one.{name} = other.{name}" for name in COUNTER_KEY)
_IN_ORDER = f"ORDER BY {NAMES} FOR UPDATE OF {COUNTERS}"
LOCK = f"""
    SELECT 1 FROM {COUNTERS} JOIN unnest(%(scope)s::text[], %(value)s::text[]) asked (scope, value) USING (scope, value)
    WHERE until > %(since)s {_IN_ORDER}
"""  # noqa: S608
HOLD = f"""
    WITH counter AS MATERIALIZED (
        SELECT {NAMES}, most - spent - held >= %(amount)s AS has_room
        FROM {COUNTERS} JOIN {_ASKED}, %(most)s::numeric[]) asked ({NAMES}, most) USING ({NAMES}) {_IN_ORDER}
    ), answer AS MATERIALIZED (
        SELECT count(*) = %(number)s AND bool_and(has_room
            OR EXISTS (SELECT 1 FROM {HOLDS} other WHERE hold = %(hold)s AND {_SAME})) AS is_yes
        FROM counter one
    ), new AS (
        INSERT INTO {HOLDS} (hold, {NAMES}, amount, expires)
        SELECT %(hold)s, {NAMES}, %(amount)s, %(expires)s FROM counter, answer WHERE is_yes
        ON CONFLICT DO NOTHING RETURNING {NAMES}
    ), increased AS (
        UPDATE {COUNTERS} one SET held = held + %(amount)s FROM new other WHERE {_SAME}
    )
    SELECT is_yes FROM answer
"""  # noqa: S608
RELEASE = f"""
    WITH counter AS MATERIALIZED (
        SELECT {NAMES} FROM {COUNTERS} JOIN {HOLDS} USING ({NAMES}) WHERE hold = %(hold)s {_IN_ORDER}
    ), gone AS (
        DELETE FROM {HOLDS} WHERE hold = %(hold)s AND (SELECT count(*) FROM counter) >= 0
            AND (NOT %(alone)s OR set_config('synchronous_commit', 'off', true) = 'off')
        RETURNING *
    )
    UPDATE {COUNTERS} one SET held = held - other.amount FROM gone other WHERE {_SAME}
"""  # noqa: S608
