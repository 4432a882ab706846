"""The history of each metric: its definition, and its value in every report, with gaps left open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from ...charts import Chart, Drawing, Limit, Line, Mark, draw
from ...sections import markup
from ...sections.page import MetricLine, values_of
from ...sections.text import Html, fill, slug
from ...times import iso, local_day, to_ms
from ..gather import Page, way
from . import frame as f
from .paths import evidence_path, metric_path

PATH = "metrics/index"
DAYS = 90
MOST_CHARTS, MOST_MARKS = 8, 3
CAPTION = "The last report of each day. Dashed: limit. A gap means no report or no value, never zero."
STEPS = [("Today", "index.html"), ("Metrics", "metrics/index.html")]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One metric in one report."""

    page: Page
    line: MetricLine


def metric_pages(pages: Sequence[Page]) -> dict[str, str]:
    """The list of all metrics, and one page for each service and metric."""
    histories: dict[tuple[str, str], list[Look]] = {}
    for page in pages:
        for line in page.facts.metrics:
            histories.setdefault((page.facts.service, line.id), []).append(Look(page=page, line=line))
    charts = {key: history_chart(metric_path(*key), looks) for key, looks in histories.items()}
    made = {
        f"{metric_path(*key)}.md": history_page(metric_path(*key), looks, charts[key])
        for key, looks in histories.items()
    }
    rows = [index_row(key, looks) for key, looks in sorted(histories.items())]
    columns = [
        ("Metric", "head"),
        ("Service", "text"),
        ("Last", "number"),
        ("Threshold", "number"),
        ("As of", "text"),
        ("Status", "status"),
    ]
    blocks: list[str] = [
        markup.table("As last reported", columns, rows) if rows else markup.listing([], "No metric was reported yet.")
    ]
    recent = [(key, drawing) for key, drawing in charts.items() if drawing][:MOST_CHARTS]
    if recent:
        shown = [
            (histories[key][0].line.title, histories[key][0].line.limit_text, drawing.svg) for key, drawing in recent
        ]
        blocks += ["## Day by day", markup.figure(markup.panels(shown), CAPTION)]
    made[f"{PATH}.md"] = f.frame(PATH, "Metrics", blocks, STEPS)
    return made


def index_row(key: tuple[str, str], looks: Sequence[Look]) -> list[object]:
    last = looks[0]
    return [
        markup.link(last.line.title, way(PATH, f"{metric_path(*key)}.html")),
        last.page.facts.service,
        f.number(PATH, last.page, last.line.shown, last.line.figures[0]),
        last.line.limit_text,
        last.page.at(last.page.as_of),
        last.line.word,
    ]


def history_page(path: str, looks: Sequence[Look], drawing: Drawing | None) -> str:
    last = looks[0]
    definition = markup.facts_line(
        [
            ("Service", last.page.facts.service),
            ("Unit", last.line.unit),
            ("Threshold", last.line.limit_text),
            ("Query", fill("<code>{query}</code>", query=last.line.query) if last.line.query else ""),
        ]
    )
    chart: str = markup.callout("No value yet", "No report of the last days holds a value of this metric.", "no-data")
    if drawing:
        panel = markup.panels([(last.line.title, last.line.limit_text, drawing.svg)])
        chart = markup.figure(panel, CAPTION, values=values_of(drawing))
    blocks = [definition, "## Day by day", chart, "## Every report", history_table(path, looks)]
    return f.frame(path, last.line.title, blocks, STEPS)


def history_table(path: str, looks: Sequence[Look]) -> str:
    rows = [
        [
            markup.link(look.page.facts.title, way(path, look.page.address)),
            markup.moment(look.page.at(look.page.as_of), iso(look.page.as_of)),
            *numbers(path, look),
            look.line.limit_text,
            look.line.word,
            evidence_chip(path, look),
        ]
        for look in looks
    ]
    columns = [("Report", "head"), ("As of", "text"), ("Value", "number"), ("Baseline", "number"), ("Delta", "number")]
    columns += [("Threshold", "number"), ("Status", "status"), ("Evidence", "chip")]
    return f.capped(path, "Newest first", columns, rows)


def numbers(path: str, look: Look) -> list[Html]:
    """Value, baseline and delta, each a figure of its report."""
    line = look.line
    texts = (line.shown or "no data", line.baseline, line.delta)
    return [f.number(path, look.page, text, figure) for text, figure in zip(texts, line.figures, strict=True)]


def evidence_chip(path: str, look: Look) -> Html:
    number, deployment = look.line.evidence, look.page.facts.deployment
    return markup.chip(number, way(path, f"{evidence_path(deployment)}.html#{number}")) if number else Html()


def history_chart(path: str, looks: Iterable[Look]) -> Drawing | None:
    """The last value of each day; a day without a report, and a report without a value, leave a gap. None without any."""
    import numpy as np

    days = {
        local_day(look.page.as_of, look.page.zone): look for look in sorted(looks, key=lambda look: look.page.as_of)
    }
    newest = max(days)
    kept = {day: look for day, look in days.items() if newest - day < timedelta(days=DAYS)}
    span = [min(kept) + timedelta(days=n) for n in range((newest - min(kept)).days + 1)]
    last = kept[newest]
    noon = [to_ms(datetime.combine(day, time(12), tzinfo=last.page.zone).astimezone(UTC)) for day in span]
    values = [kept[day].line.value if day in kept else None for day in span]
    if not any(value is not None for value in values):
        return None
    line = last.line
    return draw(
        Chart(
            id=slug(path),
            kind="history",
            title=line.title,
            unit=line.unit,
            zone=last.page.zone,
            decimals=line.decimals,
            start_ms=noon[0] - 86_400_000,
            end_ms=noon[-1] + 86_400_000,
            gaps=(),
            now=Line(
                label="",
                times_ms=np.array(noon, dtype=np.int64),
                values=np.array([np.nan if value is None else value for value in values], dtype=np.float64),
                step_ms=86_400_000,
            ),
            limits=()
            if line.limit is None
            else (Limit(value=line.limit, label=f"limit {line.limit_text}", upper=line.upper),),
            marks=tuple(deployment_marks(kept.values())),
        )
    )


def deployment_marks(looks: Iterable[Look]) -> Iterable[Mark]:
    """When each deployment went in, the last few."""
    starts = {look.page.facts.start: look.page.facts for look in looks if look.page.facts.deployment}
    for start in sorted(starts)[-MOST_MARKS:]:
        yield Mark(at_ms=to_ms(start), label=starts[start].name[:20])
