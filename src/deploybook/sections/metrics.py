"""4. Metrics: value, baseline, delta, threshold, share of the limit, status; and why, one click away."""

from __future__ import annotations

from .. import wording
from ..facts import Facts, figure_id, span
from ..model import Judgement, Measurement, Metric
from . import markup, say
from .summary import headlined, is_hourly, limit_left, limit_share
from .text import Html, code, escape, fill, join

COLUMNS = [
    ("Metric", "head"),
    ("Value", "number"),
    ("Baseline", "number"),
    ("Delta", "number"),
    ("Threshold", "number"),
    ("Limit used", "bar"),
    ("Course", "spark"),
    ("Status", "status"),
    ("Evidence", "chip"),
]


def metrics(facts: Facts) -> str:
    """The table of the window, the splits, and what is behind each word."""
    return say.blocks(table(facts), behind_the_words(facts)) if facts.metrics else ""


def table(facts: Facts) -> Html:
    if not facts.metrics:
        return Html()
    caption = wording.window_text(facts.metrics[0].now.window, facts.deployment.zone)
    return markup.table(caption, COLUMNS, [row(facts, each) for each in facts.metrics])


def row(facts: Facts, judgement: Judgement) -> list[object]:
    metric, shown = judgement.metric, headlined(judgement)
    return [
        title(facts, judgement),
        with_worst_hour(facts, shown),
        say.value(facts, metric, shown.baseline) if not metric.show_change else Html("—"),
        say.delta(facts, judgement),
        threshold(judgement),
        markup.limit_used(limit_share(shown), limit_left(shown)),
        Html(facts.sparks.get(metric.id, "")),
        say.status(judgement),
        say.chip(facts, judgement.now.inputs, judgement.now.window),
    ]


def behind_the_words(facts: Facts) -> str:
    """The splits, why each metric has its word, and what was noticed in the data."""
    splits = [split(facts, each) for each in facts.metrics if each.by]
    return say.blocks(*splits, reasons(facts), noticed(facts))


def with_worst_hour(facts: Facts, judgement: Judgement) -> Html:
    """The figure; beside a count that is held against a limit per hour, its worst hour."""
    now, shown = judgement.now, say.headline(facts, judgement)
    if not is_hourly(judgement) or now.worst_hour == now.value:
        return shown
    text = wording.value_text(judgement.metric, now.worst_hour)
    count = say.published(facts, figure_id(judgement.metric, now, worst_hour=True), text)
    return fill("{figure} <small>worst hour {count}</small>", figure=shown, count=count)


def title(facts: Facts, judgement: Judgement) -> Html:
    """The metric's title; the window beside it where its figure is of another one than the table's."""
    metric = judgement.metric
    advisory = "shown, decides nothing" if metric.advisory else ""
    notes = ", ".join(filter(None, (advisory, own_window(facts, judgement))))
    small = fill("<small>{notes}</small>", notes=notes) if notes else ""
    return fill("{title} {small}", title=metric.title, small=small)


def own_window(facts: Facts, judgement: Judgement) -> str:
    """The window of the figure where it is another one than the table's: '14:00 to 14:15 PT'."""
    shown = headlined(judgement)
    if shown is judgement and shown.now.window == facts.metrics[0].now.window:
        return ""
    return wording.window_text(shown.now.window, facts.deployment.zone, day=False)


def threshold(judgement: Judgement) -> str:
    metric = judgement.metric
    if metric.show_change:
        return f"±{metric.tolerance.text}"
    target = metric.target
    if target is None:
        return "—"
    per = f"/{target.per}" if target.per else ""
    return f"{target.sign} {wording.with_unit(f'{target.value:g}', target.unit)}{per}"


def split(facts: Facts, judgement: Judgement) -> Html:
    """The parts of a metric that is split by a label."""
    metric = judgement.metric
    rows = [
        [
            ", ".join(value for _, value in each.now.labels),
            say.value(facts, metric, each.now),
            say.value(facts, metric, each.baseline),
            say.delta(facts, each),
            say.doubt(each),
            say.status(each),
        ]
        for each in judgement.by
    ]
    columns = [(" and ".join(metric.by).capitalize(), "head"), *COLUMNS[1:4]]
    columns += [("90 % interval", "text"), ("Status", "status")]
    return markup.table(f"{metric.title} by {wording.listed(metric.by)}", columns, rows)


def reasons(facts: Facts) -> Html:
    """Why each metric has its word: one sentence, and all that led to it behind it."""
    blocks = [
        f'<details class="db-why"><summary>{markup.status(say.word(each))} <strong>{escape(each.metric.title)}</strong> '
        f"{escape(each.reason)}</summary>\n{behind(each)}\n</details>"
        for each in facts.metrics
    ]
    return Html("\n".join(blocks))


def behind(judgement: Judgement) -> Html:
    metric, now, judged = judgement.metric, judgement.now, judgement.judged
    baseline, seen = judgement.baseline, wording.share(now.coverage.seen, 1)
    effective = [f"{each:.0f}" for each in judged.effective if each is not None] if judged else []
    rows: list[tuple[str, object]] = [
        ("Value, unrounded", exactly(metric, now) or now.missing),
        ("Baseline, unrounded", exactly(metric, baseline)),
        ("90 % interval", say.doubt(judgement)),
        ("Can tell", resolvable(judgement)),
        ("Window", " to ".join(span(now.window))),
        ("Baseline window", " to ".join(span(baseline.window)) if baseline else ""),
        ("Samples", f"{now.coverage.found} of {now.coverage.expected} ({seen} of the time seen)"),
        ("Effective samples", " against ".join(effective)),
        ("Requests behind it", wording.rounded(now.traffic, 0) if now.traffic else ""),
        ("Worst hour", wording.value_text(metric, now.worst_hour) if now.worst_hour is not None else ""),
        ("True rate", judgement.bound),
        ("Bucket", f"{now.bracket[0]:g} to {now.bracket[1]:g} {metric.unit}" if now.bracket else ""),
        ("Method", judged.method if judged else ""),
        ("Query", code(say.query(metric))),
        ("Inputs", join([code(f"sha256:{digest}") for digest in now.inputs], " ")),
    ]
    return markup.facts_line(rows)


def exactly(metric: Metric, measurement: Measurement | None) -> str:
    """The value with all its digits, '' without one."""
    return "" if measurement is None or measurement.value is None else f"{measurement.value!r} {metric.unit}"


def resolvable(judgement: Judgement) -> str:
    judged = judgement.judged
    if judged is None or judged.resolvable is None:
        return ""
    decimals = wording.decimals_for(judgement.metric, judged.value) if judged.scale == "value" else 1
    size = wording.scaled(judged.resolvable, judged.scale, judgement.metric.unit, decimals).lstrip("+")
    needed = f"; about {wording.how_long(judged.needed)} would be needed" if judged.needed else ""
    return f"±{size}{needed}"


def noticed(facts: Facts) -> str:
    """The findings, those that need a person first."""
    if not facts.findings:
        return ""
    ordered = sorted(facts.findings, key=lambda finding: finding.severity != "warn")
    rows = [
        (finding.kind.replace("_", " "), finding.text, "Watch" if finding.severity == "warn" else "Noted")
        for finding in ordered
    ]
    columns = [("Kind", "head"), ("What", "text"), ("Status", "status")]
    return markup.table("What was noticed in the data", columns, rows)
