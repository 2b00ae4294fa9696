"""Times as files of calls write them, and dates without one: SQL that finds the nanosecond of each row.

A date alone is a day, wherever it was written: its row stands at midnight UTC and keeps its date in every time zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import show_cell

ISO = (
    r"^((?:1999|20\d\d|2100)-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?"
    r" ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?)?)?$"
)
EPOCH = r"^(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.(\d{1,9}))?$"
"""Seconds, milliseconds, microseconds or nanoseconds since 1970: for 2000 to 2099 no two have as many digits."""
PARTED = r"^(\d{1,2})[/.-](\d{1,2})[/.-](20\d\d)(?: (\d{1,2}(?::\d\d){1,2}))?$"
"""A date that begins with its day or its month."""

MACROS = r"""
CREATE MACRO read_offset(x) AS
    CASE WHEN x IN ('Z', 'z', 'UTC') THEN 0
         ELSE CASE x[1] WHEN '-' THEN -60 ELSE 60 END * (try_cast(x[2:3] AS BIGINT) * 60
              + CASE WHEN length(x) > 3 THEN try_cast(right(x, 2) AS BIGINT) ELSE 0 END) END;
CREATE MACRO read_fraction(x) AS try_cast(rpad(x, 9, '0') AS BIGINT);
CREATE MACRO read_epoch(whole, fraction) AS
    (try_cast(whole AS HUGEINT) * 1000000000 + read_fraction(fraction))
    // CASE WHEN length(whole) < 11 THEN 1 WHEN length(whole) < 14 THEN 1000
            WHEN length(whole) < 17 THEN 1000000 ELSE 1000000000 END;
CREATE MACRO write_clock(x) AS
    CASE WHEN x = '' THEN '' WHEN x[2] = ':' THEN ' 0' || x ELSE ' ' || x END;
CREATE MACRO part_date(x) AS regexp_extract(x, '{parted}', ['first', 'second', 'year', 'clock']);
CREATE MACRO order_date(d, day, month) AS
    d.year || '-' || lpad(month, 2, '0') || '-' || lpad(day, 2, '0') || write_clock(d.clock);
CREATE MACRO is_parted(x) AS regexp_matches(x, '{parted}');
CREATE MACRO write_iso(x) AS
    CASE WHEN x[5] = '-' AND x[8] = '-' THEN x
         WHEN regexp_full_match(x, '20\d{6}') THEN x[1:4] || '-' || x[5:6] || '-' || x[7:8]
         WHEN regexp_matches(x, '^20\d\d/\d\d/\d\d') THEN x[1:4] || '-' || x[6:7] || '-' || x[9:]
         {ordered}
         ELSE x END;
CREATE MACRO read_iso(x) AS regexp_extract(write_iso(x), '{iso}', ['day', 'clock', 'fraction', 'zone']);
CREATE MACRO read_clock(day, clock) AS try_cast(day || CASE clock WHEN '' THEN '' ELSE ' ' || clock END AS TIMESTAMP);
CREATE MACRO read_us(iso, epoch) AS
    CASE WHEN epoch.whole <> '' THEN read_epoch(epoch.whole, epoch.fraction) // 1000
         ELSE epoch_us(read_clock(iso.day, iso.clock))
              - CASE iso.zone WHEN '' THEN 0 ELSE read_offset(iso.zone) * 1000000 END END;
CREATE MACRO find_us(x) AS read_us(read_iso(x), regexp_extract(x, '{epoch}', ['whole', 'fraction']));
"""

ORDERS = {"dmy": "part_date(x).first, part_date(x).second", "mdy": "part_date(x).second, part_date(x).first"}
"""Where the day and the month of such a date stand."""

FIRST_NS, END_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""From 2000 up to 2100 (a month needs a next one), in nanoseconds since 1970."""

HOUR = 60 * 60 * 10**6
SPANS = {"hour": (0, HOUR), "day": (HOUR, 25 * HOUR), "month": ((28 * 24 - 1) * HOUR, (31 * 24 + 1) * HOUR)}
"""Microseconds of a period of each grain, more than the first and up to the second; the clock may change in it."""

CLOCKS = ("late", "early", "is_early", "is_late")


def build_time_macros(date_order: str | None) -> str:
    """SQL of the macros that `select_instants` uses; `date_order` as in `CallMapping`."""
    ordered = f"WHEN is_parted(x) THEN order_date(part_date(x), {ORDERS[date_order]})" if date_order else ""
    macros = MACROS.replace("{ordered}", ordered).replace("{parted}", PARTED)
    return macros.replace("{iso}", ISO).replace("{epoch}", EPOCH)


def select_instants(mapping: CallMapping, zone: str, source: str) -> str:
    """The tables, for a WITH, that end in `instants`: the rows of `source` with `ns`, null where there is no such time.

    `is_day`: whether nothing but a date is told; `is_early` and `is_late`: which of the two readings of its clock are
    times of the zone (a literal), where the text names none.
    """
    # Clocks are only looked up where the text names no zone: it takes longer than all the rest.
    is_local = "iso.zone = '' AND NOT is_day"
    clocks = {
        "late": f"CASE WHEN {is_local} THEN timezone({zone}, clock) END",
        "early": f"CASE WHEN {is_local} THEN late - INTERVAL 1 HOUR END",
        "is_early": f"CASE WHEN {is_local} THEN timezone({zone}, early) = clock ELSE false END",
        "is_late": f"CASE WHEN {is_local} THEN timezone({zone}, late) = clock ELSE false END",
    }
    if mapping.timezone == "UTC":
        clocks = {"late": "clock", "early": "clock", "is_early": "false", "is_late": is_local}
    zoned, judged = ([f"{clocks[name]} AS {name}" for name in pair] for pair in (CLOCKS[:2], CLOCKS[2:]))
    is_date = mapping.grain in ("day", "month") and mapping.rules > 1
    midnight = " OR iso.zone = '' AND iso.clock IN ('00:00', '00:00:00')" if is_date else ""
    return f"""
        parts AS (
            SELECT *, read_iso(created_at) AS iso
            FROM {source}),
        clocks AS (
            SELECT *, iso.day <> '' AND (iso.clock = ''{midnight}) AS is_day,
                read_clock(iso.day, iso.clock) AS clock,
                CASE WHEN iso.day = '' THEN regexp_extract(created_at, '{EPOCH}', ['whole', 'fraction']) END AS epoch
            FROM parts),
        zoned AS (SELECT *, {", ".join(zoned)} FROM clocks),
        instants AS (
            SELECT *, {", ".join(judged)},
                CASE WHEN is_day THEN epoch_us(clock)
                     WHEN iso.zone <> '' THEN epoch_us(clock) - read_offset(iso.zone) * 1000000
                     WHEN is_early THEN epoch_us(early) WHEN is_late THEN epoch_us(late) END AS start_us,
                CASE WHEN epoch.whole <> '' THEN read_epoch(epoch.whole, epoch.fraction)
                     ELSE (start_us * 1000 + read_fraction(iso.fraction))::HUGEINT END AS ns
            FROM zoned)"""


def find_grain(mapping: CallMapping) -> str:
    """SQL of a row's grain as the end of its period tells it, where it does; null for a period that is no grain."""
    told = " ".join(f"WHEN span <= {most} AND span > {least} THEN '{grain}'" for grain, (least, most) in SPANS.items())
    span = "CASE WHEN ended_at IS NOT NULL THEN find_us(ended_at) - find_us(created_at) END"
    return f"(SELECT CASE {told} WHEN ended_at IS NULL THEN '{mapping.grain}' END FROM (SELECT {span} AS span))"


def is_within_day(mapping: CallMapping, zone: str) -> str:
    """SQL that is true of a row whose time is no midnight: none that it writes, and none of UTC or of the zone."""
    moment = "make_timestamp(value_created_ns // 1000)"
    local = f"timezone({zone}, timezone('UTC', {moment}))" if mapping.timezone != "UTC" else moment
    midnights = [f"{one}::TIME = TIME '00:00'" for one in dict.fromkeys((moment, local))]
    return f"NOT (is_day OR iso.clock IN ('00:00', '00:00:00') OR {' OR '.join(midnights)})"


def check_days(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Raises `BadFile` for a row in `judged` that cannot be of a whole day, in a file of days."""
    found = connection.execute(
        "SELECT line, within_day FROM judged WHERE within_day IS NOT NULL AND fault IS NULL ORDER BY line LIMIT 1"
    ).fetchall()
    for line, text in found:
        raise BadFile(
            _(
                "{name} has a time within a day in line {line} ({text}), so its rows are no whole days: give "
                "--grain hour, or with --timezone the zone whose midnight it is."
            ).format(name=file.name, line=line, text=text)
        )


def find_time_faults(mapping: CallMapping, zone: str) -> dict[str, str]:
    """SQL of why a text is no time: a reason for each condition."""
    is_unordered = "false" if mapping.date_order else "is_parted(created_at)"
    is_odd = {"value_grain IS NULL": "'no period of an hour, a day or a month: ' || created_at || ' to ' || ended_at"}
    return (is_odd if "ended_at" in mapping.columns else {}) | {
        "created_at IS NULL": "'no time'",
        "created_at IS NOT NULL AND value_created_ns IS NULL": f"""
            CASE WHEN is_skipped THEN 'no such time in ' || {zone} || ': ' || created_at || ' (the clock skipped it)'
                 WHEN {is_unordered}
                 THEN 'created_at is ambiguous (' || created_at || ': day or month first?); give --date-order'
                 ELSE 'not a time of 2000 to 2099: ' || {show_cell("created_at")} END""",
    }


def read_instant(value: object) -> datetime | None:
    """The time that a value of JSON tells, ISO or since 1970; None where it is none of 2000 to 2099.

    >>> read_instant(1777593600), read_instant("2026-05-01T02:00:00+02:00") == read_instant("2026-05-01")
    (datetime.datetime(2026, 5, 1, 0, 0, tzinfo=datetime.timezone.utc), True)
    """
    text = str(value)
    if re.fullmatch(EPOCH, text):
        whole = text.split(".")[0]
        return datetime.fromtimestamp(int(whole) // 1000 ** ((len(whole) - 9) // 3), timezone.utc)
    if not (parts := re.fullmatch(ISO, text)):
        return None
    day, clock, fraction, zone = (part or "" for part in parts.groups())
    zone = "+00:00" if zone in ("", "Z", "z", "UTC") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{'.' * bool(fraction)}{fraction[:6]}{zone}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):  # such as the 31st of February, or one after the year 9999 once it is in UTC
        return None


def prove_date_order(connection: duckdb.DuckDBPyConnection, file: Path) -> str | None:
    """The order that a day above 12 proves for the dates in `judged` that nobody ordered; None where none does.

    Raises `BadFile` where they prove both.
    """
    ((is_day_first, is_month_first),) = connection.execute("""
        SELECT coalesce(max(told.first::INT) > 12, false), coalesce(max(told.second::INT) > 12, false)
        FROM (SELECT part_date(unordered) AS told FROM judged WHERE unordered IS NOT NULL)""").fetchall()
    if is_day_first and is_month_first:
        raise BadFile(
            _(
                "{name} has dates with the day first and dates with the month first; write them all as 2026-03-15."
            ).format(name=file.name)
        )
    return "dmy" if is_day_first else "mdy" if is_month_first else None
