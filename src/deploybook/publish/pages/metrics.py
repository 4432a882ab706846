"""The history of each metric: its definition, and its value in every report, with gaps left open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from math import nan
from zoneinfo import ZoneInfo

from ...charts import Chart, Drawing, Limit, Line, Mark, draw, draw_sparkline
from ...sections import markup
from ...sections.page import MetricLine, values_of
from ...sections.text import Html, fill, slug
from ...times import iso, local_day, to_ms
from ..gather import Page, way
from . import frame as f
from .paths import evidence_path, metric_path

PATH = "metrics/index"
DAYS, SPARK_DAYS = 90, 30
MOST_MARKS, MOST_LOOKS = 3, 40
CAPTION = "The last report of each day. Dashed: limit. A gap means no report or no value, never zero."
STEPS = [("Today", "index.html"), ("Metrics", "metrics/index.html")]


Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One metric in one report: its value, and the whole line where it is asked for."""

    page: Page
    id: str
    value: float | None

    @property
    def line(self) -> MetricLine:
        return next(line for line in self.page.facts.metrics if line.id == self.id)


def metric_pages(pages: Sequence[Page], touched: Collection[Page] | None = None) -> dict[str, str]:
    """The list of all metrics, and one page for each service and metric; of the touched pages where they are given."""
    services: dict[str, list[Page]] = {}
    for page in pages:
        # A closing report says again what the window's report said; its time is no time of these values.
        if page.brief.kind != "closing":
            services.setdefault(page.brief.service, []).append(page)
    known = {service: set().union(*(page.brief.readings for page in found)) for service, found in services.items()}
    keys = sorted((service, id) for service, ids in known.items() for id in ids)
    new = {(page.brief.service, id) for page in (pages if touched is None else touched) for id in page.brief.readings}
    wanted = [key for key in keys if key in new]

    def looks(key: Key) -> Iterator[Look]:
        service, id = key
        for page in services[service]:
            if id in (readings := page.brief.readings):
                yield Look(page=page, id=id, value=readings[id])

    made = {f"{metric_path(*key)}.md": history_page(metric_path(*key), list(looks(key))) for key in wanted}
    rows = [index_row(key, looks(key), len(keys) <= f.MOST_ROWS) for key in keys]
    columns = [("Metric", "head"), ("Service", "text"), ("Last", "number"), ("Threshold", "number")]
    columns += [("Day by day", "spark"), ("As of", "text"), ("Status", "status")]
    block = (
        markup.table("As last reported", columns, rows) if rows else markup.listing([], "No metric was reported yet.")
    )
    made[f"{PATH}.md"] = f.frame(PATH, "Metrics", [block], STEPS)
    return made


def index_row(key: Key, looks: Iterator[Look], with_spark: bool) -> list[object]:
    last = next(looks)
    page, line = last.page, last.line
    spark = ""
    if with_spark:
        values = [nan if value is None else value for _, value in days_of(chain([last], looks), page.zone, SPARK_DAYS)]
        spark = draw_sparkline(values, label=line.title, unit=line.unit, decimals=line.decimals, limit=line.limit)
    return [
        markup.link(line.title, way(PATH, f"{metric_path(*key)}.html")),
        page.facts.service,
        f.number(PATH, page, line.shown, line.figures[0]),
        line.limit_text,
        Html(spark),
        page.at(page.as_of),
        line.word,
    ]


def days_of(looks: Iterable[Look], zone: ZoneInfo, most: int) -> list[tuple[date, float | None]]:
    """The value of the last report of each of the last days; None for a day without. looks: newest first."""
    found: dict[date, float | None] = {}
    for look in looks:
        day = local_day(look.page.as_of, zone)
        if found and next(iter(found)) - day >= timedelta(days=most):
            break
        found.setdefault(day, look.value)
    newest, oldest = max(found), min(found)
    return [(day, found.get(day)) for day in (oldest + timedelta(days=n) for n in range((newest - oldest).days + 1))]


def history_page(path: str, looks: Sequence[Look]) -> str:
    last, drawing = looks[0], history_chart(path, looks)
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
    return f.frame(path, last.line.title, blocks, STEPS, searched=False)  # search finds it by the list of all


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
        for look in looks[:MOST_LOOKS]
    ]
    columns = [("Report", "head"), ("As of", "text"), ("Value", "number"), ("Baseline", "number"), ("Delta", "number")]
    columns += [("Threshold", "number"), ("Status", "status"), ("Evidence", "chip")]
    return f.capped(path, "Newest first", columns, rows, len(looks), MOST_LOOKS)


def numbers(path: str, look: Look) -> list[Html]:
    """Value, baseline and delta, each a figure of its report."""
    line = look.line
    texts = (line.shown or "no data", line.baseline, line.delta)
    return [f.number(path, look.page, text, figure) for text, figure in zip(texts, line.figures, strict=True)]


def evidence_chip(path: str, look: Look) -> Html:
    number, deployment = look.line.evidence, look.page.facts.deployment
    return markup.chip(number, way(path, f"{evidence_path(deployment)}.html#{number}")) if number else Html()


def history_chart(path: str, looks: Sequence[Look]) -> Drawing | None:
    """The last value of each day; a day without a report, and a report without a value, leave a gap. None without any."""
    import numpy as np

    last = looks[0]
    days = days_of(looks, last.page.zone, DAYS)
    if not any(value is not None for _, value in days):
        return None
    noon = [to_ms(datetime.combine(day, time(12), tzinfo=last.page.zone).astimezone(UTC)) for day, _ in days]
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
                values=np.array([np.nan if value is None else value for _, value in days], dtype=np.float64),
                step_ms=86_400_000,
            ),
            limits=()
            if line.limit is None
            else (Limit(value=line.limit, label=f"limit {line.limit_text}", upper=line.upper),),
            marks=tuple(deployment_marks(looks, noon[0])),
        )
    )


def deployment_marks(looks: Iterable[Look], since_ms: int) -> Iterable[Mark]:
    """When each deployment went in, the last few."""
    newest: dict[str, Page] = {}
    for look in looks:
        if look.page.brief.deployment and len(newest) < 2 * MOST_MARKS:
            newest.setdefault(look.page.brief.deployment, look.page)
    starts = {page.facts.start: page.facts.name for page in newest.values()}
    for start in sorted(starts)[-MOST_MARKS:]:
        if to_ms(start) >= since_ms - 86_400_000:
            yield Mark(at_ms=to_ms(start), label=starts[start][:20])
