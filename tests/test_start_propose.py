"""Files as people have them: what `new` makes of each, and what it asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploybook import records
from deploybook.cli import cli
from deploybook.errors import DeploybookError
from deploybook.model import Deployment

Row = Callable[[int], str]
NUMBERS = (0.182, 0.179, 0.19, 0.176, 0.185)


def wide(header: str, row: Row, *, sep: str = ",", bom: str = "") -> str:
    """Grafana's table over two days, 13:00 to 16:00 by a clock in Berlin, a row a minute."""
    lines = [f"2025-01-{day} {13 + m // 60}:{m % 60:02d}:00{sep}{row(m)}" for day in (21, 22) for m in range(181)]
    return bom + "\n".join([header, *lines, ""])


def number(minute: int) -> float:
    return NUMBERS[minute % 5]


def new(root: Path, *files: tuple[str, str | bytes], zone: str = "Europe/Berlin") -> tuple[str, Deployment, str]:
    """deployment.yml, how it is read, and what was said; it passes `check`."""
    root = root / "w"
    root.mkdir()
    (root / "deploybook.yml").write_text("")
    given = root.parent / "given"
    given.mkdir()
    for name, content in files:
        (given / name).write_bytes(content.encode() if isinstance(content, str) else content)
    call = f"-C {root} new x --zone {zone} --on 2025-01-22 --at 14:00 --for 60m --from-csv {given}"
    done = CliRunner().invoke(cli, call.split())
    if isinstance(done.exception, DeploybookError):
        raise done.exception
    assert done.exit_code == 0, done.output
    text = (root / "deployments/x/deployment.yml").read_text(encoding="utf-8")
    return text, records.read_deployment(records.read_workspace(root), "x"), done.stderr


def judged(root: Path) -> dict[str, float | None]:
    import json

    done = CliRunner().invoke(cli, ["-C", str(root / "w"), "judge", "--json"])
    return {one["id"]: one["value"] for one in json.loads(done.stdout)["metrics"]}


def test_grafanas_wide_table_of_ready_made_quantiles_in_seconds(tmp_path: Path) -> None:
    content = wide('"Time","p50","p95"', lambda m: f"{number(m)},{number(m) * 2}")

    text, found, said = new(tmp_path, ("Checkout latency (seconds)-data-2025-01-22 16_03_11.csv", content))

    assert [metric.title for metric in found.metrics] == [
        "Checkout latency, mean of the exported p50",
        "Checkout latency, mean of the exported p95",
    ]
    assert [(metric.unit, metric.scale) for metric in found.metrics] == [("ms", 1000)] * 2
    assert str(found.sources[0].zone) == "Europe/Berlin"
    assert "its times say no zone; 'zone: Europe/Berlin' was written, is that theirs?" in said
    assert judged(tmp_path)["p50"] == pytest.approx(182.4)  # the mean of the five numbers, in ms
    assert (tmp_path / "w/deployments/x/exports/original").is_dir() and "latency_seconds" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", wide("Time,latency_ms", lambda m: f"{number(m)}")),
        ("epoch.csv", "Time,latency_ms\n" + "".join(f"{1737460800000 + m * 60000},{number(m)}\n" for m in range(1700))),
        ("excel.csv", wide("sep=,\nTime,latency_ms", lambda m: f"{number(m)}").encode("utf-16")),
        ("bom.csv", wide("Time;latency_ms", lambda m: f"{number(m)}", sep=";", bom="\ufeff")),
        ("labels.csv", wide('"Time","latency_ms{pod=""a"",app=""x""}"', lambda m: f"{number(m)}")),
        ("latency_ms.csv", wide('"Time","pod","Value #A"', lambda m: f"a,{number(m)}")),
    ],
)
def test_one_gauge_in_many_forms_is_the_same_figure(tmp_path: Path, name: str, content: str | bytes) -> None:
    _, found, _ = new(tmp_path, (name, content))

    assert [(metric.kind, metric.name, metric.unit) for metric in found.metrics] == [("gauge", "latency_ms", "ms")]
    assert judged(tmp_path) == {"latency": pytest.approx(0.1824)}


def test_daily_files_are_one_source(tmp_path: Path) -> None:
    content = wide("Time,p95 (ms)", lambda m: f"{number(m)}")
    days = {
        day: "\n".join(["Time,p95 (ms)", *(one for one in content.split("\n") if day in one)])
        for day in ("01-21", "01-22")
    }

    _, found, _ = new(tmp_path, *((f"latency-2025-{day}.csv", text) for day, text in days.items()))

    assert [source.options["metric"] for source in found.sources] == ["latency"]
    assert judged(tmp_path) == {"latency": pytest.approx(0.1824)}


def test_kinds_are_told_by_suffix_columns_and_values(tmp_path: Path) -> None:
    series = (
        'd_seconds_bucket{le="0.1"}', 'd_seconds_bucket{le="+Inf"}', "d_seconds_sum", "d_seconds_count",
        "failures_total", 'runs_total{result="success"}', 'runs_total{result="failure"}', "probe_success", "up",
        "swings_total",
    )  # fmt: skip
    header = "Time," + ",".join('"' + one.replace('"', '""') + '"' for one in series)
    content = wide(header, lambda m: f"{m * 3},{m * 4},{m * 0.3},{m * 4},{m // 60},{m * 9},{m},1,1,{m % 7}")

    _, found, said = new(tmp_path, ("all.csv", content))

    assert {metric.name: (metric.kind, metric.statistic, metric.unit) for metric in found.metrics} == {
        "d_seconds": ("histogram", "p95", "ms"),
        "failures_total": ("counter", "increase", "errors"),
        "runs_total": ("ratio", "ratio", "%"),
        "probe_success": ("gauge", "mean", "%"),
        "swings_total": ("gauge", "mean", "1"),  # it falls all the time: a count per interval
    }
    assert "recognised: runs: a counter with 'result'; shown as the share of success" in said
    assert "please look: swings_total: nothing says its unit" in said
    assert judged(tmp_path)["runs"] == 90


def test_a_saved_answer_of_the_api_is_a_file_like_any(tmp_path: Path) -> None:
    import json

    values = [[1737460800 + 60 * m, f"{number(m)}"] for m in range(1700)]
    result = [{"metric": {"__name__": "latency_ms", "pod": "a"}, "values": values}]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}

    _, found, _ = new(tmp_path, ("answer.json", json.dumps(answer)))

    assert [(metric.kind, metric.name) for metric in found.metrics] == [("gauge", "latency_ms")]
    assert judged(tmp_path)["latency"] == pytest.approx(0.1824)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (wide("Time,p95", lambda m: f"{number(m) * 1000:.0f} ms"), "in Grafana switch off 'Formatted data'"),
        (wide("Time;p95", lambda m: "0,18", sep=";"), "write numbers with a decimal point"),
        (wide("Time,p95", lambda m: f"{number(m)}"), "p95: nothing says its unit"),
    ],
)
def test_what_only_a_person_can_say_is_asked(tmp_path: Path, content: str, said: str) -> None:
    if "nothing says" in said:
        content = content.replace("Time,p95", "Time,p50,p95").replace("\n2025", "\n2025")
        content = "\n".join(line + (",1" if line.startswith("2025") else "") for line in content.split("\n"))

    assert said in new(tmp_path, ("latency.csv", content))[2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "Zeit,p95\n1,2\n",
            "a.csv:1: has no time column (Zeit, p95); name it 'timestamp', or write 'time: NAME' on the source",
        ),
        ("Time,p95\n01/22/2025 14:00,2\n", "(such as '01/22/2025 14:00'); write '2025-01-22T14:00:00Z', an offset"),
        ("Time,Value,Value\n1737460800,2,3\n", "has two columns named 'Value'; give each series a legend of its own"),
        ('{"status":"error","errorType":"bad_data","error":"parse error"}', "is an error of the server: bad_data"),
        ("<html>", "has no time column"),
        ("", "is empty: not even a header"),
        ("Time,up\n1737550800,1\n1737554400,1\n", "hold no metric beside 'up'"),
        (
            "Time,p95\n1737460800,1\n",
            "the files hold 2025-01-21 13:00 to 2025-01-21 13:00 (Europe/Berlin), not 2025-01-22 14:00 to 15:00",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(DeploybookError) as refusal:
        new(tmp_path, ("a.csv", content))

    assert said in str(refusal.value)


def test_one_bad_file_of_many_is_named_and_left_out(tmp_path: Path) -> None:
    good = ("latency_ms.csv", wide("Time,latency_ms", lambda m: f"{number(m)}"))

    _, found, said = new(tmp_path, good, ("SHA256SUMS", "97749988d8f1  latency_ms.csv\n"))

    assert len(found.metrics) == 1
    assert "please look: SHA256SUMS:1: has no time column" in said
    assert not (tmp_path / "w/deployments/x/exports/original/SHA256SUMS").exists()


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    content = wide("Time,latency_ms", lambda m: f"{number(m)}")
    for day in ("01-21", "01-22"):
        (tmp_path / day).mkdir()
        lines = [line for line in content.split("\n") if day in line]
        (tmp_path / day / "a.csv").write_text("\n".join(["Time,latency_ms", *lines]))
    (tmp_path / "deploybook.yml").write_text("")
    files = f"--from-csv {tmp_path}/01-21/a.csv --from-csv {tmp_path}/01-22/a.csv"
    call = f"-C {tmp_path} new x --zone UTC --on 2025-01-22 --at 14:00 --for 60m {files}"

    assert CliRunner().invoke(cli, call.split()).exit_code == 0

    original = tmp_path / "deployments/x/exports/original"
    assert sorted(path.relative_to(original).as_posix() for path in original.rglob("*.csv")) == ["01-22/a.csv", "a.csv"]
    found = records.read_deployment(records.read_workspace(tmp_path), "x")
    assert found.sources[0].options["paths"] == ["exports/original/a.csv", "exports/original/01-22/a.csv"]


def test_a_dashboard_proposes_its_queries(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "deploybook.yml").write_text("source: env:PROMETHEUS_URL\n")
    board = shared / "scenario/observability/exports/2025-01-22/grafana/telemetry-step2-dashboard.json"
    call = f"-C {tmp_path} new x --zone America/Los_Angeles --on 2025-01-22 --at 14:00 --from-dashboard {board}"

    assert CliRunner().invoke(cli, call.split()).exit_code == 0

    found = records.read_deployment(records.read_workspace(tmp_path), "x")
    assert [(metric.kind, metric.statistic) for metric in found.metrics][:2] == [
        ("histogram", "p50"),
        ("histogram", "p95"),
    ]
    assert found.metrics[0].target and found.metrics[0].target.text == "at most 65 ms"
