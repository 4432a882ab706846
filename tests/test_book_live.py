"""A look at the sources before the window: what each metric gives, what it can tell, what a person has to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from servers import FakeServer, prometheus, reply

from deploybook import exports, records
from deploybook.book.live import Live, around, look
from deploybook.book.machine import channel
from deploybook.cli import cli
from deploybook.start import SAMPLE
from deploybook.units import parse_limit

NOW = datetime(2025, 1, 22, 21, 0, tzinfo=UTC)  # an hour before the window
TEN_LINES = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
timezone: America/Los_Angeles
window: 2025-01-22 14:00 to 15:30
source: env:PROMETHEUS_URL
metrics:
  parser_p50: {histogram: parser_duration_ms, statistic: p50, target: at most 65 ms}
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}
  wrong: {gauge: parser_cpu_percent, where: {pod: parser-us-1}, unit: "%"}
gates: [{name: ramp to 75 %, at: "14:01", metric: parser_p50, window: 1m, within: 3 %}]
checkins: {every: 15m, metrics: [parser_p50]}
"""


def workspace(root: Path, text: str, settings: str = "") -> records.Workspace:
    (root / "deployments/x").mkdir(parents=True)
    (root / "deploybook.yml").write_text(settings)
    (root / "deployments/x/deployment.yml").write_text(text)
    return records.read_workspace(root)


def looked(place: records.Workspace, url: str, now: datetime = NOW) -> Live:
    environ = {"PROMETHEUS_URL": url, "HOME": str(place.root)}
    return look(place, records.read_deployment(place, "x"), now=now, environ=environ, by_clock=False)


def samples(name: str, values: Iterator[str]) -> Iterator[str]:
    """One line each 15 s over 21 and 22 January, 13:00 to 13:00 (PT)."""
    start = datetime(2025, 1, 21, 21, 0, tzinfo=UTC)
    for step in range(4 * 60 * 24 + 1):
        yield f"{name} {next(values)} {(start + timedelta(seconds=15 * step)).timestamp():.0f}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus with a parser of 5 requests a second, half of them below 60 ms, and a counter at rest."""
    from itertools import count

    folder = tmp_path_factory.mktemp("prometheus")
    lines = ["# TYPE parser_duration_ms histogram"]
    for le, share in (("50", 20), ("60", 40), ("70", 70), ("+Inf", 75)):
        wave = ((n * share + (n % 7 == 3) * 4 * (share < 50)) for n in count())  # a bump that is taken back
        lines += samples(f'parser_duration_ms_bucket{{pod="parser-us-1",le="{le}"}}', map(str, wave))
    lines += samples('parser_duration_ms_sum{pod="parser-us-1"}', (str(n * 4400) for n in count()))
    lines += samples('parser_duration_ms_count{pod="parser-us-1"}', (str(n * 75) for n in count()))
    lines += [
        "# TYPE parser_failure counter",
        *samples('parser_failure_total{pod="parser-us-1"}', ("3" for _ in count())),
    ]
    (folder / "metrics.om").write_text("\n".join([*lines, "# EOF", ""]))
    with prometheus(folder, folder / "metrics.om") as address:
        yield address


@pytest.mark.slow
def test_a_real_server_is_read_before_the_window_and_the_baseline_is_stored(server: str, tmp_path: Path) -> None:
    place = workspace(tmp_path, TEN_LINES)

    found = looked(place, server)

    p50, failures, wrong = found.readings
    # 37.5 of 75 requests: 20 below 50 ms, 20 more below 60 ms: 50 + 10 * 17.5 / 20 = 58.75 ms.
    assert (p50.series, p50.now.value, p50.baseline.value) == (1, pytest.approx(58.75, 0.01), pytest.approx(58.75))
    assert p50.baseline.traffic == 75 * 360
    assert p50.edges == (60, 70)
    assert [one.length for one in p50.tells] == [timedelta(minutes=90), timedelta(minutes=15), timedelta(minutes=1)]
    assert p50.tells[0].estimate.resolvable < p50.tells[1].estimate.resolvable
    assert (failures.now.value, failures.baseline.value, failures.wrong) == (0, 0, ())
    assert 'no series with pod="parser-us-1"' in wrong.wrong[0]
    assert exports.names(place.folder("x") / "exports") == ("parser_duration_ms", "parser_failure_total")
    assert [line.text for line in found.lines if "prometheus" in line.text]


@pytest.mark.slow
def test_the_command_says_no_data_by_its_exit_code(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace(tmp_path, TEN_LINES)
    monkeypatch.setenv("PROMETHEUS_URL", server)
    call = ["-C", str(tmp_path), "--now", "2025-01-22T21:00:00Z", "check", "--live"]

    table, document = (CliRunner().invoke(cli, [*call, *more]) for more in ([], ["--json"]))

    assert (table.exit_code, document.exit_code) == (5, 5)
    assert "look: wrong: no series" in table.stdout
    found = json.loads(document.stdout)
    assert [one["series"] for one in found["metrics"]] == [1, 1, 0]


def test_a_gate_that_cannot_tell_its_limit_is_said(tmp_path: Path) -> None:
    """12 requests a minute cannot show a change of 3 %."""
    rows = ["Time,latency_p50"]
    start = datetime(2025, 1, 21, 22, 0, tzinfo=UTC)
    for minute in range(91):
        rows.append(f"{(start + timedelta(minutes=minute)):%Y-%m-%dT%H:%M:%SZ},{58 + 6 * (minute * 7 % 11 - 5) / 5}")
    text = TEN_LINES.replace("source: env:PROMETHEUS_URL", "source: {kind: files, paths: [latency_p50.csv]}")
    text = text.replace("histogram: parser_duration_ms, statistic: p50", "gauge: latency_p50, unit: ms").replace(
        "1m,", "10m,"
    )
    text = text.replace('"14:01"', '"14:10"')
    place = workspace(tmp_path, text)
    (place.folder("x") / "latency_p50.csv").write_text("\n".join(rows))

    found = looked(place, "")

    assert any(
        "more than gate 'ramp to 75 %' (within 3 %); lengthen its window" in each for each in found.readings[0].wrong
    )


def test_an_unreachable_server_is_a_line_and_no_end(tmp_path: Path) -> None:
    found = looked(
        workspace(
            tmp_path,
            TEN_LINES.replace("env:PROMETHEUS_URL", '{kind: prometheus, url: "env:PROMETHEUS_URL", timeout: 1s}'),
        ),
        "http://127.0.0.1:1",
    )

    assert found.failed
    assert any("refused the connection" in line.text for line in found.lines if not line.ok)
    assert [each.has_data for each in found.readings] == [False, False, False]


def test_a_clock_that_is_off_and_a_short_retention_are_said(tmp_path: Path) -> None:
    from deploybook.book.live import of_source
    from deploybook.sources.about import About

    deployment = records.read_deployment(workspace(tmp_path, TEN_LINES), "x")
    said = About(engine="prometheus 2.42.0", keeps=timedelta(hours=72), clock=NOW + timedelta(seconds=40))

    lines = [line.text for line in of_source("live", said, deployment, NOW) if not line.ok]

    assert lines == [
        "its clock is 40 s ahead; set both by NTP, windows are cut by it",
        "keeps 3 days; from the baseline to the last checkpoint it is 3.1 days: pull before they are gone, 'deploybook pull' each day",
    ]


def test_without_a_baseline_the_window_is_what_must_be_kept(tmp_path: Path) -> None:
    from deploybook.book.live import of_source
    from deploybook.sources.about import About

    text = TEN_LINES.replace("window:", "windows: {baseline: none, deployment:", 1).replace("15:30\n", "15:30}\n", 1)
    deployment = records.read_deployment(workspace(tmp_path, text), "x")

    said = [line.text for line in of_source("live", About(engine="x", keeps=timedelta(days=15)), deployment, NOW)]

    assert said[1] == "keeps 15 days; from the window to the last checkpoint it is 2.1 days"


def test_retention_and_clock_come_from_the_server(tmp_path: Path) -> None:
    from deploybook.model import Source
    from deploybook.sources import Request
    from deploybook.sources.about import about

    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1737579600, "1737579600"]}}
    runtime = {"status": "success", "data": {"storageRetention": "30d or 50GiB"}}
    build = {"status": "success", "data": {"version": "2.42.0"}}
    with FakeServer(reply(build), reply(build), reply(runtime), reply(scalar), version="") as server:
        source = Source(name="live", kind="prometheus", options={"url": server.url})
        said = about(Request(source=source, folder=tmp_path, now=NOW))

    assert (said.engine, said.keeps, said.clock) == ("prometheus 2.42.0", timedelta(days=30), NOW)


@pytest.mark.parametrize(
    ("target", "edges"), [("at most 65 ms", (60, 70)), ("at most 60 ms", (60,)), ("at most 90 ms", (70, float("inf")))]
)
def test_the_bucket_around_the_target(target: str, edges: tuple[float, ...]) -> None:
    from dataclasses import replace

    from build import PARSER_P50

    metric = replace(PARSER_P50, target=parse_limit(target), scale=1000.0)

    assert around(metric, (0.05, 0.06, 0.07, float("inf"))) == edges


def test_a_channel_is_reached_and_nothing_is_sent(tmp_path: Path) -> None:
    with FakeServer(reply({})) as server:
        line = channel("team", {"url": "env:HOOK"}, tmp_path, {"HOOK": f"{server.url}/secret"})

    assert (line.ok, line.text, server.requests) == (True, "127.0.0.1 can be reached", [])
    assert not channel("team", "env:HOOK", tmp_path, {}).ok


def test_the_sample_is_looked_at_without_a_server(tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["init", str(tmp_path)])

    done = CliRunner().invoke(cli, ["-C", str(tmp_path), "check", "--live", "-d", SAMPLE])

    assert done.exit_code == 0
    assert "60 to 70 ms" in done.stdout
