"""The second implementation: figures derived from the original CSV files by the standard library alone."""

from __future__ import annotations

import gzip
import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from deploybook.evidence import standalone
from deploybook.measure import promql

PT = "-08:00"
HISTOGRAMS = {"P50": ("parser_duration_ms", "0.5"), "P95": ("cli_cmd_duration_ms", "0.95")}


def table(text: str, name: str = "original.csv") -> standalone.Table:
    data = text.encode()
    return standalone.read_table(io.BytesIO(gzip.compress(data) if name.endswith(".gz") else data), name)


def derive(figure: dict[str, Any], *texts: str, others: dict[str, dict[str, Any]] | None = None) -> float | None:
    """One figure over small CSV texts; the input digests are their places in the call."""
    tables = {str(index): table(text) for index, text in enumerate(texts)}
    whole = {"name": "m", "window": ["2025-01-22T22:00:00Z", "2025-01-22T22:02:00Z"], "inputs": sorted(tables)} | figure
    return standalone.Deriver({"x": whole, **(others or {})}, lambda digest, _zone: tables[digest]).value("x")


def rows(*pairs: tuple[str, object], metric: str = "m", labels: str = "") -> str:
    header = "timestamp,metric," + ("pod," if labels else "") + "value\n"
    middle = f"{labels}," if labels else ""
    return header + "".join(f"2025-01-22T{at}Z,{metric},{middle}{value}\n" for at, value in pairs)


def test_adjoining_windows_of_a_counter_add_up() -> None:
    text = rows(("22:00:00", 10), ("22:01:00", 13), ("22:02:00", 20))
    halves = [
        derive({"op": "increase", "window": [f"2025-01-22T{start}Z", f"2025-01-22T{end}Z"]}, text)
        for start, end in [("22:00:00", "22:01:00"), ("22:01:00", "22:02:00")]
    ]

    assert halves == [3, 7]
    assert derive({"op": "increase"}, text) == 10


def test_a_reset_is_added_back_for_each_series() -> None:
    text = rows(("22:00:00", 10), ("22:01:00", 4), ("22:02:00", 5), labels="a")
    other = rows(("22:00:00", 1), ("22:02:00", 3), labels="b")

    assert derive({"op": "increase"}, text, other) == 4 + 1 + 2


def test_the_state_at_the_start_is_a_row_at_most_one_and_a_half_steps_old() -> None:
    fresh = rows(("21:58:45", 0), ("21:59:45", 7), ("22:00:45", 8), ("22:01:45", 9))
    old = rows(("21:55:30", 0), ("21:56:30", 1), ("21:57:30", 2), ("22:00:30", 50), ("22:01:30", 51))

    assert derive({"op": "increase"}, fresh) == 2
    assert derive({"op": "increase"}, old) == 1


def test_overlapping_files_are_joined_and_the_larger_of_two_counter_rows_wins() -> None:
    coarse = rows(("21:59:00", 0), ("22:00:00", 1), ("22:01:00", 5), ("22:02:00", 9))
    fine = rows(("22:00:30", 3), ("22:00:45", 4), ("22:01:00", 6), ("22:01:15", 7))

    assert derive({"op": "increase"}, coarse, fine) == 8
    assert derive({"op": "worst_hour"}, fine, coarse) == 8


def test_one_cell_without_a_number_makes_the_whole_scrape_missing() -> None:
    def scrape(at: str, *counts: object) -> str:
        return "".join(
            f"2025-01-22T{at}Z,m_bucket,{le},{count}\n" for le, count in zip(("10", "+Inf"), counts, strict=True)
        )

    text = (
        "timestamp,metric,le,value\n"
        + scrape("22:00:00", 0, 0)
        + scrape("22:01:00", 5, "NaN")
        + scrape("22:02:00", 4, 8)
    )
    figure = {"op": "histogram_quantile", "args": {"q": "0.25"}}

    assert (
        derive(figure, text) == 5.0
    )  # 4 of 8 below 10: a quarter lies in the middle of the first bucket; 5 is not seen


def test_the_worst_hour_lies_wholly_inside_the_window() -> None:
    text = rows(("21:30:00", 0), ("22:00:00", 4), ("22:30:00", 5), ("22:45:00", 6), ("23:10:00", 7), ("23:25:00", 8))
    figure = {"op": "worst_hour", "window": ["2025-01-22T22:00:00Z", "2025-01-22T23:15:00Z"]}

    assert derive(figure, text) == 2  # (22:00, 23:00]; (22:30, 23:30] has three but ends after the window
    assert derive(figure | {"window": ["2025-01-22T22:00:00Z", "2025-01-22T23:45:00Z"]}, text) == 3
    assert (
        derive(figure | {"window": ["2025-01-22T22:00:00Z", "2025-01-22T22:40:00Z"]}, text) == 1
    )  # shorter: all of it


def test_gauges_take_the_start_and_leave_the_end() -> None:
    text = rows(("21:59:00", 90), ("22:00:00", 1), ("22:01:00", 4), ("22:01:30", "NaN"), ("22:02:00", 90))

    assert derive({"op": "gauge_mean"}, text) == 2.5
    assert derive({"op": "gauge_last"}, text) == 4
    assert derive({"op": "gauge_quantile", "args": {"q": "0.1"}}, text) == pytest.approx(1.3)
    assert [derive({"op": f"gauge_{op}"}, text) for op in ("min", "max", "median")] == [1, 4, 2.5]


def test_nothing_measured_is_none() -> None:
    text = rows(("22:00:00", 1), ("22:02:00", 1), metric="other")

    assert derive({"op": "increase"}, text) is None
    assert derive({"op": "gauge_mean"}, text) is None
    assert derive({"op": "ratio", "good": [["pod", "=", "a"]]}, text) is None


def test_matchers_are_anchored_and_a_missing_label_is_empty() -> None:
    a, b = rows(("22:00:00", 0), ("22:02:00", 1), labels="a-1"), rows(("22:00:00", 0), ("22:02:00", 2), labels="a-10")

    for operator, value, expected in [("=", "a-1", 1), ("!=", "a-1", 2), ("=~", "a-.", 1), ("!~", "a-.", 2)]:
        assert derive({"op": "increase", "where": [["pod", operator, value]]}, a, b) == expected
    assert derive({"op": "increase", "where": [["zone", "=", ""]]}, a, b) == 3
    assert derive({"op": "increase", "by": {"pod": "a-10"}}, a, b) == 2


def test_a_renamed_metric_is_followed_under_both_names() -> None:
    before, after = rows(("22:00:00", 0), ("22:01:00", 2)), rows(("22:02:00", 5), metric="old_m")

    assert derive({"op": "increase", "also_named": ["old_m"]}, before, after) == 5


def test_changes_are_derived_from_the_figures_that_they_name() -> None:
    text = rows(("22:00:00", 0), ("22:01:00", 4), ("22:02:00", 9))
    part = {"op": "increase", "name": "m", "inputs": ["0"]}
    others = {
        "now": part | {"window": ["2025-01-22T22:01:00Z", "2025-01-22T22:02:00Z"]},
        "before": part | {"window": ["2025-01-22T22:00:00Z", "2025-01-22T22:01:00Z"]},
    }
    args = {"now": "now", "baseline": "before"}

    assert derive({"op": "change_relative", "args": args}, text, others=others) == 0.25
    assert derive({"op": "change_absolute", "args": args}, text, others=others) == 1
    assert derive({"op": "change_points", "args": args}, text, others=others) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-22T22:00:00Z", 1737583200000),
        ("2025-01-22 14:00:00-08:00", 1737583200000),
        ("2025-01-22T14:00:00.250-0800", 1737583200250),
        ("2025-01-22T22:00Z", 1737583200000),
        ("1737583200", 1737583200000),
        ("1737583200000", 1737583200000),
        ("1737583200.5", 1737583200500),
        ("2025-01-22T22:00:00", None),
        ("yesterday", None),
        ("NaN", None),
    ],
)
def test_times_need_a_zone(text: str, expected: int | None) -> None:
    assert standalone.milliseconds(text) == expected


def test_a_zone_given_for_the_source_is_used_where_the_row_has_none() -> None:
    assert standalone.milliseconds("2025-01-22 14:00:00", "America/Los_Angeles") == 1737583200000
    assert standalone.milliseconds("2025-11-02 01:30:00", "America/Los_Angeles") is None  # the clocks showed it twice
    assert standalone.milliseconds("2025-03-09 02:30:00", "America/Los_Angeles") is None  # and this one never


def test_grafanas_wide_form_and_a_packed_file_read_the_same() -> None:
    wide = 'Time,"m{pod=""a""}","m{pod=""b""}"\n2025-01-22T22:00:00Z,0,\n2025-01-22T22:02:00Z,3,7\n'

    found = table(wide, "original.csv.gz")

    assert found.series[("m", frozenset({("pod", "a")}))] == {1737583200000: 0.0, 1737583320000: 3.0}
    assert found.series[("m", frozenset({("pod", "b")}))] == {1737583320000: 7.0}
    assert standalone.scrapes_of(found, "m", "counter")[0] == 120_000
    assert table("sep=,\r\n" + wide.replace("\n", "\r\n"), "excel.csv").series == found.series


def test_an_answer_of_the_api_reads_like_a_csv() -> None:
    series = {"metric": {"__name__": "m", "pod": "a"}, "values": [[1737583200, "0"], [1737583320, "3"]]}
    found = table(
        json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [series]}}), "answer.json"
    )

    assert found.series == {("m", frozenset({("pod", "a")})): {1737583200000: 0.0, 1737583320000: 3.0}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"resultType": "scalar", "result": [1737583200, "5"]}, {("", frozenset()): {1737583200000: 5.0}}),
        ({"resultType": "vector", "result": [{"metric": {}, "histogram": [1737583200, {}]}]}, {}),
    ],
)
def test_an_answer_may_be_a_scalar_and_a_native_histogram_is_not_read(data: Any, expected: Any) -> None:
    assert table(json.dumps({"status": "success", "data": data}), "answer.json").series == expected


def test_openmetrics_text_reads_like_a_csv() -> None:
    """Times in seconds, in Prometheus' own text in milliseconds; no time, no row; a line that breaks off is none."""
    text = (
        '# TYPE m counter\nm{pod="a \\"b\\" {}"} 0 1737583200.25\nm{pod="a \\"b\\" {}"} NaN 1737583320\n'
        'm 3 1737583320000 # {trace="x"} 1\nm 4\nm 19 17375'
    )

    assert table(text, "original.om").series == {
        ("m", frozenset({("pod", 'a "b" {}')})): {1737583200250: 0.0, 1737583320000: None},
        ("m", frozenset()): {1737583320000: 3.0},
    }


@pytest.mark.parametrize("content", [b"PAR1", b"\x28\xb5\x2f\xfd\x00"])
def test_originals_that_this_file_does_not_read_are_told_so(content: bytes) -> None:
    with pytest.raises(standalone.NotHere, match="need more than the standard library"):
        standalone.read_table(io.BytesIO(content), "original.bin")


def answers(*series: dict[float, str], query: str = "m", metric: str = "m") -> list[standalone.Table]:
    """What a server answered, one after the other; values by seconds after 22:00."""
    found = []
    for line, values in enumerate(series, 1):
        rows = [[1737583200 + second, value] for second, value in values.items()]
        made = table(json.dumps({"data": {"result": [{"metric": {"__name__": metric}, "values": rows}]}}), "x.json.gz")
        made.asked = (line, query)
        found.append(made)
    return found


def derive_from(tables: list[standalone.Table], **figure: Any) -> float | None:
    held = {str(index): one for index, one in enumerate(tables)}
    whole = {"name": "m", "window": ["2025-01-22T22:00:00Z", "2025-01-22T22:02:00Z"], "inputs": sorted(held)} | figure
    return standalone.Deriver({"x": whole}, lambda digest, _zone: held[digest]).value("x")


def test_the_answers_of_a_server_are_one_table_in_which_the_later_counts() -> None:
    """The first answer ends with one row of another distance; the value of 22:01 was taken back by the second."""
    first = {second: str(second) for second in range(0, 61, 15)} | {60: "90"}
    second = {second: str(second) for second in range(60, 121, 15)}

    assert derive_from(answers(first, second), op="increase") == 120
    assert derive_from(answers(second, first), op="increase") == 210  # to 90, then a restart: 75, and 45


def test_rows_of_another_time_than_was_asked_for_do_not_count() -> None:
    """A cache in between gave an old answer: its rows are not those of the window."""
    (answer,) = answers({-3600: "5", -0.001: "0", 60: "3", 120: "7", 120.5: "9"})
    asked = {"query": "m", "start": "2025-01-22T22:00:00Z", "end": "2025-01-22T22:02:00Z"}

    answer.was_asked(1, asked | {"kind": "prometheus"})

    assert [at - 1737583200000 for at in next(iter(answer.series.values()))] == [-1, 60_000, 120_000]


def test_a_figure_that_the_server_worked_out_is_read_from_its_answer() -> None:
    asked = {"op": "server_side", "query": "sum(increase(m[$window]))", "scale": "100"}
    right = answers({120: "0.25"}, {120: "0.5"}, query="sum(increase(m[120000ms]))", metric="")
    wrong = answers({120: "7"}, query="sum(increase(m[60000ms]))", metric="")

    assert derive_from([*wrong, *right], **asked) == 50  # asked twice: the later answer
    assert derive_from(answers({60: "1"}, query="sum(increase(m[120000ms]))"), **asked) is None
    with pytest.raises(standalone.NotHere, match="its answer is not in the log"):
        derive_from(wrong, **asked)


def test_a_count_that_falls_restarts_every_bucket_of_its_target() -> None:
    """Bucket 10 stands at 2 before and after the restart; its two requests are new all the same."""

    def scrape(at: str, low: int, all_of_them: int) -> str:
        return f"2025-01-22T{at}Z,m_bucket,10,{low}\n2025-01-22T{at}Z,m_bucket,+Inf,{all_of_them}\n"

    text = (
        "timestamp,metric,le,value\n" + scrape("22:00:00", 2, 9) + scrape("22:01:00", 2, 4) + scrape("22:02:00", 2, 4)
    )

    assert derive({"op": "histogram_quantile", "args": {"q": "0.25"}}, text) == 5.0  # 2 of 4 below 10


def test_a_torn_scrape_is_missing_and_a_new_bucket_layout_is_not() -> None:
    def scrape(at: str, **counts: int) -> str:
        return "".join(f"2025-01-22T{at}Z,m_bucket,{le.strip('_')},{count}\n" for le, count in counts.items())

    header = "timestamp,metric,le,value\n"
    torn = (
        header
        + scrape("22:00:00", _5=0, _10=0, Inf=0)
        + scrape("22:01:00", _10=1)
        + scrape("22:02:00", _5=2, _10=4, Inf=4)
    )
    layout = header + scrape("22:00:00", _5=0, _10=0, Inf=0) + scrape("22:02:00", _10=4, _20=8, Inf=8)
    figure = {"op": "histogram_quantile", "args": {"q": "0.5"}}

    assert derive(figure, torn) == 5.0
    assert derive(figure, layout) == 10.0  # only 10 and +Inf hold for the whole window


def test_a_coarse_row_between_fine_ones_is_left_out_and_rows_stand_for_their_step() -> None:
    fine = rows(("22:00:00", 1), ("22:00:15", 1), ("22:00:30", 1), ("22:00:45", 1))
    coarse = rows(("21:59:00", 9), ("22:00:20", 9), ("22:01:20", 6), ("22:02:20", 9))

    assert derive({"op": "gauge_mean"}, fine, coarse) == (4 * 1 + 4 * 6) / 8


def test_a_counter_without_a_series_is_zero_where_up_shows_its_target() -> None:
    up = rows(*((f"22:0{minute}:00", 1) for minute in range(3)), metric="up", labels="a")
    born = rows(("22:01:00", 2), ("22:02:00", 3), labels="a")
    zero = {"op": "increase", "missing_is_zero": True}

    assert derive(zero, up) == 0
    assert derive(zero, born, up) == 3  # from 0 at 22:00
    assert derive({"op": "increase"}, born, up) == 1


def test_a_ratio_may_have_a_total_of_its_own() -> None:
    good, total = rows(("22:00:00", 0), ("22:02:00", 3), metric="good"), rows(("22:00:00", 0), ("22:02:00", 4))

    assert derive({"op": "ratio", "name": "good", "total_name": "m", "scale": "100"}, good, total) == 75.0


def test_two_quantiles_that_are_compared_use_the_edges_that_both_windows_have() -> None:
    def scrape(at: str, *counts: tuple[str, int]) -> str:
        return "".join(f"2025-01-22T{at}Z,m_bucket,{le},{count}\n" for le, count in counts)

    text = "timestamp,metric,le,value\n" + "".join(
        [
            scrape("21:00:00", ("10", 0), ("+Inf", 0)),
            scrape("21:02:00", ("10", 4), ("+Inf", 4)),
            scrape("22:00:00", ("5", 4), ("10", 4), ("+Inf", 4)),
            scrape("22:02:00", ("5", 6), ("10", 8), ("+Inf", 8)),
        ]
    )
    before = {"op": "histogram_quantile", "args": {"q": "0.75"}, "name": "m", "inputs": ["0"], "id": "before"}
    before["window"] = ["2025-01-22T21:00:00Z", "2025-01-22T21:02:00Z"]
    change = {"op": "change_absolute", "args": {"now": "x", "baseline": "before"}}
    now = {"op": "histogram_quantile", "args": {"q": "0.75"}, "id": "x"}

    assert derive(now, text) == 7.5  # a quarter of 4 between 5 and 10
    assert derive(now, text, others={"before": before, "change": change}) == 7.5


@pytest.mark.parametrize("version", ["2.42.0+ds", "2.53.1", "3.1.0"])
def test_increase_is_extrapolated_as_the_servers_version_does(version: str) -> None:
    """Against the first implementation, which is held against Prometheus itself: counters that start at zero and restart."""
    chance = Random(7)
    compared = 0
    for _ in range(300):
        times = [
            1737583200000 + 15_000 * step + chance.choice((0, 0, 2_417, -40)) for step in range(chance.randint(1, 9))
        ]
        values, value = [], chance.choice((0.0, 3.0, 400.0))
        for _ in times:
            value = chance.choice((value + chance.randint(0, 9), value, 1.0))
            values.append(value)
        line = standalone.Line(
            frozenset(), {at: (15_000, {"value": one}) for at, one in zip(times, values, strict=True)}
        )
        line.server = f"prometheus {version}"
        start = 1737583200000 + chance.choice((0, -15_000, 15_000, -3_000))
        end = start + chance.choice((30_000, 60_000, 200_000))
        semantics = promql.semantics_of(line.server)
        known = promql.increase(np.array(times), np.array(values)[:, None], start, end, semantics=semantics)

        found = line.extrapolated(start, end)

        assert bool(found) == (known is not None)
        if known is not None:
            assert found == [(end, {"value": pytest.approx(float(known[0]), rel=1e-12)})]
            compared += 1
    assert compared > 200


def test_the_arithmetic_of_prometheus_is_derived_with_the_version_that_the_log_names() -> None:
    """10 at 22:00:15, 40 at 22:01:45: 30 in 90 s, extended by 15 s to both ends of the window."""
    (answer,) = answers({second: str(10 + (second - 15) / 3) for second in range(15, 106, 15)})
    answer.was_asked(1, {"query": "m", "serverVersion": "prometheus 2.42.0"})

    assert derive_from([answer], op="increase", arithmetic="prometheus") == pytest.approx(40)
    assert derive_from([answer], op="increase") == 30


def test_buckets_agree_with_prometheus(shared: Path) -> None:
    """The cases of Prometheus' own histograms.test that ask for a quantile of classic buckets at one moment."""
    cases = json.loads((shared / "vectors" / "prometheus_histogram.json").read_text())["vectors"]
    compared = 0
    for case in cases:
        core = case.get("core") or {}
        if core.get("fn") != "histogram_quantile" or core["inner"] or not 0 <= float(core["arg"]) <= 1:
            continue
        for expected in case["expected"]:
            found = standalone.bucket_quantile(float(core["arg"]), _buckets(case, expected["labels"]))
            assert found == pytest.approx(float(expected["value"]), rel=1e-9), case["id"]
            compared += 1
    assert compared >= 26


def _buckets(case: dict[str, Any], labels: dict[str, str]) -> dict[float, float]:
    """Upper edge -> count at the moment of the query."""
    return {
        float(one["labels"]["le"]): [float(value) for at, value in one["samples"] if at <= case["at_s"]][-1]
        for one in case["series"]
        if "le" in one["labels"] and labels.items() <= one["labels"].items()
    }


# --- the reference deployment


def reference(shared: Path) -> list[tuple[str, str, float]]:
    """(name, query at times, value from CSV) of each row of the scenario's table that has a value from CSV."""
    text = (shared / "scenario" / "README.md").read_text()
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and re.match(r"(P50|P95|MEAN|FAIL|RATIO)\(", cells[5]) and cells[4]:
            found.append((cells[0], cells[5], float(cells[4])))
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-{text.replace(' ', 'T')}:00{PT}")


def figure_of(function: str, length: str, at: str) -> dict[str, Any]:
    end = moment(at)
    span = timedelta(minutes=int(length[:-1])) if length.endswith("m") else timedelta(hours=int(length[:-1]))
    shape: dict[str, Any] = {"window": [(end - span).isoformat(), end.isoformat()], "inputs": ["all"], "args": {}}
    if function in HISTOGRAMS:
        name, q = HISTOGRAMS[function]
        return shape | {"op": "histogram_quantile", "name": name, "args": {"q": q}}
    if function == "MEAN":
        return shape | {"op": "histogram_mean", "name": "parser_duration_ms"}
    if function == "FAIL":
        return shape | {"op": "increase", "name": "parser_failure_total"}
    return shape | {"op": "ratio", "name": "cicd_runs_total", "good": [["result", "=", "success"]], "scale": "100"}


@pytest.fixture(scope="module")
def originals(shared: Path) -> dict[str, list[standalone.Table]]:
    """All exports of the scenario by the metric that they hold."""
    found: dict[str, list[standalone.Table]] = {}
    for path in sorted((shared / "scenario" / "observability" / "exports").rglob("*.csv*")):
        name = path.name.partition(".")[0]
        if name in ("parser_duration_ms", "cli_cmd_duration_ms", "parser_failure_total", "cicd_runs_total"):
            with path.open("rb") as stream:
                found.setdefault(name, []).append(standalone.read_table(stream, path.name))
    return found


def test_the_reference_figures_come_out_of_the_original_files(
    shared: Path, originals: dict[str, list[standalone.Table]]
) -> None:
    """The column 'from CSV' of the scenario: three decimals, computed independently of this project."""
    figures: dict[str, dict[str, Any]] = {}
    expected: dict[str, tuple[float, float]] = {}
    for name, query, value in reference(shared):
        match = re.fullmatch(r"(\w+)\((\w+)\) at (\d\d-\d\d \d\d:\d\d)(?: against (\d\d-\d\d \d\d:\d\d))?", query)
        assert match, query
        function, length, at, against = match.groups()
        figures[f"{name} now"] = figure_of(function, length, at)
        expected[f"{name} now"] = (value, 1)
        if against:
            del expected[f"{name} now"]
            op = "change_points" if function == "RATIO" else "change_relative"
            figures[f"{name} before"] = figure_of(function, length, against)
            figures[name] = {"op": op, "args": {"now": f"{name} now", "baseline": f"{name} before"}}
            expected[name] = (value, 1 if function == "RATIO" else 100)
    compared = 0
    for metric, tables in originals.items():
        mine = {name: figure for name, figure in figures.items() if figure.get("name", metric) == metric}
        mine = {
            name: figure
            for name, figure in mine.items()
            if "args" not in figure or figure["args"].get("now", name) in mine
        }
        deriver = _Whole(mine, tables)
        for name in mine.keys() & expected.keys():
            value = deriver.value(name)
            assert value is not None
            assert round(value * expected[name][1], 3) == pytest.approx(expected[name][0], abs=1e-9), name
            compared += 1
    assert compared == 22


class _Whole(standalone.Deriver):
    """Takes all files of a metric as its inputs."""

    def __init__(self, figures: dict[str, dict[str, Any]], tables: list[standalone.Table]) -> None:
        self._all = {str(index): one for index, one in enumerate(tables)}
        full = {name: figure | {"inputs": sorted(self._all)} for name, figure in figures.items()}
        super().__init__(full, lambda digest, _zone: self._all[digest])


def test_no_hour_of_the_observation_had_three_failures(originals: dict[str, list[standalone.Table]]) -> None:
    """README: 4 parser failures in the 48 hours, 2 within one sliding hour."""
    window = ["2025-01-22T23:30:00Z", "2025-01-24T23:30:00Z"]
    base = {"name": "parser_failure_total", "window": window}
    figures = {"all": base | {"op": "increase"}, "worst": base | {"op": "worst_hour"}}
    deriver = _Whole(figures, originals["parser_failure_total"])

    assert (deriver.value("all"), deriver.value("worst")) == (4, 2)
