"""One suite that every source of numbers passes: the same scrapes give the same samples, whatever holds them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from build import deployment, metric
from servers import NOON, distribution, openmetrics, postgres, prometheus, timescale, victoriametrics

from deploybook import sources
from deploybook.errors import UsageProblem
from deploybook.model import Pulled, Source
from deploybook.times import Window

WANTED = {"jobs_total": "counter", "parser_ms": "histogram"}
WHOLE = Window(start=NOON, end=NOON + timedelta(hours=2))
NOW = NOON + timedelta(hours=3)


def long_rows() -> pl.DataFrame:
    """The lines of the OpenMetrics text as a table in long form."""
    rows = []
    for line in openmetrics().splitlines():
        if not line.startswith("#"):
            series, value, at = line.rsplit(" ", 2)
            name, labels = series.rstrip("}").split("{")
            pairs = dict(pair.replace('"', "").split("=") for pair in labels.split(","))
            rows.append(
                {"time": round(float(at) * 1000), "metric": name, "value": float(value), "pod": "", "le": ""} | pairs
            )
    return pl.DataFrame(rows)


def in_files(folder: Path, kind: str) -> dict[str, Any]:
    table = long_rows()
    if kind == "csv":
        table.write_csv(folder / "rows.csv")
    elif kind == "gz":
        iso = pl.from_epoch("time", time_unit="ms").dt.strftime("%FT%T%.3fZ")
        (folder / "rows.csv.gz").write_bytes(gzip.compress(table.with_columns(iso).write_csv().encode(), mtime=0))
    elif kind == "parquet":
        table.write_parquet(folder / "rows.parquet")
    else:
        (folder / "rows.om").write_text(openmetrics())
    return {"paths": ["rows.*"]}


def in_postgres(url: str, *, hyper: bool) -> None:
    """The rows in a table of a real server, the value as numeric. hyper: in a hypertable of TimescaleDB."""
    from adbc_driver_postgresql import dbapi

    stamps = long_rows().with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC"))
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scraped (time timestamptz, metric text, value numeric, pod text, le text)")
        if hyper:
            cursor.execute("SELECT create_hypertable('scraped', 'time')")
        values = [
            f"('{row[0].isoformat()}', '{row[1]}', {row[2]}, '{row[3]}', '{row[4]}')" for row in stamps.iter_rows()
        ]
        for first in range(0, len(values), 500):  # in Node.js no message may be longer than its buffer
            cursor.execute(f"INSERT INTO scraped VALUES {', '.join(values[first : first + 500])}")
        connection.commit()


QUERY = "SELECT time, metric, pod, le, value FROM scraped WHERE time BETWEEN $start AND $end"
SERVERS = {
    "prometheus": prometheus,
    "victoriametrics": victoriametrics,
    "postgres": postgres,
    "distribution": distribution,
    "timescale": timescale,
}
FILES = ("csv", "gz", "parquet", "openmetrics", "replay")
TABLES = ("postgres table", "postgres query", "distribution table", "distribution query", "timescale table")
ASKED = ("prometheus", "victoriametrics")  # the bytes of two equal answers may differ
HOLDERS = (*FILES, *ASKED, *TABLES)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Source, Path, dict[str, str]]]]:
    """A source that holds the scrapes, its folder, and the environment it needs; servers start when first asked for."""
    stack = ExitStack()
    started: dict[str, str] = {}

    def server(kind: str) -> str:
        if kind not in started:
            folder = tmp_path_factory.mktemp(kind)
            (folder / "metrics.om").write_text(openmetrics())
            context: Any = SERVERS[kind]
            given = (folder, folder / "metrics.om") if kind in ASKED else ()
            started[kind] = stack.enter_context(context(*given))
            if kind not in ASKED:
                in_postgres(started[kind], hyper=kind == "timescale")
        return started[kind]

    def make(holder: str) -> tuple[Source, Path, dict[str, str]]:
        folder = tmp_path_factory.mktemp("holder")
        kind, _, form = holder.partition(" ")
        if kind in ASKED:
            options: dict[str, Any] = {"url": "env:URL", "dialect": kind}
            return Source(name="s", kind="prometheus", options=options), folder, {"URL": server(kind)}
        if kind in SERVERS:
            options = {"dsn": "env:DSN"} | (
                {"query": QUERY} if form == "query" else {"table": "scraped", "labels": ["pod", "le"]}
            )
            return Source(name="s", kind="postgres", options=options), folder, {"DSN": server(kind)}
        kinds = {"replay": "replay"}
        return Source(name="s", kind=kinds.get(kind, "files"), options=in_files(folder, kind)), folder, {}

    with stack:
        yield make


def pull(held: Any, holder: str, wanted: dict[str, str] | None = None, **more: Any) -> Pulled:
    source, folder, environ = held(holder)
    named = tuple(metric(kind, name, source="s") for name, kind in (wanted or WANTED).items())
    asked = {"windows": (WHOLE,), "now": NOW, **more}
    return sources.pull(source, deployment(metrics=named), folder, environ=environ, **asked)


def told(pulled: Pulled) -> Any:
    return {
        one.name: (
            *(one.kind, one.edges, one.source),
            [(dict(s.labels), s.times.tolist(), s.values.tolist(), s.steps.tolist()) for s in one.series],
        )
        for one in pulled.samples
    }


pytestmark = pytest.mark.parametrize("holder", HOLDERS)


def test_the_same_scrapes_give_the_same_samples(held: Any, holder: str) -> None:
    pulled = pull(held, holder)

    assert told(pulled) == told(pull(held, "csv"))
    assert pulled.notes == ()
    assert [len(series.times) for one in pulled.samples for series in one.series] == [480, 480, 480]


def test_a_pull_is_the_same_again(held: Any, holder: str) -> None:
    first, second = pull(held, holder), pull(held, holder)

    assert told(first) == told(second)
    assert [one.digest for one in first.originals] == [one.digest for one in second.originals] or holder in ASKED


def test_every_row_leads_to_an_original(held: Any, holder: str) -> None:
    pulled = pull(held, holder)

    known = {original.digest for original in pulled.originals}
    assert all(set(one.inputs) <= known and one.inputs for one in pulled.samples)
    assert all(
        original.source == "s" and original.size > 0 and len(original.digest) == 64 for original in pulled.originals
    )
    assert {name for original in pulled.originals for name in original.metrics} == set(WANTED)


def test_only_what_is_wanted_comes_and_what_is_not_there_is_told(held: Any, holder: str) -> None:
    pulled = pull(held, holder, {"jobs_total": "counter", "nothing_total": "counter"})

    assert [one.name for one in pulled.samples] == ["jobs_total"]
    assert [(note.kind, note.metric) for note in pulled.notes] == [("missing", "nothing_total")]


def test_progress_counts_up(held: Any, holder: str) -> None:
    seen: list[tuple[int, int]] = []

    pull(held, holder, progress=lambda _, samples, size: seen.append((samples, size)))

    assert seen == sorted(seen)
    assert seen[-1][0] >= 3 * 480
    assert seen[-1][1] > 0


def test_nothing_is_later_than_now_where_the_source_is_live(held: Any, holder: str) -> None:
    now = NOON + timedelta(minutes=30)
    pulled = pull(held, holder, now=now)

    last = max(int(series.times[-1]) for one in pulled.samples for series in one.series)
    assert (last <= now.timestamp() * 1000) == (holder not in FILES[:-1])


def test_an_unknown_kind_is_told_with_a_suggestion(held: Any, holder: str, tmp_path: Path) -> None:
    source, _, _ = held(holder)

    with pytest.raises(UsageProblem, match=f"'{source.kind}'"):
        sources.pull(replace(source, kind=f"{source.kind}s"), deployment(), tmp_path, now=NOW)  # type: ignore[arg-type]
