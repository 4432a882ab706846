"""deployment.yml, its service and the workspace's defaults: read strictly, merged nearest first, every default told."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from deploybook import records
from deploybook.errors import FileProblems, UsageProblem
from deploybook.model import Deployment, Matcher, Metric
from deploybook.times import iso

ZONE = "timezone: America/Los_Angeles\n"
TEN_LINES = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
version: 6f2bb3c
window: 2025-01-22 14:00 to 15:30
source: env:PROMETHEUS_URL
metrics:
  parser_p50: {histogram: parser_duration_ms, statistic: p50, target: at most 65 ms}
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}
  cli_p95: {histogram: cli_cmd_duration_ms, statistic: p95, target: at most 210 ms}
  cicd: {ratio: cicd_runs_total, good: {result: success}, target: at least 90 %}
"""
HEAD = "title: T\nticket: CHG-1\nwindow: 2025-01-22 14:00 to 15:30\nmetrics:\n"


class Place:
    """A workspace in a temporary folder with one deployment, 'x'."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, deployment: str, workspace: str = ZONE, **services: str) -> Place:
        files = {"deploybook.yml": workspace, "deployments/x/deployment.yml": deployment}
        files |= {f"services/{name}.yml": text for name, text in services.items()}
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")
        return self

    def read(self, deployment: str, workspace: str = ZONE, **services: str) -> Deployment:
        self.write(deployment, workspace, **services)
        return records.read_deployment(records.read_workspace(self.root), "x")

    def complaints(self, deployment: str, workspace: str = ZONE, **services: str) -> list[str]:
        try:
            self.read(deployment, workspace, **services)
        except FileProblems as error:
            return [str(problem).removeprefix("deployments/x/") for problem in error.problems]
        return []

    def metric(self, text: str, more: str = "") -> Metric:
        return self.read(f"{HEAD}  m: {text}\n{more}").metric("m")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_ten_lines_are_complete(place: Place) -> None:
    found = place.read(TEN_LINES)

    assert [(m.id, m.kind, m.statistic, m.unit, m.better, m.delta) for m in found.metrics] == [
        ("parser_p50", "histogram", "p50", "ms", "lower", "percent"),
        ("failures", "counter", "increase", "errors", "lower", "absolute"),
        ("cli_p95", "histogram", "p95", "ms", "lower", "percent"),
        ("cicd", "ratio", "ratio", "%", "higher", "points"),
    ]
    assert (iso(found.window.start), iso(found.window.end)) == ("2025-01-22T22:00:00Z", "2025-01-22T23:30:00Z")
    assert found.baseline is not None
    assert (iso(found.baseline.start), iso(found.baseline.end)) == ("2025-01-21T22:00:00Z", "2025-01-21T23:30:00Z")
    assert found.observation == timedelta(hours=48)
    assert found.checkpoints.after == tuple(timedelta(hours=h) for h in (1, 12, 24, 48))
    assert found.checkpoints.window == timedelta(hours=1)
    assert [m.tolerance.relative for m in found.metrics] == [0.05, None, 0.05, None]
    assert [(s.name, s.kind, s.options) for s in found.sources] == [
        ("source", "prometheus", {"url": "env:PROMETHEUS_URL"})
    ]
    assert found.metric("cicd").scale == 100
    assert found.path == "deployments/x/deployment.yml"


def test_every_default_that_was_used_is_told(place: Place) -> None:
    said = place.read(TEN_LINES).assumed

    assert "baseline: 2025-01-21, the same local clock window (the day before)" in said
    assert "metrics > parser_p50 > better: lower (from the target)" in said
    assert "metrics > parser_p50 > unit: ms (from the target)" in said
    assert "metrics > parser_p50 > tolerance: 5 % (a latency)" in said
    assert "metrics > cicd > delta: points (a share)" in said
    assert "observation: 48 h" in said
    assert "checkpoints > after: +1h +12h +24h +48h" in said
    assert "checkpoints > window: 1h" in said
    assert "checkpoints > success: the targets (counts by their worst sliding hour)" in said


@pytest.mark.parametrize("word", ["relative", "percent"])
def test_a_relative_delta_may_be_called_so(place: Place, word: str) -> None:
    (metric,) = place.read(f"{HEAD}  m: {{histogram: h_ms, statistic: p50, delta: {word}}}\n").metrics

    assert metric.delta == "percent"


def test_the_long_form_of_the_contract_is_accepted_as_it_stands(place: Place, shared: Path) -> None:
    text = (shared / "contract.md").read_text(encoding="utf-8")
    blocks = [block for block in text.split("```yaml\n")[1:] if block.startswith("title: Telemetry Step 2")]
    long = next(block.split("```")[0] for block in blocks if "windows:" in block)

    found = place.read(long, workspace="")

    assert [m.id for m in found.metrics] == ["parser_p50", "parser_failures", "cli_p95", "cicd_success", "variance"]
    assert found.metric("variance").show_change
    assert found.metric("variance").headline_first
    assert found.gates[0].limit.text == "within 3 %"
    assert iso(found.gates[0].at) == "2025-01-22T22:01:00Z"
    assert found.checkins.metrics == ("variance", "cli_p95")
    assert [(id, limit.text) for id, limit in found.checkpoints.success] == [
        ("variance", "within 5 %"),
        ("parser_failures", "below 3 errors/hour"),
        ("cicd_success", "at least 90 %"),
    ]
    assert [(p.after, p.who) for p in found.checkpoints.people] == [(timedelta(hours=4), "Queenie")]
    assert found.lead == "Oliver"


def test_eight_mistakes_of_different_kinds_are_eight_lines(place: Place) -> None:
    found = place.complaints(
        """\
title: Telemetry Step 2
ticket: CHG-2025-0121
window: 2025-01-22 15:30 to 14:00
tolerence: 5 %
ticket: CHG-2025-0122
metrics:
  parser_p50:
    histogram: parser_duration_ms
    statistik: p50
    target: 65
  cli_p95: {histogram: cli_cmd_duration_ms, statistic: p95, target: at most 3 errors}
  cicd: {ratio: cicd_runs_total, target: at least 90 %}
gates:
  - {name: ramp, at: "14:01", metric: parser_p55, window: 1m, within: 3 %}
"""
    )

    assert found == [
        "deployment.yml:3: window: '2025-01-22 15:30 to 14:00' ends before it starts; write the day of the end too if it is the next one",
        "deployment.yml:4: file: 'tolerence' is not a key here; did you mean 'tolerance'?",
        "deployment.yml:5: ticket: stands twice, first in line 2; keep one",
        "deployment.yml:9: metrics > parser_p50: 'statistik' is not a key here; did you mean 'statistic'?",
        "deployment.yml:10: metrics > parser_p50 > target: '65' has no comparison and no unit; write 'at most 65 ms' or 'at least 65 %'",
        "deployment.yml:11: metrics > cli_p95 > target: 'at most 3 errors' does not compare with the metric's unit 'ms'; write 'at most 3 ms'",
        "deployment.yml:12: metrics > cicd: 'good' is missing; write which runs are good, such as 'good: {result: success}'",
        "deployment.yml:14: gates > ramp > metric: 'parser_p55' is no metric of this deployment; did you mean 'parser_p50'?",
    ]


def test_mistakes_are_told_in_under_a_second_with_all_imports(place: Place) -> None:
    place.write(TEN_LINES.replace("title:", "titel:"))
    code = (
        "import sys; from pathlib import Path; from deploybook import records; from deploybook.errors import DeploybookError\n"
        "try: records.read_deployment(records.read_workspace(Path(sys.argv[1])), 'x')\n"
        "except DeploybookError as error: print(error)"
    )
    before = os.times()

    done = subprocess.run([sys.executable, "-c", code, str(place.root)], capture_output=True, text=True, check=True)

    assert "did you mean 'title'?" in done.stdout
    after = os.times()  # of the processor, so that a busy machine does not fail the test
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1.0


def test_importing_the_reader_loads_neither_yaml_nor_pydantic() -> None:
    code = "import sys, deploybook.records; print(sorted({'yaml', 'pydantic'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("title: T", "titel: T"), "deployment.yml:1: file: 'titel' is not a key here; did you mean 'title'?"),
        (("title: T\n", ""), "deployment.yml:1: file: 'title' is missing; write what the change is called, such as 'title: Telemetry Step 2'"),
        (("title: T\n", "title:\n"), "deployment.yml:1: title: has no value; write what the change is called, such as 'title: Telemetry Step 2'"),
        (("ticket: CHG-1", "ticket: [CHG-1]"), "deployment.yml:2: ticket: expected one value, found a list"),
        (("14:00 to 15:30", "14:00"), "deployment.yml:3: window: '2025-01-22 14:00' is not a window; write '2025-01-22 14:00 to 15:30'"),
        (("2025-01-22 14:00", "2025-02-30 14:00"), "deployment.yml:3: window: '2025-02-30' is not a day; write '2025-01-22'"),
        (("p50,", "q50,"), "deployment.yml:5: metrics > m > statistic: 'q50' is not a statistic here; write one of p50, p95, p99, mean"),
        (("statistic: p50, ", ""), "deployment.yml:5: metrics > m: 'statistic' is missing; write 'statistic: p95'"),
        (("histogram: a_ms", "histogram: a_ms_bucket"), "deployment.yml:5: metrics > m > histogram: 'a_ms_bucket' is a part of a histogram; write 'a_ms'"),
        (("histogram: a_ms", "histogram: 'a_ms{x=\"y\"}'"), "deployment.yml:5: metrics > m > histogram: 'a_ms{x=\"y\"}' is not the name of a metric; labels go under 'where', PromQL under 'query'"),
        (("histogram:", "histogramm:"), "deployment.yml:5: metrics > m > histogramm: is no kind of metric; did you mean 'histogram'?"),
        (("histogram: a_ms, ", ""), "deployment.yml:5: metrics > m: says no kind; write one of 'histogram: NAME', 'counter: NAME', 'ratio: NAME', 'gauge: NAME', 'query: NAME'"),
        (("p50, ", "p50, counter: b, "), "deployment.yml:5: metrics > m: 'counter' stands beside another kind; a metric is one of histogram, counter, ratio, gauge, query"),
        (("at most 65 ms", "<= 65 ms"), "deployment.yml:5: metrics > m > target: '<= 65 ms' is written with a sign; write 'at most 65 ms'"),
        (("at most 65 ms", "at most 65"), "deployment.yml:5: metrics > m > target: 'at most 65' has no unit; write 'at most 65 ms' (or %, s, errors/hour)"),
        (("at most 65 ms", "at most 3 ms/hour"), "deployment.yml:5: metrics > m > target: '/hour' is a rate, which a histogram has not; write 'at most 3 ms'"),
        (("p50, ", "p50, unit: MB, "), "deployment.yml:5: metrics > m > unit: 'ms' does not compare with 'MB'; write the value in 'ms'; if the source is not in 'ms', write 'source_unit' too"),
        (("p50, ", "p50, unit: 3 ms, "), "deployment.yml:5: metrics > m > unit: '3 ms' is not a unit; write ms, s, B, MB, %, or what is counted, such as errors"),
        (("p50, ", "p50, decimals: 12, "), "deployment.yml:5: metrics > m > decimals: '12' is out of range; write a number from 0 to 9"),
        (("p50, ", "p50, better: smaller, "), "deployment.yml:5: metrics > m > better: 'smaller' is not one of lower, higher, either; write lower"),
        (("p50, ", "p50, decimals: few, "), "deployment.yml:5: metrics > m > decimals: 'few' is not a whole number; write 0, 1, 2, …"),
        (("p50, ", "p50, advisory: maybe, "), "deployment.yml:5: metrics > m > advisory: 'maybe' is neither true nor false"),
        (("p50, ", "p50, tolerance: 5, "), "deployment.yml:5: metrics > m > tolerance: '5' has no unit; write '5 %' or '5 ms'"),
        (("p50, ", "p50, delta: absolute, tolerance: 5 %, "), "deployment.yml:5: metrics > m > tolerance: '5 %' does not fit 'delta: absolute'; write '3 ms'"),
        (("p50, ", "p50, headline: first, "), "deployment.yml:5: metrics > m > headline: 'first' is for a metric with 'show: change'; write that too, or leave it out"),
        (("p50, ", "p50, source: prom, "), "deployment.yml:5: metrics > m > source: 'prom' is no source; there is none yet"),
        (("p50, ", "p50, where: {code: '=~\"5(\"'}, "), "deployment.yml:5: metrics > m > where: '5(' is not a regular expression: missing ), unterminated subpattern at position 1"),
        (("p50, ", "p50, where: {code: [200, 204]}, "), "deployment.yml:5: metrics > m > where: 'code' has a list; write 'code=~\"200|204\"' for any of them"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_remedy(place: Place, change: tuple[str, str], line: str) -> None:
    text = f"{HEAD}  m: {{histogram: a_ms, statistic: p50, target: at most 65 ms}}\n"
    assert place.complaints(text) == []

    found = place.complaints(text.replace(*change))

    assert found == [line]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("baseline: 2025-01-22 13:00 to 14:30", "baseline: overlaps the deployment window; write a time before the change, or 'none'"),
        ("windows: {deployment: 2025-01-22 14:00 to 15:30}", "window: stands beside 'windows > deployment'; keep one"),
        ('lead: "Avery\\u202Egnp.exe"', "lead: holds the sign U+202E, which does not show; write it in one line without it"),
        ('team: "Search\\nand more"', "team: holds the sign U+000A, which does not show; write it in one line without it"),
        (f"lead: {'x' * 501}", "lead: is longer than 500 characters; write it shorter"),
        ("observation: 48", "observation: '48' is not a length of time; write '15s', '90m', '1h' or '2d'"),
        ("observation: 24h\ncheckpoints: {after: [1h, 48h]}", "checkpoints > after: +48h is after the observation's end at +24h; write 'observation: 48h'"),
        ("checkpoints: {success: {n: at most 1 ms}}", "checkpoints > success > n: 'n' is no metric of this deployment; metrics are m"),
        ("checkpoints: {success: {m: at most 1 error}}", "checkpoints > success > m: 'at most 1 error' does not compare with the metric's unit 'ms'; write 'at most 1 ms'"),
        ("checkpoints: {after: 1h}", "checkpoints > after: expected a list, such as [1h, 12h], found '1h'"),
        ("checkpoints: {people: [{after: 4h, what: look}]}", "checkpoints > people > 1: 'who' is missing; write 'who: Queenie'"),
        ("checkins: {every: 15m, metrics: [n]}", "checkins > metrics > 1: 'n' is no metric of this deployment; metrics are m"),
        ("gates: [{name: g, at: 16:00, metric: m, window: 1m, within: 3 %}]", "gates > g > at: is outside the deployment window; write a time from 14:00 to 15:30"),
        ("gates: [{name: g, at: 14:01, metric: m, window: 1m}]", "gates > g: 'within' is missing; write 'within: 3 %', or 'target: at most 65 ms'"),
        ("reason: it was late", "reason: stands without 'outcome'; write 'outcome: succeeded', or rolled_back, aborted, postponed"),
        ("outcome: rolledback", "outcome: 'rolledback' is not one of succeeded, rolled_back, aborted, postponed; did you mean 'rolled_back'?"),
        ("service: parsr", "service: there is no services/parsr.yml; there is none yet"),
        ("timezone: PST", "timezone: 'PST' is not a time zone; write one such as 'America/Los_Angeles' or 'UTC'"),
        ("source: prom", "source: 'prom' is no source; write env:PROMETHEUS_URL"),
        ("sources: {a: {kind: promethius, url: env:U}}", "sources > a: 'promethius' is not a kind of source; did you mean 'prometheus'?"),
        ("sources: {a: {kind: prometheus, ulr: env:U}}", "sources > a: 'ulr' is not a key of a prometheus source; did you mean 'url'?"),
        ("  q: {query: 'sum(up', unit: ms}", "metrics > q > query: is no PromQL: unclosed left parenthesis; mend the query"),
        ("  q: {query: 'sum(up)', statistic: mean, unit: ms}", "metrics > q > statistic: 'mean' does not fit here; leave it out"),
        ("sources: {a: {kind: git, filter: v2}}", "sources > a: 'filter' is not a key of a git source; keys are path, tags"),
        ("sources: {a: {kind: files}}", "sources > a: 'paths' is missing; write 'paths: [\"exports/original/**/*.csv*\"]'"),
        ("sources: {a: {kind: files, paths: [a.csv], zone: PDT}}", "sources > a > zone: 'PDT' is not a time zone; write one such as 'America/Los_Angeles' or 'UTC'"),
        ("sources: {a: {kind: prometheus, url: 'prom:9090'}}", "sources > a > url: 'prom:9090' is no address; write 'https://prometheus.example.org:9090', or env:PROMETHEUS_URL"),
        ("sources: {a: {kind: prometheus, url: 'http://prom:99999'}}", "sources > a > url: 'http://prom:99999' is no address; write 'https://prometheus.example.org:9090', or env:PROMETHEUS_URL"),
        ("sources: {a: {kind: prometheus, url: env:U, timeout: soon}}", "sources > a > timeout: 'soon' is not a length of time; write '15s', '90m', '1h' or '2d'"),
        ("sources: {a: {kind: prometheus, url: env:U, retention: long}}", "sources > a > retention: 'long' is not a length of time; write '15d', '12h' or '1y'"),
        ("sources: {a: {kind: prometheus, url: env:U, max_bytes: 1 MB}}", "sources > a > max_bytes: '1 MB' is not a whole number; write one such as 1000000"),
        ("sources: {a: {kind: prometheus, url: env:U, raw: maybe}}", "sources > a > raw: 'maybe' is not one of true, false"),
        ("sources: {a: {kind: prometheus, url: env:U, verify: false}}", "sources > a > verify: certificates are always checked; leave it out, and write 'ca: PATH' for one of your own"),
        ("sources: {a: {kind: grafana, url: env:U, token: env:T, verify: no}}", "sources > a > verify: certificates are always checked; leave it out, and write 'ca: PATH' for one of your own"),
        ("sources: {a: {kind: files, paths: [a.csv], delimiter: '||'}}", "sources > a > delimiter: '||' is not one sign; write ';' or another"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(place: Place, more: str, line: str) -> None:
    found = place.complaints(f"{HEAD}  m: {{histogram: a_ms, statistic: p50}}\n{more}\n")

    assert [text.split(": ", 1)[1].strip() for text in found] == [line]


def test_all_mistakes_of_all_files_are_told_together(place: Place) -> None:
    found = place.complaints(
        TEN_LINES.replace("version:", "versoin:").replace("source:", "service: parser\nsource:"),
        workspace="timezone: PT\nchanels: {}\n",
        parser="teem: Parser\nmetrics: {q: {gauge: g}}\n",
    )

    assert [line.split(": ", 1)[0] for line in found] == [
        "deploybook.yml:1", "deploybook.yml:2", "deployment.yml:3", "services/parser.yml:1", "services/parser.yml:2",
    ]  # fmt: skip


def test_a_broken_window_is_told_once_and_not_at_every_time(place: Place) -> None:
    gate = "gates: [{name: g, at: 14:01, metric: m, window: 1m, within: 3 %}]"

    found = place.complaints(f"{HEAD}  m: {{gauge: g_ms}}\n{gate}\n".replace("2025-01-22 14:00", "yesterday 14:00"))

    assert found == ["deployment.yml:3: window: 'yesterday 14:00' is not a time; write '2025-01-22 14:00'"]


def test_the_zone_has_no_default(place: Place) -> None:
    found = place.complaints(TEN_LINES, workspace="")

    assert found == [
        "deployment.yml:1: file: 'timezone' is missing; write 'timezone: America/Los_Angeles' (or yours) here or in deploybook.yml"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://oliver:hunter2@prom.example",
        "https://prom.example/?token=hunter2",
        "https://hooks.slack.com/services/hunter2",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(place: Place, url: str) -> None:
    found = place.complaints(TEN_LINES.replace("env:PROMETHEUS_URL", url))

    assert found == [
        "deployment.yml:5: source: a secret does not belong into this file; write 'env:URL' or 'file:PATH'"
    ]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("option", ["token: hunter2", "headers: {Authorization: Bearer hunter2}", "password: hunter2"])
def test_a_secret_option_is_only_a_reference(place: Place, option: str) -> None:
    text = TEN_LINES.replace(
        "source: env:PROMETHEUS_URL", f"sources: {{p: {{kind: prometheus, url: env:U, {option}}}}}"
    )

    assert "a secret does not belong into this file" in "".join(place.complaints(text))
    assert "hunter2" not in "".join(place.complaints(text))
    for reference in ("env:X", "file:/run/secret", "'cmd:pass show prometheus'"):
        assert place.complaints(text.replace("Bearer hunter2", reference).replace("hunter2", reference)) == []


def test_a_plain_address_is_no_secret(place: Place) -> None:
    found = place.read(TEN_LINES.replace("env:PROMETHEUS_URL", "http://prom.example:9090"))

    assert found.sources[0].options == {"url": "http://prom.example:9090"}


SERVICE = """\
team: Parser
source: env:PROMETHEUS_URL
tolerance: 4 %
metrics:
  parser_p50: {histogram: parser_duration_ms, statistic: p50, target: at most 65 ms, panel: 12}
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}
"""
FOUR_LINES = "title: T\nticket: CHG-1\nwindow: 2025-01-22 14:00 to 15:30\nservice: parser\n"


def test_four_lines_with_a_service_are_complete(place: Place) -> None:
    found = place.read(FOUR_LINES, parser=SERVICE)

    assert [metric.id for metric in found.metrics] == ["parser_p50", "failures"]
    assert (found.team, found.sources[0].kind) == ("Parser", "prometheus")


def test_the_nearest_wins_key_by_key(place: Place) -> None:
    near = f"{FOUR_LINES}metrics:\n  parser_p50: {{target: at most 70 ms}}\ntolerance: 3 %\n"

    found = place.read(near, workspace=f"{ZONE}tolerance: 9 %\nobservation: 24h\n", parser=SERVICE)

    metric = found.metric("parser_p50")
    assert (metric.target and metric.target.text, metric.panel, metric.tolerance.relative) == (
        "at most 70 ms",
        "12",
        0.03,
    )
    assert found.observation == timedelta(hours=24)
    assert found.metric("failures").kind == "counter"


def test_limits_set_targets_of_metrics_declared_further_away(place: Place) -> None:
    workspace = f"{ZONE}metrics: {{parser_p50: {{histogram: parser_duration_ms, statistic: p50}}}}\n"

    found = place.read(
        f"{HEAD}".removesuffix("metrics:\n") + "limits: {parser_p50: at most 60 ms}\n", workspace=workspace
    )

    assert found.metric("parser_p50").target == place.metric("{gauge: g_ms, target: at most 60 ms}").target


def test_a_mistake_in_a_service_has_the_services_line(place: Place) -> None:
    found = place.complaints(FOUR_LINES, parser=SERVICE.replace("at most 65 ms", "65 ms"))

    assert found == [
        "services/parser.yml:5: metrics > parser_p50 > target: '65 ms' has no comparison; write 'at most 65 ms' or 'at least 65 ms'"
    ]


def test_paths_are_seen_from_the_file_they_stand_in(place: Place) -> None:
    source = "sources: {a: {kind: files, paths: [data/*.csv, ../b.csv]}}\n"
    metrics = "metrics: {m: {gauge: g, unit: ms}}\n"

    assert place.read(f"{FOUR_LINES}", parser=source + metrics).sources[0].options["paths"] == [
        "../../services/data/*.csv",
        "../../b.csv",
    ]
    assert place.read(f"{FOUR_LINES}{source}", parser=metrics).sources[0].options["paths"] == ["data/*.csv", "../b.csv"]


def test_a_short_source_of_paths_is_files(place: Place) -> None:
    found = place.read(TEN_LINES.replace("env:PROMETHEUS_URL", "exports/original/*.csv")).sources[0]

    assert (found.name, found.kind, found.options) == ("source", "files", {"paths": ["exports/original/*.csv"]})


def test_conditions_on_labels_come_in_every_spelling(place: Place) -> None:
    wanted = (Matcher(label="service", op="=", value="a"), Matcher(label="code", op="=~", value="5.."))

    for where in (
        """{service: a, 'code=~"5.."'}""",
        """{service: a, code: 'code=~"5.."'}""",
        """{service: a, code: '=~"5.."'}""",
        """'service="a",code=~"5.."'""",
        """'{service="a", code=~`5..`}'""",
        """[{service: a}, 'code=~"5.."']""",
    ):
        assert place.metric(f"{{counter: c_total, where: {where}}}").where == wanted


def test_labels_are_text_also_where_they_look_like_nothing(place: Place) -> None:
    where = place.metric("{counter: c_total, where: {a: null, b: no, c: NA, d: 007}}").where

    assert [matcher.value for matcher in where] == ["null", "no", "NA", "007"]


def test_a_ratio_of_two_counters(place: Place) -> None:
    metric = place.metric("{ratio: {good: ok_total, total: all_total}, target: at least 90 %}")

    assert (metric.name, metric.total_name, metric.good, metric.unit, metric.scale) == (
        "ok_total",
        "all_total",
        (),
        "%",
        100,
    )


@pytest.mark.parametrize(
    ("metric", "unit", "source_unit", "scale"),
    [
        ("{histogram: a_seconds, statistic: p50, target: at most 65 ms}", "ms", "s", 1000),
        ("{histogram: a_seconds, statistic: p50}", "s", "s", 1),
        ("{gauge: a_bytes, unit: MB}", "MB", "B", 1e-6),
        ("{gauge: a_ratio, unit: '%'}", "%", "1", 100),
        ("{gauge: a, source_unit: s, unit: ms}", "ms", "s", 1000),
        ("{counter: a_seconds_total, unit: ms}", "ms", "s", 1000),
        ("{counter: a_total}", "events", "events", 1),
        ("{query: 'sum(rate(a_ms[5m]))', unit: ms}", "ms", "ms", 1),
    ],
)
def test_units_of_page_and_source(place: Place, metric: str, unit: str, source_unit: str, scale: float) -> None:
    found = place.metric(metric)

    assert (found.unit, found.source_unit) == (unit, source_unit)
    assert found.scale == pytest.approx(scale)


def test_a_limit_is_kept_in_the_unit_of_the_page(place: Place) -> None:
    metric = place.metric("{histogram: a_seconds, statistic: p50, unit: ms, target: at most 0.2 s}")

    assert metric.target is not None
    assert (metric.target.value, metric.target.unit, metric.target.text) == (200, "ms", "at most 0.2 s")


def test_a_metric_without_any_unit_is_a_mistake(place: Place) -> None:
    found = place.complaints(f"{HEAD}  m: {{gauge: cpu}}\n")

    assert found == [
        "deployment.yml:5: metrics > m: no unit is said, and 'cpu' does not end with one; write 'unit: ms' (or s, B, %)"
    ]


@pytest.mark.parametrize(
    ("written", "relative", "absolute", "unit"),
    [
        ("tolerance: 5 % or 3 ms", 0.05, 3, "ms"),
        ("tolerance: 5 % or 0.003 s", 0.05, 3, "ms"),
        ("tolerance: 2 %", 0.02, None, ""),
        ("tolerance: none", None, None, ""),
        ("tolerance: 2 points", None, None, ""),
    ],
)
def test_of_the_common_tolerance_only_what_fits_decides(
    place: Place, written: str, relative: float | None, absolute: float | None, unit: str
) -> None:
    found = place.metric("{histogram: a_ms, statistic: p50}", written).tolerance

    assert (found.relative, found.unit) == (relative, unit)
    assert found.absolute == (None if absolute is None else pytest.approx(absolute))


def test_a_tolerance_in_points_fits_a_share(place: Place) -> None:
    found = place.metric("{ratio: r_total, good: {ok: yes}, tolerance: 2 points}").tolerance

    assert (found.relative, found.absolute, found.unit) == (None, 2, "points")


def test_a_first_deployment_has_no_baseline(place: Place) -> None:
    text = f"{HEAD}  m: {{gauge: g_ms}}\nbaseline: none\n"

    assert place.read(text).baseline is None
    assert place.complaints(text.replace("g_ms", "g_ms, show: change")) == [
        "deployment.yml:5: metrics > m: 'show: change' needs a baseline; write one, or 'show: value'"
    ]


def test_a_baseline_may_be_a_day(place: Place) -> None:
    found = place.read(f"{HEAD}  m: {{gauge: g_ms}}\nbaseline: 2025-01-15\n").baseline

    assert found and (iso(found.start), iso(found.end)) == ("2025-01-15T22:00:00Z", "2025-01-15T23:30:00Z")


def test_the_day_before_is_found_by_the_local_clock(place: Place) -> None:
    """9 March 2025: clocks in Los Angeles went from 02:00 to 03:00, so 14:00 is 22:00 UTC before and 21:00 after."""
    found = place.read(TEN_LINES.replace("2025-01-22", "2025-03-09"))

    assert found.baseline and iso(found.baseline.start) == "2025-03-08T22:00:00Z"
    assert iso(found.window.start) == "2025-03-09T21:00:00Z"


def test_a_gate_after_midnight_belongs_to_the_next_day(place: Place) -> None:
    gate = "gates: [{name: g, at: 00:10, metric: m, window: 1m, within: 3 %}]"
    text = HEAD.replace("14:00 to 15:30", "23:30 to 2025-01-23 01:00")

    assert iso(place.read(f"{text}  m: {{gauge: g_ms}}\n{gate}\n").gates[0].at) == "2025-01-23T08:10:00Z"


def test_what_close_adds(place: Place) -> None:
    text = f"{TEN_LINES}outcome: rolled_back\nactual: 14:00 to 14:21\nreason: p50 rose\nclosed: 2025-01-22 14:25\n"

    closing = place.read(text).closing

    assert closing and closing.actual and closing.at
    assert (closing.outcome, closing.reason) == ("rolled_back", "p50 rose")
    assert (iso(closing.actual.end), iso(closing.at)) == ("2025-01-22T22:21:00Z", "2025-01-22T22:25:00Z")


def test_checkins_default_to_the_metrics_that_show_their_change(place: Place) -> None:
    found = place.read(f"{HEAD}  m: {{gauge: g_ms}}\n  v: {{gauge: g_ms, show: change}}\n")

    assert found.checkins.metrics == ("v",)


def test_an_observation_reaches_to_its_last_checkpoint(place: Place) -> None:
    more = "checkpoints: {after: [1h, 72h]}"

    assert place.read(f"{HEAD}  m: {{gauge: g_ms}}\n{more}\n").observation == timedelta(hours=72)


@pytest.mark.parametrize("text", ["", "[]", "just words", "- a\n- b", "title: [", "\ufeff", "a: &x b\n*x : c"])
def test_whatever_is_written_is_answered_with_lines(place: Place, text: str) -> None:
    found = place.complaints(text)

    assert found
    assert all(line.startswith("deployment.yml:") for line in found)


@pytest.mark.parametrize(
    "text",
    [
        "metrics:\n" + "".join(f"  m{number}: x\n" for number in range(20_000)),
        "".join(f"k{number}: x\n" for number in range(40_000)),
        f"{HEAD}  m: {{gauge: g_ms, target: at most 1{' ' * 400_000}ms}}\n",
        f"{HEAD}  m: {{gauge: g_ms, where: 'a={'a' * 400_000}'}}\n",
        "a:\n" * 60_000,
    ],
    ids=["many metrics", "many keys", "wide target", "wide condition", "one key again and again"],
)
def test_a_hostile_file_is_answered_soon(place: Place, text: str) -> None:
    before = os.times()

    assert place.complaints(text)

    after = os.times()
    assert after.user + after.system - before.user - before.system < 8


@pytest.mark.parametrize("slug", ["../x", "X", "", "a/b", "-a", "a" * 65, "unknown"])
def test_an_unknown_or_unsafe_name_is_a_usage_problem(place: Place, slug: str) -> None:
    place.write(TEN_LINES)

    with pytest.raises(UsageProblem, match="is no deployment of this workspace"):
        records.read_deployment(records.read_workspace(place.root), slug)


def test_a_workspace_is_found_upwards_and_mkdocs_yml_is_enough(place: Place) -> None:
    place.write(TEN_LINES + ZONE)
    (place.root / "deploybook.yml").unlink()
    with pytest.raises(UsageProblem, match=r"holds no deploybook\.yml"):
        records.read_workspace(place.root)
    (place.root / "mkdocs.yml").write_text("site_name: x\n")

    found = records.find_workspace(place.root / "deployments" / "x")

    assert found.root == place.root
    assert records.slugs(found) == ("x",)
    assert records.read_deployment(found, "x").title == "Telemetry Step 2"


def test_folders_with_other_names_are_told_by_check_and_left_out(place: Place) -> None:
    place.write(TEN_LINES)
    (place.root / "deployments" / "Über").mkdir()
    (place.root / "deployments" / "Über" / "deployment.yml").write_text(TEN_LINES)
    workspace = records.read_workspace(place.root)

    assert records.slugs(workspace) == ("x",)
    assert [str(problem) for problem in records.check_layers(workspace)] == [
        "deployments/Über/deployment.yml:1: file: 'Über' cannot name a deployment; write small letters, digits and '-', at most 64"
    ]


def test_settings_of_the_workspace(place: Place) -> None:
    text = f"{ZONE}channels: {{ops: env:SLACK_URL}}\nnotify: [ops]\ndaily: 17:00\ncatch_up: latest\nmax_age: 7d\n"
    place.write(TEN_LINES, workspace=text)

    found = records.read_settings(records.read_workspace(place.root))

    assert (found.channels, found.notify, found.daily) == ({"ops": "env:SLACK_URL"}, ("ops",), "17:00")
    assert (found.catch_up, found.max_age, found.zone.key) == ("latest", timedelta(days=7), "America/Los_Angeles")


def test_a_channel_without_an_address_is_told(place: Place) -> None:
    place.write(TEN_LINES, workspace=f"{ZONE}notify: [ops]\n")

    with pytest.raises(FileProblems, match=r"deploybook\.yml:2: notify > 1: 'ops' is no channel"):
        records.read_settings(records.read_workspace(place.root))


def test_the_reference_deployment_reads_without_a_mistake(root: Path) -> None:
    found = records.read_deployment(records.read_workspace(root), "2025-01-22-telemetry-step2")

    assert [metric.id for metric in found.metrics] == [
        "parser_p50",
        "parser_failures",
        "cli_p95",
        "cicd_success",
        "variance",
    ]
    assert records.check_layers(records.read_workspace(root)) == []


@pytest.mark.parametrize("written", ["5 pm", "25:00", "17", "17:00 PT"])
def test_the_time_of_the_daily_report_is_a_time_of_day(tmp_path: Path, written: str) -> None:
    (tmp_path / "deploybook.yml").write_text(f"{ZONE}daily: {written}\n", encoding="utf-8")

    with pytest.raises(FileProblems, match=r"deploybook.yml:\d: daily: .* is not a time of day; write '17:00'"):
        records.read_settings(records.read_workspace(tmp_path))
