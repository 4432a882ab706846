"""PostgreSQL, a real server: declared queries, read-only, with the server's words where it refuses."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from servers import distribution, free_port, postgres, timescale

from deploybook.errors import QueryRejected, SourceError, SourceUnreachable
from deploybook.model import Pulled, Source
from deploybook.sources import Request
from deploybook.sources.postgres import in_time, pull
from deploybook.times import Window

NOON = datetime(2025, 1, 22, 12, tzinfo=UTC)
WANTED = {"jobs_total": "counter", "load": "gauge"}
ROWS = "(VALUES ('2025-01-22T12:00:00Z'::timestamptz, 5), ('2025-01-22T12:00:15Z', 7)) AS t(time, value)"


@pytest.fixture(scope="module", params=[postgres, distribution], ids=["embedded", "distribution"])
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    with request.param() as url:
        put(url, "CREATE SEQUENCE numbers")
        yield url


@pytest.fixture(scope="module")
def hyper() -> Iterator[str]:
    """
    Rows of a table without a policy, of one with, and of a continuous aggregate over it that keeps longer. All is made
    before anything is read: in Node.js every connection is the same session, which stays read-only.
    """
    with timescale() as url:
        put(
            url,
            *(f"CREATE TABLE {name} (time timestamptz NOT NULL, value int)" for name in ("plain", "jobs")),
            *(f"SELECT create_hypertable('{name}', 'time')" for name in ("plain", "jobs")),
            "CREATE MATERIALIZED VIEW jobs_hourly WITH (timescaledb.continuous) AS "
            "SELECT time_bucket('1 hour', time) AS time, max(value) AS value FROM jobs GROUP BY 1 WITH NO DATA",
            "SELECT add_retention_policy('jobs', INTERVAL '30 days')",
            "SELECT add_retention_policy('jobs_hourly', INTERVAL '90 days')",
        )
        yield url


def put(url: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def read(url: str, *, days: int = 0, step: timedelta | None = None, **options: Any) -> Pulled:
    source = Source(name="db", kind="postgres", options={"dsn": "env:DSN", "metric": "jobs_total"} | options, step=step)
    window = Window(start=NOON - timedelta(minutes=10), end=NOON + timedelta(minutes=10))
    return pull(
        Request(
            source=source,
            wanted=WANTED,
            windows=(window,),
            now=NOON + timedelta(days=days, hours=1),
            environ={"DSN": url},
        )
    )


def values(pulled: Pulled) -> list[float]:
    return [float(value) for one in pulled.samples for series in one.series for value in series.values]


def test_a_query_gives_time_value_and_labels_of_any_type(dsn: str) -> None:
    labels = "'a' AS pod, 7::int AS shard, true AS main, '1 day'::interval AS kept, NULL::text AS none"

    pulled = read(dsn, query=f"SELECT {labels}, value::numeric, time FROM {ROWS}")

    (series,) = pulled.samples[0].series
    assert dict(series.labels) == {"pod": "a", "shard": "7", "main": "true", "kept": "1 day"}
    assert (series.times.tolist(), series.values.tolist()) == ([1737547200000, 1737547215000], [5, 7])
    assert pulled.samples[0].engine.startswith("postgresql 1")


def test_several_queries_give_a_metric_each(dsn: str) -> None:
    queries = {"jobs_total": f"SELECT * FROM {ROWS}", "load": f"SELECT time, value * 0.1 AS value FROM {ROWS}"}

    pulled = read(dsn, metric=None, queries=queries)

    assert {one.name: one.series[0].values.tolist() for one in pulled.samples} == {
        "jobs_total": [5, 7],
        "load": [0.5, 0.7],
    }
    assert [original.metrics for original in pulled.originals] == [("jobs_total",), ("load",)]


def test_the_window_and_the_step_are_put_in(dsn: str) -> None:
    query = "SELECT $bucket(at) AS time, count(*) AS value FROM generate_series($start, $end, INTERVAL '1 second') at GROUP BY 1"

    pulled = read(dsn, query=query, step=timedelta(minutes=5))

    assert values(pulled) == [*[300] * 10, 1]
    assert "TIMESTAMPTZ '2025-01-22T11:35:00Z'" in pulled.originals[0].query
    assert {at % 300_000 for at in pulled.samples[0].series[0].times.tolist()} == {0}


def test_times_without_a_zone_are_refused(dsn: str) -> None:
    pulled = read(dsn, query=f"SELECT time::timestamp AS time, value FROM {ROWS}")

    assert pulled.samples == ()
    assert [(note.kind, note.count) for note in pulled.notes] == [("zoneless", 2)]


def test_text_where_a_number_belongs_is_missing(dsn: str) -> None:
    pulled = read(dsn, query=f"SELECT time, CASE value WHEN 5 THEN 'n/a' ELSE '7' END AS value FROM {ROWS}")

    assert values(pulled) == [7]
    assert [(note.kind, note.count) for note in pulled.notes] == [("non_numbers", 1)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DROP TABLE scraped", "syntax error"),
        ("COMMIT", "syntax error"),
        ("SELECT 1) x; DROP TABLE y; SELECT (2", "multiple commands"),
        ("SELECT now() AS time, nextval('numbers') AS value", "read-only"),
        ("SELECT now() AS time, 1 AS value FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1 AS value, 2 AS other", "has no time column"),
        ("SELECT now() AS time, 'a' AS metric, 1 AS v", "no value column (v, time, metric); write 'AS value'"),
        ("SELECT now() AS time, 1 AS value FROM nowhere", "mend the query, or the names beside 'table'"),
    ],
)
def test_what_does_not_only_read_or_cannot_be_read_is_refused(dsn: str, query: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=r"^db: ") as told:
        read(dsn, query=query)

    assert words in str(told.value)


def test_a_statement_ends_in_time(dsn: str) -> None:
    with pytest.raises(SourceUnreachable, match="statement timeout; see 'timeout'"):
        read(dsn, query="SELECT now() AS time, pg_sleep(5)::text AS value", timeout=0.2)


def test_the_time_is_one_budget_for_all_statements_and_what_came_is_kept(dsn: str) -> None:
    queries = {"load": f"SELECT * FROM {ROWS}", "jobs_total": "SELECT now() AS time, pg_sleep(5)::text AS value"}
    start = time.monotonic()

    pulled = read(dsn, metric=None, queries=queries, timeout=1)

    assert time.monotonic() - start < 4
    assert [one.name for one in pulled.samples] == ["load"]
    assert "statement timeout" in pulled.failure
    assert [(note.kind, note.metric) for note in pulled.notes] == [("failed", "jobs_total")]


def test_a_refused_query_does_not_stop_the_others(dsn: str) -> None:
    queries = {"load": "SELECT now() AS time, 1 AS value FROM nowhere", "jobs_total": f"SELECT * FROM {ROWS}"}

    pulled = read(dsn, metric=None, queries=queries)

    assert [one.name for one in pulled.samples] == ["jobs_total"]
    assert [(note.kind, note.metric) for note in pulled.notes] == [("failed", "load")]
    assert 'relation "nowhere" does not exist' in pulled.failure


def test_more_rows_than_fit_are_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploybook.sources.postgres.MOST", 1)

    with pytest.raises(QueryRejected, match=r"more than 1 rows for jobs_total; cut the times with"):
        read(dsn, query=f"SELECT * FROM {ROWS}")


@pytest.mark.parametrize(
    ("dsn", "asked"),
    [
        ("postgresql://h/x", "postgresql://h/x?connect_timeout=30"),
        ("postgresql://h/x?sslmode=require", "postgresql://h/x?sslmode=require&connect_timeout=30"),
        ("host=h dbname=x", "host=h dbname=x connect_timeout=30"),
        ("host=h connect_timeout=5", "host=h connect_timeout=5"),
    ],
)
def test_connecting_has_an_end(dsn: str, asked: str) -> None:
    assert in_time(dsn, 120) == asked


def test_a_server_that_never_answers_is_left_in_time() -> None:
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SourceUnreachable, match="cannot be reached"):
        read(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x", query="SELECT 1", timeout=1)

    assert time.monotonic() - start < 5


def test_no_rows_are_no_data_and_old_ones_no_longer_observable(dsn: str) -> None:
    query = f"SELECT * FROM {ROWS} WHERE value > 100"

    assert read(dsn, query=query).notes == ()
    old = read(dsn, query=query, days=40, retention="30d")
    assert old.samples == ()
    assert [(note.kind, "no longer observable" in note.text) for note in old.notes] == [("missing", True)]


def test_a_window_older_than_the_oldest_row_is_no_longer_observable(dsn: str) -> None:
    put(
        dsn,
        "DROP TABLE IF EXISTS kept",
        "CREATE TABLE kept (at timestamptz, metric text, value int)",
        "INSERT INTO kept VALUES ('2025-01-22T12:10:01Z', 'other', 1), ('2025-01-23T12:00:00Z', 'other', 1)",
    )

    quiet = read(dsn, table="kept", time="at", metric="metric")
    put(dsn, "DELETE FROM kept WHERE at < '2025-01-23'")
    gone = read(dsn, table="kept", time="at", metric="metric")
    put(dsn, "DELETE FROM kept")
    empty = read(dsn, table="kept", time="at", metric="metric")

    assert [one.notes for one in (quiet, empty)] == [(), ()]
    assert [(note.kind, note.text) for note in gone.notes] == [
        (
            "missing",
            "its rows before 2025-01-22T12:25:00Z is no longer observable: the oldest row of kept is of 2025-01-23T12:00:00Z",
        )
    ]


def test_timescale_cuts_times_by_its_own_function(hyper: str) -> None:
    query = "SELECT $bucket(at) AS time, count(*) AS value FROM generate_series($start, $end, INTERVAL '1 second') at GROUP BY 1"

    pulled = read(hyper, query=query, step=timedelta(minutes=5))

    assert values(pulled) == [*[300] * 10, 1]
    assert "time_bucket(INTERVAL '300 seconds', at)" in pulled.originals[0].query


def test_timescale_says_by_its_policies_what_it_keeps(hyper: str) -> None:
    told = {
        (name, days): read(hyper, query=f"SELECT * FROM {name} WHERE time BETWEEN $start AND $end", days=days).notes
        for name in ("plain", "jobs", "jobs_hourly")
        for days in (10, 40, 100)
    }

    assert {key: [note.text.split(": ")[1] for note in notes] for key, notes in told.items() if notes} == {
        ("jobs", 40): ["db keeps 30 days"],
        ("jobs", 100): ["db keeps 30 days"],
        ("jobs_hourly", 100): ["db keeps 90 days"],
    }


def test_a_database_that_is_not_there_is_told(dsn: str) -> None:
    elsewhere = urlsplit(dsn)._replace(path="/nowhere").geturl()

    with pytest.raises(SourceUnreachable, match="has no such database or user; see 'dsn'"):
        read(elsewhere, query="SELECT 1")


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    for dsn in (f"postgresql://u:canary@127.0.0.1:{free_port()}/x", "postgresql://u:can%ary@127.0.0.1/x"):
        with pytest.raises(SourceUnreachable, match=r"at 127\.0\.0\.1 cannot be reached") as told:
            read(dsn, query="SELECT 1")
        assert "can" not in str(told.value).replace("cannot", "")
        assert told.value.__cause__ is None


def test_a_password_in_the_file_is_refused() -> None:
    with pytest.raises(SourceError, match="a secret does not belong into a file"):
        read("", dsn="postgresql://u:canary@h/x", query="SELECT 1")


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)

    with pytest.raises(SourceError, match=r"deploybook\[postgres\]"):
        read("postgresql://h/x", query="SELECT 1")


def test_a_source_that_asks_nothing_says_what_to_write(dsn: str) -> None:
    with pytest.raises(SourceError, match="asks nothing; write 'query: "):
        read(dsn)
