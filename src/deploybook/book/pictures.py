"""Charts of a deployment: facts and samples in, figures out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from .. import charts, measure, wording
from ..assess import course as course_of_change
from ..facts import Facts
from ..model import Data, Entry, Judgement, Metric, Verdict
from ..sections import Block, Html, say
from ..sections.markup import figure as show_figure
from ..sections.markup import link as show_link
from ..sections.markup import panels as show_panels
from ..sections.page import chart_figure
from ..sections.text import fill, join
from ..times import Window, to_ms, zone_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COURSE_POINTS = 90
HOUR = timedelta(hours=1)


def sparks(facts: Facts, data: Data) -> dict[str, str]:
    """A small line for each metric of the table."""
    made = {}
    for judgement in facts.metrics:
        metric, window = judgement.metric, judgement.now.window
        if metric.kind == "query" or judgement.now.value is None:
            continue
        values, baseline = course_of(facts, data, metric, window, points=30)
        limit = metric.target.value if metric.target and metric.target.unit == metric.unit else None
        made[metric.id] = charts.draw_sparkline(
            values,
            label=metric.title,
            unit="%" if metric.show_change else metric.unit,
            decimals=1 if metric.show_change else wording.decimals_for(metric, judgement.now.value),
            baseline=baseline,
            limit=None if metric.show_change else limit,
        )
    return made


def course_of(
    facts: Facts, data: Data, metric: Metric, window: Window, points: int
) -> tuple[NDArray[np.float64], float | None]:
    """The metric's values over the window in about that many stretches, of a change metric its change in %."""
    import numpy as np

    every = max(timedelta(minutes=1), stretch(window, points))
    _, values = measure.path(metric, data, window, every)
    if not metric.show_change:
        known = values[np.isfinite(values)]
        return values, float(np.median(known)) if len(known) else None
    return course_of_change(facts.deployment, data, metric, window, every)[1] * 100, 0.0


def stretch(window: Window, points: int) -> timedelta:
    """A length that cuts the window in about that many parts, in whole minutes that divide an hour."""
    minutes = window.length / timedelta(minutes=1) / points
    return timedelta(minutes=next((each for each in (1, 2, 3, 5, 10, 15, 20, 30, 60) if each >= minutes), 60))


def line(
    metric: Metric, data: Data, window: Window, every: timedelta, label: str, onto: Window | None = None
) -> charts.Line:
    """The metric over the window as a line; moved onto another window's axis where asked."""
    times, values = measure.path(metric, data, window, every)
    shift = onto.start_ms - window.start_ms if onto else 0
    return charts.Line(
        label=label, times_ms=times + shift, values=values, step_ms=int(every / timedelta(milliseconds=1))
    )


def chart_of(
    facts: Facts,
    data: Data,
    judgement: Judgement,
    *,
    kind: str = "overview",
    window: Window | None = None,
    every: timedelta | None = None,
) -> charts.Chart:
    """The chart of one metric over a window, everything on it that the facts know."""
    metric, deployment = judgement.metric, facts.deployment
    span = window or judgement.now.window
    every = every or stretch(span, COURSE_POINTS)
    plain = replace(metric, show_change=False)
    baseline = deployment.baseline_of(span)
    reference = judgement.baseline.value if judgement.baseline else None
    value = judgement.now.value
    limits = tuple(
        charts.Limit(
            value=limit.value,
            label=f"{name} {limit.sign} {wording.with_unit(f'{limit.value:g}', limit.unit)}",
            upper=limit.side != "lower",
            kind="limit" if name == "limit" else "watch",
        )
        for name, limit in (("limit", metric.target), ("watch", metric.watch))
        if limit and limit.unit == metric.unit and not limit.per and not metric.show_change
    )
    return charts.Chart(
        id=f"fig-{kind}-{metric.id}",
        kind=kind,  # type: ignore[arg-type]
        title=metric.title,
        unit=metric.unit,
        zone=deployment.zone,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        now=line(plain, data, span, every, "this window"),
        baseline=line(plain, data, baseline, every, "baseline", span) if baseline else None,
        baseline_value=reference if window is None else None,
        tolerance=metric.tolerance.relative,
        decimals=wording.decimals_for(metric, value) if value is not None else 1,
        subtitle=f"{statistic_words(metric)} of {wording.how_long(every)} stretches",
        limits=limits,
        marks=marks(facts.entries, span),
        spans=restart_spans(facts, span),
    )


def statistic_words(metric: Metric) -> str:
    return {"increase": "count", "ratio": "share"}.get(metric.statistic, metric.statistic)


def marks(entries: tuple[Entry, ...], span: Window) -> tuple[charts.Mark, ...]:
    """Steps of a flag and key decisions in the span, each with a short label; the restarts are shaded, not marked."""
    found = []
    for entry in entries:
        step = re.search(r"\d+\s?%", entry.text) if entry.kind == "flag" else None
        if entry.at not in span or entry.private or not (step or (entry.kind == "decision" and entry.key)):
            continue
        label = re.sub(r"\s?%", " %", step[0]) if step else "decision"
        found.append(charts.Mark(at_ms=to_ms(entry.at), label=label, kind="event" if step else "decision"))
    return tuple(found)


def restart_spans(facts: Facts, span: Window) -> tuple[charts.Span, ...]:
    """The planned restarts inside the span as one shaded interval."""
    return tuple(
        charts.Span(start_ms=to_ms(each.start), end_ms=to_ms(each.end), label="restarts")
        for each in facts.findings
        if each.kind == "restarts" and each.severity == "info"
        if each.start and each.end and each.start in span and each.start != each.end
    )


def shown(facts: Facts, drawing: charts.Drawing, judgement: Judgement, span: Window) -> Block:
    """The drawing as a figure with its source line and its values."""
    title = fill("<strong>{title}.</strong> {subtitle}", title=drawing.title, subtitle=drawing.subtitle)
    link = in_grafana(facts, [judgement.metric], span)
    source = join([part for part in (*sources(facts, judgement, span), link) if part], " ")
    return Block(name=drawing.id, markdown=chart_figure(drawing, title, source))


def sources(facts: Facts, judgement: Judgement, span: Window) -> Iterator[Html]:
    """The exports that the line over the span and its baseline come from."""
    inputs, before = judgement.now.inputs, judgement.baseline.window if judgement.baseline else span
    held = {item.number: item for window in (span, before) if (item := facts.chip(inputs, window))}
    for item in held.values():
        yield fill(
            "{chip} {name}",
            chip=say.chip(facts, [item.digest]),
            name=item.origin if item.origin == item.path else item.name,
        )


def in_grafana(facts: Facts, metrics: Sequence[Metric], span: Window) -> Html:
    """The same panels over the same time, where a dashboard is known."""
    dashboard, links = facts.deployment.dashboard, {}
    for metric in metrics:
        if dashboard and metric.panel:
            mark = "&" if "?" in dashboard else "?"
            address = f"{dashboard}{mark}viewPanel={quote(metric.panel)}&from={span.start_ms}&to={span.end_ms}"
            links[metric.panel] = show_link(f"Panel {metric.panel} in Grafana", address)
    return join(links.values(), " ")


def overview(facts: Facts, data: Data, metric: Metric) -> Block:
    judgement = facts.judgement(metric.id)
    if judgement is None or judgement.now.value is None:
        return Block(name=f"chart of {metric.id}")
    if metric.show_change:
        return change_chart(facts, data, judgement)
    return shown(facts, charts.draw(chart_of(facts, data, judgement)), judgement, judgement.now.window)


def change_chart(facts: Facts, data: Data, judgement: Judgement) -> Block:
    """The change over the deployment window, the check-ins on it."""
    window = judgement.now.window
    every = facts.deployment.checkins.every if judgement.checkins else stretch(window, 18)
    chart = change_of(facts, data, judgement, window, every)
    points = tuple(
        charts.Checkpoint(
            at_ms=to_ms(each.at),
            label=wording.local(each.at, facts.deployment.zone),
            value=None if each.judgement.figure is None else each.judgement.figure * 100,
            verdict=say.word(each.judgement),
        )
        for each in judgement.checkins
    )
    return shown(facts, charts.draw(replace(chart, checkpoints=points)), judgement, window)


def change_of(
    facts: Facts, data: Data, judgement: Judgement, window: Window, every: timedelta, kind: str = "variance"
) -> charts.Chart:
    """The change of the metric stretch by stretch, each against the same local clock time of the baseline day."""
    metric = judgement.metric
    times, changes = course_of_change(facts.deployment, data, metric, window, every)
    return charts.Chart(
        id=f"fig-{kind}-{metric.id}",
        kind="variance",
        title=metric.title,
        unit="%",
        zone=facts.deployment.zone,
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        now=charts.Line(
            label="change",
            times_ms=times,
            values=changes * 100,
            step_ms=int(every / timedelta(milliseconds=1)),
        ),
        tolerance=metric.tolerance.relative,
        decimals=1,
        subtitle=f"Change of the {statistic_words(metric)} against the baseline, in stretches of {wording.how_long(every)}",
    )


def ramp(facts: Facts, data: Data) -> Block:
    """The minutes around the flag ramp, every mark on it."""
    flags = [entry for entry in facts.entries if entry.kind == "flag" and entry.at in facts.deployment.window]
    judgement = next(
        (each for each in facts.window_metrics if each.metric.kind == "histogram" and each.now.value is not None), None
    )
    if len(flags) < 2 or judgement is None:
        return Block(name="ramp")
    start = max(facts.deployment.window.start - timedelta(minutes=2), flags[0].at - timedelta(minutes=2))
    end = min(
        facts.deployment.end, max(entry.at for entry in flags if entry.at - flags[0].at < HOUR) + timedelta(minutes=8)
    )
    window = Window(start=start, end=end)
    chart = chart_of(facts, data, judgement, kind="zoom", window=window, every=timedelta(minutes=1))
    drawing = charts.draw(replace(chart, title=f"The ramp: {judgement.metric.title}"))
    return shown(facts, drawing, judgement, window)


def panels(facts: Facts, data: Data) -> Block:
    """One small chart a metric."""
    made: list[tuple[str, object, str]] = []
    drawn: list[Metric] = []
    for judgement in facts.metrics:
        if judgement.now.value is None or judgement.metric.kind == "query" or judgement.metric.show_change:
            continue
        every = stretch(judgement.now.window, 30 if judgement.metric.kind in ("histogram", "gauge") else 6)
        drawing = charts.draw(chart_of(facts, data, judgement, kind="panel", every=every))
        chip = say.chip(facts, judgement.now.inputs, judgement.now.window)
        made.append((drawing.title, join([drawing.subtitle, chip], " "), drawing.svg))
        drawn.append(judgement.metric)
    if not made:
        return Block(name="charts")
    zone = zone_name(facts.deployment.zone, facts.deployment.window.start)
    window = wording.window_text(facts.deployment.window, facts.deployment.zone)
    caption = f"Each metric over {window} against its baseline; limit dashed, tolerance as a band, times in {zone}."
    links = in_grafana(facts, drawn, facts.deployment.window)
    figures: list[str] = [show_figure(show_panels(made), caption, links, figure_id="fig-panels")]
    figures += [str(block) for each in facts.metrics if (block := distribution(facts, data, each))]
    return Block(name="charts", markdown="\n\n".join(figures))


def distribution(facts: Facts, data: Data, judgement: Judgement) -> Block:
    """The buckets of both windows, where a quantile moved; empty elsewhere."""
    metric, baseline = judgement.metric, judgement.baseline
    moved = judgement.verdict not in (Verdict.PASS, Verdict.NO_DATA, Verdict.PENDING, Verdict.NOT_APPLICABLE)
    if not (moved and baseline and metric.kind == "histogram" and metric.statistic.startswith("p")):
        return Block(name=f"distribution of {metric.id}")
    windows = (judgement.now.window, baseline.window)
    shares = [shares_of(metric, data, window) for window in windows]
    samples = measure.samples_of(metric, data)
    if samples is None or shares[0] is None or shares[1] is None:
        return Block(name=f"distribution of {metric.id}")
    zone = facts.deployment.zone
    drawing = charts.draw(
        charts.Distribution(
            id=f"fig-distribution-{metric.id}",
            title=metric.title,
            unit=metric.unit,
            edges=tuple(edge * metric.scale for edge in samples.edges),
            now=shares[0],
            baseline=shares[1],
            now_label="this window",
            baseline_label="baseline",
            subtitle=f"shares of the buckets, {wording.window_text(windows[0], zone)} against {wording.window_text(windows[1], zone)}",
        )
    )
    return shown(facts, drawing, judgement, windows[0])


def shares_of(metric: Metric, data: Data, window: Window) -> tuple[float, ...] | None:
    """The share of the requests in each bucket, 0 to 1; None without requests."""
    import numpy as np

    added = measure.increments(metric, data, window)
    if added is None or added.buckets is None:
        return None
    counts = np.maximum(np.nan_to_num(added.buckets).sum(axis=0), 0)
    return tuple(float(count) for count in counts / counts.sum()) if counts.sum() else None


def course(facts: Facts, data: Data) -> Block:
    """The change over the observation so far, the checkpoints on it; what is not measured yet is hatched."""
    judgement = next((each for each in (*facts.metrics, *facts.window_metrics) if each.metric.show_change), None)
    reached = [each for each in facts.checkpoints if each.verdict not in (Verdict.PENDING, Verdict.NOT_APPLICABLE)]
    if judgement is None or not reached or facts.deployment.baseline is None:
        return Block(name="course")
    deployment = facts.deployment
    chart = change_of(facts, data, judgement, deployment.observed, HOUR, kind="course")
    points = []
    for each in reached:
        own = next((one for one in each.metrics if one.metric.id == judgement.metric.id), None)
        points.append(
            charts.Checkpoint(
                at_ms=to_ms(each.due),
                label=wording.after_text(each.after),
                value=None if own is None or own.figure is None else own.figure * 100,
                verdict=say.word(own) if own else wording.word(each.verdict),
            )
        )
    until = to_ms(facts.as_of)
    chart = replace(chart, checkpoints=tuple(points), until_ms=until if until < chart.end_ms else None)
    return shown(facts, charts.draw(cut(chart, until)), judgement, deployment.observed)


def cut(chart: charts.Chart, until_ms: int) -> charts.Chart:
    """Without what was not yet known then."""
    import numpy as np

    values = np.where(chart.now.times_ms <= until_ms, chart.now.values, np.nan)
    return replace(chart, now=replace(chart.now, values=values))
