"""
Data that are not as they should be, made from the reference deployment's: missing, renamed, moved, messy, foreign.

The words follow from the rules in docs/explanation/verdicts.md and were written down before the first run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scenarios import (
    CLI,
    DAY_2,
    EVERYTHING,
    FAILED,
    HOURS,
    NO_DATA,
    PARSER,
    PASS,
    RUNS,
    UNCLEAR,
    UP,
    WATCH,
    at_end,
    but,
    checkpoint_words,
    clock,
    cut_off,
    each_series,
    events,
    found,
    inside,
    is_of,
    on_another_day,
    one,
    only,
    reason,
    recut,
    renamed,
    rows,
    since,
    slower,
    span,
    unseen,
    without,
    words,
)

from deploybook import records, sources
from deploybook.assess import assess
from deploybook.book.load import load
from deploybook.facts import Facts
from deploybook.model import Data, Deployment, Series, Source
from deploybook.times import UTC, Window, parse_zone, to_ms
from deploybook.units import parse_tolerance

ALIAS = "parse_duration_ms"


def with_metrics(deployment: Deployment, **changes: object) -> Deployment:
    return replace(deployment, metrics=tuple(replace(each, **changes) for each in deployment.metrics))  # type: ignore[arg-type]


# --- the baseline -------------------------------------------------------------------------------------------------


def test_a_baseline_with_its_own_incident_is_no_measure(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, slower(exports, PARSER, 1.6, span("14:35", "14:50", DAY_2)))

    assert words(facts) == but({"parser_p50": UNCLEAR, "variance": UNCLEAR})
    assert facts.verdict is UNCLEAR
    # +24h and +48h are compared with 14:30 to 15:30 of the baseline day, +1h and +12h with healthy hours of it.
    assert checkpoint_words(facts) == [PASS, PASS, UNCLEAR, UNCLEAR]
    incident = found(facts, "baseline_anomaly")[0]
    assert incident.start and abs(incident.start - clock("14:35", DAY_2)) <= timedelta(minutes=5)
    assert "58.4 ms is inside the limit (at most 65 ms)" in reason(facts, "parser_p50")  # targets still hold


def test_a_gap_in_the_baseline_holds_down_what_is_compared_with_it(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, unseen(exports, EVERYTHING, span("14:30", "14:50", DAY_2)))

    # 78 % of the baseline was seen, and nothing of the baseline of the check-in at 14:45; targets need no baseline
    assert words(facts) == but({"parser_p50": WATCH, "cli_p95": WATCH, "variance": UNCLEAR})
    assert {each.start for each in found(facts, "gap")} == {clock("14:30", DAY_2)}
    assert "from 21 Jan 14:30 PT" in found(facts, "gap")[0].text


def test_errors_in_the_baseline_make_it_a_poor_measure_of_errors(deployment: Deployment, exports: Data) -> None:
    times = [clock(f"14:{minute}", DAY_2) for minute in range(30, 42)]

    facts = at_end(deployment, events(exports, *times, pod="parser-us-1"))

    assert words(facts) == but({})
    assert facts.verdict is WATCH
    assert "the baseline has 12 errors and misses the target itself" in one(facts, "baseline_anomaly").text


def test_a_first_deployment_is_judged_by_its_targets_and_says_so(deployment: Deployment, exports: Data) -> None:
    facts = at_end(replace(deployment, baseline=None, gates=()), exports)

    assert facts.verdict is PASS
    assert words(facts)["parser_p50"] is PASS
    assert facts.judgement("parser_p50").baseline is None  # type: ignore[union-attr]
    assert "there is no baseline" in reason(facts, "parser_p50")
    assert "first deployment" in one(facts, "no_baseline", severity="info").text


# --- clocks -------------------------------------------------------------------------------------------------------


def numbers(facts: Facts) -> list[tuple[str, object, object]]:
    """Every figure of the page with its baseline."""
    judged = [*facts.metrics, *(each for checkpoint in facts.checkpoints for each in checkpoint.metrics)]
    return [(each.metric.id, each.now.value, each.baseline and each.baseline.value) for each in judged]


@pytest.mark.parametrize(
    ("day", "zone", "offsets"),
    [
        (date(2025, 3, 9), "America/Los_Angeles", ("UTC-08:00", "UTC-07:00")),
        (date(2025, 11, 2), "America/Los_Angeles", ("UTC-07:00", "UTC-08:00")),
        (date(2025, 3, 30), "Europe/Berlin", ("UTC+01:00", "UTC+02:00")),
        (date(2025, 10, 26), "Europe/Berlin", ("UTC+02:00", "UTC+01:00")),
        (date(2025, 7, 16), "Europe/Berlin", ()),
    ],
)
def test_clocks_that_change_before_the_rollout_change_no_figure(
    deployment: Deployment, exports: Data, day: date, zone: str, offsets: tuple[str, ...]
) -> None:
    there, data = on_another_day(deployment, exports, day, zone)

    facts = assess(there, data)

    assert numbers(facts) == numbers(assess(deployment, exports))
    assert facts.verdict is PASS
    assert [each.due - there.end for each in facts.checkpoints] == [1 * HOURS, 12 * HOURS, 24 * HOURS, 48 * HOURS]
    told = found(facts, "clock_change", severity="info")
    assert len(told) == bool(offsets)
    assert all(offset in told[0].text for offset in offsets)


@pytest.mark.parametrize(
    ("day", "due", "compared"),
    [
        (date(2025, 3, 8), "2025-03-10T16:30:00-07:00", "2025-03-07T15:30:00-08:00"),
        (date(2025, 11, 1), "2025-11-03T14:30:00-08:00", "2025-10-31T13:30:00-07:00"),
    ],
)
def test_clocks_that_change_during_the_observation_leave_48_hours_elapsed(
    deployment: Deployment, exports: Data, day: date, due: str, compared: str
) -> None:
    """+48h is an hour later, or earlier, by the clock; the hour before it is compared with that clock hour."""
    there, data = on_another_day(deployment, exports, day, "America/Los_Angeles")

    facts = assess(there, data)

    last = facts.checkpoints[-1]
    assert last.due == datetime.fromisoformat(due)
    change = next(each for each in last.metrics if each.metric.id == "variance")
    assert change.baseline and change.baseline.window.start == datetime.fromisoformat(compared)
    assert change.baseline.window.length == timedelta(hours=1)
    assert checkpoint_words(facts) == [PASS] * 4
    assert facts.verdict is PASS
    assert one(facts, "clock_change", severity="info")


# --- names and series ---------------------------------------------------------------------------------------------


def test_a_declared_rename_changes_no_figure(deployment: Deployment, exports: Data) -> None:
    both = replace(
        deployment,
        metrics=tuple(
            replace(each, also_named=(ALIAS,)) if each.name == PARSER else each for each in deployment.metrics
        ),
    )
    data = renamed(exports, PARSER, ALIAS, clock("14:45"))

    facts = assess(both, data)

    assert numbers(facts) == numbers(assess(deployment, exports))
    assert facts.verdict is PASS
    told = one(facts, "renamed", severity="info")
    assert told.start == clock("14:45:15")
    assert {each.kind for each in facts.findings} == {"renamed", "restarts"}


def test_an_undeclared_rename_is_never_a_pass_and_says_what_to_write(deployment: Deployment, exports: Data) -> None:
    data = renamed(exports, PARSER, ALIAS, clock("15:10"))

    facts = at_end(with_metrics(deployment, also_named=()), data)

    assert words(facts) == but({"parser_p50": WATCH, "variance": UNCLEAR})  # 77 % seen; no data at 15:30
    assert facts.verdict is UNCLEAR
    assert "write 'also_named: [parse_duration_ms]'" in one(facts, "renamed").text


def test_a_name_that_just_stops_is_a_stale_export(deployment: Deployment, exports: Data) -> None:
    data = cut_off(exports, [PARSER], clock("14:40"))

    facts = at_end(with_metrics(deployment, also_named=()), data)

    assert words(facts) == but({"parser_p50": NO_DATA, "variance": NO_DATA})
    assert facts.verdict is NO_DATA
    assert "the export ends at 22 Jan 14:40 PT, 50 min too early" in one(facts, "stale").text


def test_a_stale_export_leaves_later_checkpoints_without_data(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, cut_off(exports, [PARSER, FAILED], clock("15:30")))

    assert words(facts) == but({})
    # the success ratio goes on, but the change and the failures have nothing
    assert checkpoint_words(facts) == [NO_DATA] * 4
    assert facts.verdict is NO_DATA
    assert {each.metric for each in found(facts, "stale")} == {PARSER, FAILED}


def test_a_pod_that_goes_and_is_not_replaced_is_missed(deployment: Deployment, exports: Data) -> None:
    def ends(series: Series) -> Series:
        gone = is_of(series, {"pod": "parser-us-2"})
        return rows(series, series.times <= to_ms(clock("14:40"))) if gone else series

    facts = at_end(deployment, each_series(exports, [PARSER, FAILED], ends))

    assert words(facts) == but({"parser_p50": WATCH, "parser_failures": WATCH, "variance": WATCH})
    assert "parser-us-2 was last seen at 22 Jan 14:40 PT, and nothing took its place" in one(facts, "series_gone").text


def test_pods_that_replace_others_are_only_noted(deployment: Deployment, exports: Data) -> None:
    """A rollout that gives every pod a new name: what the old one had ends where the new one begins."""

    def halves(series: Series) -> Iterable[Series]:
        old = series.times <= to_ms(clock("14:02"))
        yield rows(series, old)
        new = rows(series, ~old)
        yield replace(new, labels={**series.labels, "pod": f"{series.labels['pod']}-new"})

    samples = {
        name: replace(one, series=tuple(half for each in one.series for half in halves(each)))
        for name, one in exports.samples.items()
        if name in (PARSER, FAILED)
    }

    facts = at_end(deployment, replace(exports, samples={**exports.samples, **samples}))

    assert not found(facts, "series_gone")
    assert "went and others took their place" in one(facts, "series_gone", severity="info").text
    assert not found(facts, "series_new", severity="info")


# --- counters without series --------------------------------------------------------------------------------------


def test_no_series_of_a_counter_is_no_data_and_not_zero(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, without(exports, FAILED))

    assert words(facts) == but({"parser_failures": NO_DATA})
    assert facts.verdict is NO_DATA
    assert facts.judgement("parser_failures").now.value is None  # type: ignore[union-attr]
    assert "write 'missing: zero'" in one(facts, "empty_export").text


def test_missing_as_zero_counts_where_the_target_was_up(deployment: Deployment, exports: Data) -> None:
    failures = with_metrics(only(deployment, "parser_failures"), missing_is_zero=True)

    facts = at_end(failures, without(exports, FAILED))

    assert facts.verdict is PASS
    assert facts.judgement("parser_failures").now.value == 0  # type: ignore[union-attr]
    assert not found(facts, "empty_export")


def test_missing_as_zero_needs_up(deployment: Deployment, exports: Data) -> None:
    failures = with_metrics(only(deployment, "parser_failures"), missing_is_zero=True)

    facts = at_end(failures, without(exports, FAILED, UP))

    assert facts.verdict is NO_DATA
    assert one(facts, "empty_export")


def test_missing_as_zero_is_no_proof_while_the_target_was_down(deployment: Deployment, exports: Data) -> None:
    failures = with_metrics(only(deployment, "parser_failures"), missing_is_zero=True)

    def down(series: Series) -> Series:
        return replace(series, values=np.where(inside(series.times, span("14:20", "15:20")), 0.0, series.values))

    facts = at_end(failures, each_series(without(exports, FAILED), [UP], down))

    assert words(facts) == {"parser_failures": NO_DATA}
    gap = one(facts, "gap")
    assert gap.start == clock("14:20")
    assert "down (up = 0)" in gap.text


# --- buckets and parts --------------------------------------------------------------------------------------------


def test_other_bucket_edges_are_compared_on_the_common_ones(deployment: Deployment, exports: Data) -> None:
    edges = exports.samples[PARSER].edges

    facts = at_end(only(deployment, "parser_p50"), recut(exports, PARSER, edges[1::2], since("13:00")))

    assert words(facts) == {"parser_p50": PASS}
    assert facts.verdict is WATCH
    told = one(facts, "bucket_layout").text
    assert "the bucket edges are not those of the baseline; only the 8 that are always there are used" in told
    assert not found(facts, "disagreement")


def test_bucket_edges_that_change_within_the_window_are_named(deployment: Deployment, exports: Data) -> None:
    edges = exports.samples[PARSER].edges

    facts = at_end(only(deployment, "parser_p50"), recut(exports, PARSER, edges[1::2], since("14:30")))

    assert facts.verdict is WATCH
    assert "the bucket edges changed within the window" in one(facts, "bucket_layout").text


def test_no_common_bucket_edge_leaves_the_change_unclear(deployment: Deployment, exports: Data) -> None:
    edges = exports.samples[PARSER].edges
    data = recut(
        recut(exports, PARSER, edges[0::2], since("13:00")), PARSER, edges[1::2], span("00:00", "23:59", DAY_2)
    )

    facts = at_end(deployment, data)

    assert words(facts) == but({"parser_p50": UNCLEAR})  # a mean needs no buckets
    assert "too few are in both to tell a change" in one(facts, "bucket_layout").text


def test_a_quantile_above_the_last_edge_has_no_word_but_unclear(deployment: Deployment, exports: Data) -> None:
    edges = exports.samples[PARSER].edges
    low = recut(exports, PARSER, edges[:5], Window(start=clock("00:00", DAY_2), end=clock("23:59")))

    facts = at_end(only(deployment, "parser_p50"), low)

    assert words(facts) == {"parser_p50": UNCLEAR}
    assert "above the last bucket edge, 45 ms" in one(facts, "coarse_buckets").text


def test_a_part_without_the_label_is_a_part(deployment: Deployment, exports: Data) -> None:
    def unlabelled(series: Series) -> Series:
        kept = {name: value for name, value in series.labels.items() if name != "region"}
        return replace(series, labels=kept) if is_of(series, {"region": "eu"}) else series

    data = each_series(slower(exports, PARSER, 1.22, since("14:00"), region="eu"), [PARSER], unlabelled)

    facts = at_end(only(deployment, "parser_p50"), data)

    parts = facts.judgement("parser_p50").by  # type: ignore[union-attr]
    assert [dict(part.now.labels)["region"] for part in parts] == ["", "apac", "us"]
    assert "no region moved +22.8 %" in one(facts, "breakdown").text


def test_a_metric_without_a_criterion_is_shown_and_not_judged(deployment: Deployment, exports: Data) -> None:
    bare = with_metrics(only(deployment, "parser_p50"), target=None, watch=None, tolerance=parse_tolerance("none"))

    facts = at_end(bare, exports)

    assert facts.verdict is not PASS
    assert one(facts, "not_judged", severity="info").metric == "parser_p50"


# --- files --------------------------------------------------------------------------------------------------------


def original(shared: Path, name: str, day: str) -> pl.DataFrame:
    """The rows of the 15 s file of a day, every cell as text."""
    (path,) = (shared / "scenario" / "observability" / "exports").glob(f"{day}/{name}.csv*")
    return pl.read_csv(path, infer_schema_length=0)


DAYS = ("2025-01-21", "2025-01-22/telemetry-step2")


def both_days(shared: Path, name: str) -> pl.DataFrame:
    return pl.concat(original(shared, name, day) for day in DAYS)


def pulled(deployment: Deployment, folder: Path, zone: str = "") -> Data:
    source = Source(name="exports", kind="files", options={"paths": ["*.csv"]}, zone=parse_zone(zone) if zone else None)
    return sources.pull(source, deployment, folder, now=datetime(2025, 1, 25, tzinfo=UTC)).data


def test_shuffled_doubled_and_mixed_zone_rows_change_no_figure(
    deployment: Deployment, shared: Path, tmp_path: Path
) -> None:
    three = only(deployment, "cli_p95", "cicd_success", "parser_failures")
    for name in (CLI, RUNS, FAILED):
        frame = both_days(shared, name)
        frame.write_csv(tmp_path / f"{name}.csv")
    plain = at_end(three, pulled(three, tmp_path))
    for name in (CLI, RUNS, FAILED):
        frame = both_days(shared, name)
        at = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ")
        zones = (
            pl.when(pl.int_range(pl.len()) % 3 == 0)
            .then(pl.col("timestamp"))
            .when(pl.int_range(pl.len()) % 3 == 1)
            .then((at - pl.duration(hours=8)).dt.to_string("%Y-%m-%dT%H:%M:%S") + "-08:00")
            .otherwise((at + pl.duration(hours=1)).dt.to_string("%Y-%m-%dT%H:%M:%S") + "+01:00")
        )
        frame = pl.concat([frame, frame.sample(fraction=0.05, seed=1)]).sample(fraction=1.0, shuffle=True, seed=2)
        frame.with_columns(zones.alias("timestamp")).write_csv(tmp_path / f"{name}.csv")

    facts = at_end(three, pulled(three, tmp_path))

    assert numbers(facts) == numbers(plain)
    assert facts.verdict is PASS
    quality = found(facts, "data_quality", severity="info")
    assert {each.metric for each in quality} == {CLI, RUNS, FAILED}
    assert all("stood there twice" in each.text and "out of order" in each.text for each in quality)


def test_rows_without_a_zone_are_refused_and_never_guessed(
    deployment: Deployment, shared: Path, tmp_path: Path
) -> None:
    ratio = only(deployment, "cicd_success")
    frame = both_days(shared, RUNS)
    bare = pl.when(pl.int_range(pl.len()) % 100 == 7).then(pl.col("timestamp").str.strip_suffix("Z"))
    frame.with_columns(bare.otherwise(pl.col("timestamp")).alias("timestamp")).write_csv(tmp_path / f"{RUNS}.csv")

    facts = at_end(ratio, pulled(ratio, tmp_path))

    assert words(facts) == {"cicd_success": PASS}
    assert facts.verdict is WATCH
    assert "without a zone, refused" in one(facts, "data_quality").text


@pytest.mark.parametrize("what", ["NaN", "+Inf", "-1", "", "n/a"])
def test_values_that_are_no_number_take_their_scrape_with_them(
    deployment: Deployment, shared: Path, tmp_path: Path, what: str
) -> None:
    """One bucket of three scrapes inside the window: the figure goes on without those scrapes, and the page says so."""
    cli = only(deployment, "cli_p95")
    frame = both_days(shared, CLI)
    spoiled = pl.col("timestamp").is_in([f"2025-01-22T22:{minute}:00Z" for minute in (20, 35, 50)]) & (
        pl.col("le") == "100.0"
    )
    frame.with_columns(pl.when(spoiled).then(pl.lit(what)).otherwise(pl.col("value")).alias("value")).write_csv(
        tmp_path / f"{CLI}.csv"
    )

    facts = at_end(cli, pulled(cli, tmp_path))

    judgement = facts.judgement("cli_p95")
    assert judgement and judgement.now.value == pytest.approx(187.044, abs=5e-4)
    assert words(facts) == {"cli_p95": PASS}
    assert facts.verdict is WATCH
    assert "their whole scrape left out" in one(facts, "data_quality").text


def test_an_empty_export_is_no_data(deployment: Deployment, shared: Path, tmp_path: Path) -> None:
    ratio = only(deployment, "cicd_success", "parser_failures")
    both_days(shared, FAILED).write_csv(tmp_path / f"{FAILED}.csv")
    both_days(shared, RUNS).head(0).write_csv(tmp_path / f"{RUNS}.csv")

    facts = at_end(ratio, pulled(ratio, tmp_path))

    assert words(facts) == {"cicd_success": NO_DATA, "parser_failures": PASS}
    assert facts.verdict is NO_DATA
    assert found(facts, "empty_export")


BERLIN = """\
title: Search backend 4.2
ticket: CHG-2025-0207
timezone: Europe/Berlin
window: 2025-01-22 14:00 to 15:30
sources:
  exports: {kind: files, paths: ["*.csv"], zone: Europe/Berlin}
metrics:
  latency: {histogram: http_request_duration_seconds, where: {job: search}, statistic: p50, target: at most 65 ms}
  mean: {histogram: http_request_duration_seconds, statistic: mean, target: at most 0.07 s}
"""


def test_another_service_in_seconds_in_berlin_reads_the_same(shared: Path, tmp_path: Path) -> None:
    """The parser's rows with other names, in seconds, stamped with Berlin's clock and no zone."""
    folder = tmp_path / "deployments" / "search"
    folder.mkdir(parents=True)
    (tmp_path / "deploybook.yml").write_text("", encoding="utf-8")
    (folder / "deployment.yml").write_text(BERLIN, encoding="utf-8")
    frame = both_days(shared, PARSER)
    at = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ") - pl.duration(hours=8)
    seconds = (pl.col("value").cast(pl.Float64) / 1000).cast(pl.String)
    edge = pl.when(pl.col("le") == "+Inf").then(pl.lit("+Inf"))
    frame.select(
        at.dt.to_string("%Y-%m-%d %H:%M:%S").alias("time"),
        pl.col("metric").str.replace("parser_duration_ms", "http_request_duration_seconds").alias("metric"),
        pl.lit("search").alias("job"),
        pl.col("pod").alias("instance"),
        edge.otherwise((pl.col("le").cast(pl.Float64, strict=False) / 1000).cast(pl.String)).alias("le"),
        pl.when(pl.col("metric").str.ends_with("_sum")).then(seconds).otherwise(pl.col("value")).alias("value"),
    ).write_csv(folder / "requests.csv")
    workspace = records.find_workspace(tmp_path)
    search = records.read_deployment(workspace, "search")

    facts = at_end(search, load(workspace, search))

    latency, mean = facts.metrics
    assert (latency.metric.unit, mean.metric.unit) == ("ms", "s")
    assert latency.now.value == pytest.approx(58.400, abs=5e-4)
    assert latency.delta and latency.delta.relative == pytest.approx(0.01911, abs=5e-6)
    assert latency.now.window.start == datetime.fromisoformat("2025-01-22T14:00:00+01:00")
    assert [each.verdict for each in facts.metrics] == [PASS, PASS]
    assert facts.verdict is PASS
    assert "14:03" in one(facts, "restarts", severity="info").text
