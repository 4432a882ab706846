"""Kind `postgres`: rows of a declared query, read-only, from PostgreSQL or TimescaleDB."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from ..errors import QueryRejected, SourceError, SourceUnreachable
from ..model import DataNote, Original, Pulled
from ..times import from_ms, iso
from .answers import rows_of_answers
from .files import form_of
from .join import gather
from .request import ANSWERS, Kept, Request, kept_for, not_kept, sample_names, unobservable, without
from .rows import Notebook, Rows, Unreadable
from .secrets import resolve
from .tables import Form, pick, read_frame

MOST = 10_000_000  # rows of one answer
BUCKET = re.compile(r"\$bucket\(([^()]+)\)")
# A `drop_after` that is a bare number counts in the unit of a time column that is none.
POLICY = """
    SELECT min(extract(epoch FROM CASE WHEN after !~ '^[0-9]+$' THEN after::interval END))::float8 FROM (
        SELECT config ->> 'drop_after' AS after FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND hypertable_name IN ({names})
    ) AS policies
"""


def pull(request: Request) -> Pulled:
    """
    The rows of each query in every window. A query gives a time, a value, label columns, and the metric's name
    where it is of several; `$start` and `$end` stand for the window, `$bucket(time)` for the time cut to the step.
    """
    texts = queries(request)
    spans = request.stretches(request.windows or request.judged)
    parts: list[Rows] = []
    originals: list[Original] = []
    notes: list[DataNote] = []
    problems: list[SourceError] = []
    with connected(request) as database:
        for name, text in texts.items():
            try:
                for start, end in without(spans, request.held.get((name, text), ())):
                    room = ANSWERS - sum(len(one.content) for one in originals)
                    rows, original = ask(database, name, text, start, end, room)
                    notes += [] if original.content else [not_kept(name or "several metrics")]
                    if not original.rows:
                        notes += unobservable(request, name or "its rows", original, kept(database, text))
                    notes += rows.notes
                    parts.append(rows)
                    originals.append(original)
                    size = sum(one.size for one in originals)
                    request.tell(original.query, sum(len(part.times) for part in parts), size)
            except SourceError as problem:
                problems.append(problem)
                about = name if name in request.wanted else ""
                notes.append(DataNote(kind="failed", metric=about, text=str(problem), place=request.source.name))
                if problem.can_retry:
                    break
    if problems and not parts:
        raise problems[0]
    samples, noticed, origins = gather(parts, request.wanted, source=request.source.name)
    used = (replace(one, metrics=tuple(sorted(origins.get(one.digest, one.metrics)))) for one in originals)
    return Pulled(
        source=request.source.name,
        samples=tuple(samples),
        notes=(*notes, *noticed),
        originals=tuple(used),
        failure="; ".join(dict.fromkeys(map(str, problems))),
    )


def queries(request: Request) -> dict[str, str]:
    """The SQL of each metric ('' for one query of several), as written or made from `table`."""
    options = request.source.options
    written = options.get("queries") or {}
    found = {str(name): str(text) for name, text in written.items()} if isinstance(written, Mapping) else {}
    if options.get("query"):
        found[str(options.get("metric") or "")] = str(options["query"])
    if options.get("table"):
        found[""] = from_table(request)
    if not found:
        raise SourceError(
            f"{request.source.name}: asks nothing; write 'query: SELECT time, pod, value FROM …' or 'table: NAME'"
        )
    return found


def from_table(request: Request) -> str:
    """SELECT of a table in long form; every name quoted."""
    options = request.source.options
    time, metric, value = (str(options.get(role) or role) for role in ("time", "metric", "value"))
    columns = [time, metric, value, *request.texts("labels")]
    wanted = ", ".join(literal(one) for one in sample_names(request.wanted))
    return (
        f"SELECT {', '.join(map(quoted, columns))} FROM {table_of(request)} "
        f"WHERE {quoted(time)} BETWEEN $start AND $end AND {quoted(metric)} IN ({wanted}) ORDER BY {quoted(time)}"
    )


def table_of(request: Request) -> str:
    options = request.source.options
    return ".".join(quoted(str(options[part])) for part in ("schema", "table") if options.get(part))


def kept(database: Database, text: str) -> Kept | None:
    """
    What is still there: by the source's `retention`, by the shortest retention policy of the hypertables and
    continuous aggregates that the query names, or by the oldest row of its `table`.
    """
    request, policy = database.request, None
    if database.has_timescale():
        names = ", ".join(literal(word) for word in sorted(set(re.findall(r"\w+", text))))
        policy = database.rows(POLICY.format(names=names)).item()
    if found := kept_for(request, timedelta(seconds=policy) if policy else None):
        return found
    if not request.source.options.get("table"):
        return None
    time = quoted(str(request.source.options.get("time") or "time"))
    ask = f"SELECT (extract(epoch FROM min({time})) * 1000)::bigint FROM {table_of(request)}"
    oldest = database.rows(ask).item()
    if oldest is None:
        return None
    why = f"the oldest row of {request.source.options['table']} is of {iso(from_ms(oldest))}"
    return Kept(since_ms=oldest, why=why)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, kw_only=True)
class Database:
    """A connection whose transactions only read, until the source's time is over."""

    request: Request
    connection: Any
    deadline: float

    def rows(self, sql: str) -> pl.DataFrame:
        """A query's answer; QueryRejected with the server's words where it refuses, SourceUnreachable where time is over."""
        from adbc_driver_postgresql import dbapi

        left = max(1, int((self.deadline - self.request.clock()) * 1000))
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {left}")
                cursor.execute(sql)
                frame: pl.DataFrame = cursor.fetch_polars()
        except (dbapi.Error, pl.exceptions.PolarsError) as error:
            self.connection.rollback()
            words = " ".join(re.split(r"LINE 1|SQLSTATE|Query was", str(error).split("ERROR:")[-1])[0].split())[:300]
            late, name = "timeout" in words, self.request.source.name
            kind = SourceUnreachable if late else QueryRejected
            remedy = "see 'timeout'" if late else "mend the query, or the names beside 'table'"
            raise kind(f"{name}: PostgreSQL refuses: {words}; {remedy}", source=name) from None
        return frame

    def has_timescale(self) -> bool:
        return self.rows("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").height > 0


@contextmanager
def connected(request: Request) -> Iterator[Database]:
    """The database, for the time of the source."""
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise SourceError(
            f"{request.source.name}: needs the extra 'postgres'; run 'pip install deploybook[postgres]'"
        ) from None
    name = request.source.name
    dsn = resolve(request.source.options.get("dsn"), f"{name} > dsn", environ=request.environ, folder=request.folder)
    seconds = request.seconds("2m")
    deadline = request.clock() + seconds
    try:
        connection = dbapi.connect(in_time(dsn.reveal(), seconds))
    except dbapi.Error as error:
        host = urlsplit(dsn.reveal()).hostname or "its server"
        known = {"authentication failed": "refuses the credentials", "does not exist": "has no such database or user"}
        words = next((words for sign, words in known.items() if sign in str(error)), "cannot be reached")
        raise SourceUnreachable(f"{name}: PostgreSQL at {host} {words}; see 'dsn'") from None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()
        yield Database(request=request, connection=connection, deadline=deadline)
    finally:
        connection.close()


def in_time(dsn: str, seconds: float) -> str:
    """The connection string with an end to connecting, which by itself has none."""
    if "connect_timeout" in dsn:
        return dsn
    sign = " " if "://" not in dsn else "&" if "?" in dsn else "?"
    return f"{dsn}{sign}connect_timeout={max(2, round(min(seconds, 30)))}"


def ask(database: Database, name: str, text: str, start: int, end: int, room: int) -> tuple[Rows, Original]:
    """The rows of one query in one stretch of time. room: bytes that its answer may still take where it is kept."""
    request = database.request
    form = form_of(request, name or request.source.name)
    sql = settled(database, text, start, end)
    version = database.rows("SELECT split_part(current_setting('server_version'), ' ', 1)").item()
    names = columns(database, sql)
    if pick(names, form, "metric") and not pick(names, form, "value"):
        text = f"the query's answer has no value column ({', '.join(names)}); write 'AS value', or 'value: NAME'"
        raise QueryRejected(f"{request.source.name}: {text}", source=request.source.name)
    frame = database.rows(plain(sql, names, form))
    if frame.height > MOST:
        text = f"{request.source.name}: more than {MOST:,} rows for {name or 'a query'}; cut the times with '$bucket(time)'"
        raise QueryRejected(text, source=request.source.name)
    frame = frame.sort(frame.columns[0], maintain_order=True) if frame.height else frame
    content = frame.write_csv().encode()
    packed = gzip.compress(content, 6, mtime=0)
    original = Original(
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        source=request.source.name,
        kind=request.source.kind,
        metrics=(name,) if name else (),
        rows=frame.height,
        query=sql,
        question=text,
        start_ms=start,
        end_ms=end,
        engine=f"postgresql {version}",
        asked=request.now,
        content=packed if len(packed) <= room else b"",
    )
    original = original.packed if original.content else original
    if not frame.height:
        return rows_of_answers([], place=request.source.name), original
    seen = Notebook(request.source.name)
    try:
        return read_frame(frame, form, seen, digest=original.digest, engine=original.engine), original
    except Unreadable as problem:
        raise QueryRejected(f"{request.source.name}: the query's answer {problem.text}") from None


def columns(database: Database, sql: str) -> list[str]:
    """The names of a query's columns; [] where it has no row. One row as JSON tells them whatever their types are."""
    found = database.rows(f"SELECT to_jsonb(asked)::text FROM ({sql}) AS asked LIMIT 1")
    return list(json.loads(found.item())) if found.height else []


def plain(sql: str, names: list[str], form: Form) -> str:
    """
    The query with its time first and everything else as text, which is exact for numbers and exists for every type.

    Inside a sub-query nothing but a query can stand: what would end the transaction or write is a syntax error.
    """
    time = pick(names, form, "time") or (names[0] if names else "")
    if not names:
        return "SELECT 1 AS time WHERE false"
    chosen = [quoted(time), *(f"{quoted(name)}::text" for name in names if name != time)]
    return f"SELECT {', '.join(chosen)} FROM ({sql}) AS asked LIMIT {MOST + 1}"


def settled(database: Database, text: str, start: int, end: int) -> str:
    """The SQL with its window; `$bucket(x)` as time_bucket where TimescaleDB is there, as date_bin elsewhere."""
    if BUCKET.search(text):
        step = f"INTERVAL '{(database.request.source.step or timedelta(seconds=15)).total_seconds():g} seconds'"
        cut, origin = "date_bin", ", TIMESTAMPTZ '1970-01-01 00:00:00Z'"
        if database.has_timescale():
            cut, origin = "time_bucket", ""
        text = BUCKET.sub(rf"{cut}({step}, \1{origin})", text)
    for sign, at in (("$start", start), ("$end", end)):
        text = text.replace(sign, f"TIMESTAMPTZ '{iso(from_ms(at))}'")
    return text.strip().rstrip(";")
