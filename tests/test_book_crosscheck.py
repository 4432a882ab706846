"""Stored figures beside what a real server says now: Prometheus, with the reference and with an edited value; PostgreSQL."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from build import metric, where
from click.testing import CliRunner
from servers import NOON, openmetrics, postgres, prometheus
from test_book_live import workspace
from test_sources_conformance import in_postgres
from test_sources_prometheus import is_near

from deploybook import exports, records, sources
from deploybook.book.crosscheck import Checked, crosscheck
from deploybook.cli import cli
from deploybook.model import Metric
from deploybook.sources import asking
from deploybook.sources.prometheus import Server
from deploybook.times import Window

NOW = NOON + timedelta(hours=2)
YAML = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
timezone: UTC
windows: {baseline: 2025-01-22 12:15 to 12:45, deployment: 2025-01-22 12:50 to 13:20, observation: 30m}
source: SOURCE
metrics:
  p50: {histogram: parser_ms, statistic: p50, unit: ms, source_unit: ms}
  mean: {histogram: parser_ms, statistic: mean, unit: ms, source_unit: ms, show: change}
  jobs: {counter: jobs_total, unit: jobs, better: higher, by: [pod]}
  share: {ratio: jobs_total, good: {pod: a}, unit: "%"}
  theirs: {counter: jobs_total, unit: jobs, better: higher, arithmetic: prometheus}
MORE
checkins: {every: 15m, metrics: [mean]}
checkpoints: {after: [15m], window: 15m}
"""
GAUGES = "\n".join(
    f"  {name}: {{gauge: load, statistic: {name}, unit: '%'}}" for name in ("median", "min", "max", "last", "p90")
)
MORE = (
    GAUGES
    + '\n  average: {gauge: load, statistic: mean, unit: "%"}\n  asked: {query: "sum(rate(jobs_total[$window]))", unit: s}'
)


def with_gauge() -> str:
    """The scrapes of servers.openmetrics, and a load between 0 and 100."""
    times = [NOON.timestamp() + 2.417 + 15 * scrape for scrape in range(480)]
    rows = [f'load{{pod="a"}} {scrape * 37 % 101} {at:.3f}' for scrape, at in enumerate(times)]
    return openmetrics().replace("# EOF", "\n".join(["# TYPE load gauge", *rows, "# EOF"]))


def stored(place: records.Workspace, environ: Mapping[str, str], now: datetime = NOW) -> None:
    deployment = records.read_deployment(place, "x")
    folder = place.folder("x")
    windows = sources.needed(deployment)
    pulled = sources.pull(deployment.sources[0], deployment, folder, windows=windows, now=now, environ=environ)
    exports.store(folder / "exports", [pulled])


def checked(
    place: records.Workspace, environ: Mapping[str, str], now: datetime = NOW, **failed: str
) -> dict[str, Checked]:
    deployment = records.read_deployment(place, "x")
    found = crosscheck(place, deployment, now=now, environ=environ, failed=failed)
    return {one.figure.id: one for one in found}


def words(found: Mapping[str, Checked]) -> dict[str, set[str]]:
    """The words by metric; the worst hour is a figure of its own."""
    told: dict[str, set[str]] = {}
    for one in found.values():
        told.setdefault(f"{one.figure.metric.id}{' hour' * (one.figure.op == 'worst_hour')}", set()).add(one.word)
    return told


# ── Prometheus ──


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "metrics.om").write_text(with_gauge())
    with prometheus(folder, folder / "metrics.om") as url:
        yield url


@pytest.mark.slow
def test_every_kind_of_figure_is_what_the_server_says(server: str, tmp_path: Path) -> None:
    """Pod a starts again inside the window; splits, changes, check-ins and the checkpoint are asked too."""
    place = workspace(tmp_path, YAML.replace("SOURCE", "env:URL").replace("MORE", MORE))
    stored(place, {"URL": server})

    found = checked(place, {"URL": server})

    assert words(found) == {name: {"equal"} for name in words(found)}
    assert {
        "p50",
        "mean",
        "jobs",
        "share",
        "theirs",
        "median",
        "min",
        "max",
        "last",
        "p90",
        "average",
        "asked",
    } == words(found).keys()
    assert len(found) > 40
    assert max(abs(one.relative or 0) for one in found.values()) < 1e-9
    assert any(one.figure.labels == (("pod", "a"),) for one in found.values())
    assert "$window" not in next(one.question for one in found.values() if one.figure.metric.id == "asked")


@pytest.mark.slow
def test_one_edited_value_on_the_server_is_named_where_it_counts(server: str, tmp_path: Path) -> None:
    """The last scrape of the load in the window is another one on a second server: its maximum, mean and last differ."""
    place = workspace(tmp_path / "work", YAML.replace("SOURCE", "env:URL").replace("MORE", MORE))
    stored(place, {"URL": server})
    at = NOON.timestamp() + 2.417 + 15 * 319  # 13:19:47, the last before 13:20
    line = f'load{{pod="a"}} {319 * 37 % 101} {at:.3f}'
    assert line in with_gauge()
    (tmp_path / "metrics.om").write_text(with_gauge().replace(line, f'load{{pod="a"}} 250 {at:.3f}'))

    with prometheus(tmp_path, tmp_path / "metrics.om") as url:
        found = checked(place, {"URL": url})

    different = {one.figure.metric.id: one for one in found.values() if one.word == "differs"}
    assert {"max", "last", "average"} <= different.keys() <= {"max", "last", "average", "median", "p90"}
    last = found["last@2025-01-22T12:50:00Z/2025-01-22T13:20:00Z"]
    assert (last.figure.value, last.server, last.absolute) == (319 * 37 % 101, 250, 250 - 319 * 37 % 101)
    assert last.relative == pytest.approx((250 - 87) / 87)
    assert {one.word for one in found.values() if one.figure.metric.id in ("p50", "jobs", "asked")} == {"equal"}


@pytest.mark.slow
def test_the_command_prints_each_figure_and_ends_with_0(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace(tmp_path, YAML.replace("SOURCE", "env:URL").replace("MORE", ""))
    monkeypatch.setenv("URL", server)
    call = ["-C", str(tmp_path), "--now", "2025-01-22T14:00:00Z", "check", "--live"]

    first, table, document = (CliRunner().invoke(cli, [*call, *more]) for more in ([], [], ["--json"]))

    assert (first.exit_code, table.exit_code, document.exit_code) == (0, 0, 0)
    assert "stored figures: " in table.stdout
    assert "differ" not in table.stdout.replace("Difference", "")
    assert "p50, 22 Jan, 12:50 to 13:20" in table.stdout
    figures = json.loads(document.stdout)["figures"]
    assert {one["word"] for one in figures} == {"equal"}
    one = next(one for one in figures if one["id"] == "p50@2025-01-22T12:50:00Z/2025-01-22T13:20:00Z")
    assert one["question"].startswith("histogram_quantile(0.5, sum by (le) (sum_over_time(")
    assert one["server"] == pytest.approx(one["value"], rel=1e-9)


def test_a_dead_source_is_the_first_line_and_gives_no_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not 'no series; look at the name': nobody knows what it has."""
    workspace(tmp_path, YAML.replace("SOURCE", '{kind: prometheus, url: "env:URL", timeout: 1s}').replace("MORE", ""))
    monkeypatch.setenv("URL", "http://127.0.0.1:1")

    done = CliRunner().invoke(cli, ["-C", str(tmp_path), "--now", "2025-01-22T14:00:00Z", "check", "--live"])

    assert done.exit_code == 1
    assert done.stdout.startswith("look: source: 127.0.0.1:1 refused the connection")
    assert "no series" not in done.stdout
    assert "not asked" in done.stdout


@pytest.mark.slow
def test_figures_of_a_server_that_is_gone_are_not_answered_once(server: str, tmp_path: Path) -> None:
    source = '{kind: prometheus, url: "env:URL", timeout: 1s}'
    place = workspace(tmp_path, YAML.replace("SOURCE", source).replace("MORE", ""))
    stored(place, {"URL": server})

    told = checked(place, {"URL": "http://127.0.0.1:1"}, source="it refused")
    asked = checked(place, {"URL": "http://127.0.0.1:1"} | {"HOME": str(tmp_path)})

    assert {(one.word, one.reason) for one in told.values()} == {("not answered", "it refused")}
    assert {one.word for one in asked.values()} == {"not answered"}
    assert len({one.reason for one in asked.values()}) == 1
    assert "refused the connection" in next(iter(asked.values())).reason


@pytest.mark.slow
def test_the_reference_is_what_its_server_says(shared: Path, root: Path, tmp_path: Path) -> None:
    """Every figure of the reference deployment but the worst hours, which PromQL cannot say, within 1e-9."""
    text = (root / "deployments/2025-01-22-telemetry-step2/deployment.yml").read_text()
    place = workspace(tmp_path, text.replace("exports: {kind: files", 'live: {kind: prometheus, url: "env:URL"} #'))
    deployment = records.read_deployment(place, "x")
    short = [one for one in sources.needed(deployment) if one.length < timedelta(hours=3)]
    near = sources.Request(source=deployment.sources[0]).stretches(short)
    with (
        gzip.open(shared / "scenario/openmetrics/metrics.om.gz", "rt") as lines,
        (tmp_path / "m.om").open("w") as out,
    ):
        out.writelines(line for line in lines if line[0] == "#" or "duration_ms" not in line or is_near(line, near))
    now = datetime(2025, 1, 25, tzinfo=UTC)
    with prometheus(tmp_path, tmp_path / "m.om") as url:
        stored(place, {"URL": url}, now)
        found = checked(place, {"URL": url}, now)

    told = words(found)
    assert told.pop("parser_failures hour") == {"not comparable"}
    names = ("parser_p50", "parser_failures", "cli_p95", "cicd_success", "variance")
    assert told == {name: {"equal"} for name in names}
    assert len(found) > 80
    assert max(abs(one.relative or 0) for one in found.values()) < 1e-9


# ── what is asked ──


NINETY = Window(start=NOON, end=NOON + timedelta(minutes=90))


def question(own: Metric, *, server: str = "2.42.0", **more: Any) -> str:
    """What a server of that version is asked for a metric `m`."""
    engine = Server(engine=f"prometheus {server}", left_open=server[0] > "2")
    figure = asking.Figure(metric=own, **{"window": NINETY, "names": ("m",)} | more)
    return asking.Prometheus(None, engine).question(figure)[0]  # type: ignore[arg-type]


def test_the_start_of_a_window_is_taken_in_whichever_way_the_servers_ranges_are_closed() -> None:
    """A gauge's rows are start <= t < end: asked a millisecond before the end, and from 3.0 on a millisecond longer."""
    mean = metric("gauge", "m", "mean", where=where(pod="a"))

    old, new = (question(mean, server=version) for version in ("2.53.0", "3.1.0"))

    assert old.startswith('sum(sum_over_time({__name__="m",pod="a"}[5399999ms])) / sum(count_over_time(')
    assert new == old.replace("5399999", "5400000")


def test_increase_of_another_version_is_not_compared() -> None:
    """3.0 leaves out the start of a range: its increase() is another number of the same rows."""
    extrapolated = metric("counter", "m", arithmetic="prometheus")
    pulled = {"engine": "prometheus 2.42.0"}

    assert question(extrapolated, **pulled) == 'sum(increase({__name__="m"}[5400000ms]))'
    with pytest.raises(asking.NoForm, match=r"increase\(\) of prometheus 3.1.0 is not that of prometheus 2.42.0"):
        question(extrapolated, server="3.1.0", **pulled)


@pytest.mark.parametrize(
    ("statistic", "more", "why"),
    [
        ("p95", {"series": 3}, "no quantile over the rows of 3 series"),
        ("mean", {"even": False}, "unlike steps"),
        ("max", {"names": ("m", "old")}, "a gauge of 2 names"),
    ],
)
def test_what_promql_cannot_say_is_told(statistic: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(asking.NoForm, match=why):
        question(metric("gauge", "m", statistic), **more)


@pytest.mark.parametrize(
    ("seconds", "step", "expected"),
    [
        (5400, 15_000, 15_000),
        (5400, 7_000, 6_750),
        (5400, 60_000, 60_000),
        (5420, 15_000, 10_000),
        (5401, 15_000, 1_000),
    ],
)
def test_the_grid_is_as_fine_as_the_scrapes_and_ends_with_the_window(seconds: int, step: int, expected: int) -> None:
    window = Window(start=NOON, end=NOON + timedelta(seconds=seconds))

    assert asking.grid(asking.Figure(metric=metric("counter", "m"), window=window, step_ms=step)) == expected


def test_a_window_without_a_grid_is_not_asked() -> None:
    window = Window(start=NOON, end=NOON + timedelta(minutes=90, milliseconds=1))

    with pytest.raises(asking.NoForm, match="do not lie on a grid"):
        asking.grid(asking.Figure(metric=metric("counter", "m"), window=window))


# ── PostgreSQL ──


@pytest.mark.slow
def test_postgresql_says_counts_ratios_and_means_itself(tmp_path: Path) -> None:
    """A restart is inside the window; the quantile of a histogram has no form in SQL."""
    source = (
        "{kind: postgres, dsn: 'env:DSN', query: 'SELECT * FROM scraped WHERE time BETWEEN $start AND $end', step: 15s}"
    )
    place = workspace(tmp_path, YAML.replace("SOURCE", source).replace("MORE", GAUGES))
    with postgres() as dsn:
        in_postgres(dsn, hyper=False)
        insert(dsn, "SELECT time, 'load', (extract(epoch FROM time)::bigint / 15 * 37) % 101, 'a', '' FROM scraped "
               "WHERE metric = 'jobs_total' AND pod = 'a'")  # fmt: skip
        stored(place, {"DSN": dsn})
        found = checked(place, {"DSN": dsn})
        insert(dsn, "SELECT timestamptz '2025-01-22 13:10:00Z', 'load', 1000, 'a', ''")
        edited = checked(place, {"DSN": dsn})

    assert words(found) == {"p50": {"not comparable"}, "theirs": {"not comparable"}} | {
        name: {"equal"} for name in ("mean", "jobs", "share", "median", "min", "max", "last", "p90")
    }
    assert "SQL has no form for the quantile of a histogram" in {one.reason for one in found.values()}
    assert "max" in {one.figure.metric.id for one in edited.values() if one.word == "differs"}
    assert words(edited)["jobs"] == {"equal"}


def insert(dsn: str, rows: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO scraped (time, metric, value, pod, le) {rows}")
        connection.commit()
