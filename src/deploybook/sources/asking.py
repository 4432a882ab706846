"""
A figure asked of the server that its samples came from: the PromQL or SQL that gives the same number, and its answer.

    with asking(request) as server:
        server.ask(Figure(metric=…, window=…))      # (value in the source's unit, the question); None where it has none

What was added to a counter is what deploybook counts by default: from the state at the start of the window to that at
its end, resets added back, nothing extrapolated. PromQL says it as a sum of differences on a grid as fine as the
scrapes; its increase() extrapolates, and is asked where the metric says 'arithmetic: prometheus'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Protocol

from ..measure.promql import semantics_of
from ..model import Matcher, Metric
from ..times import Window, to_ms
from .request import Request

if TYPE_CHECKING:
    from .http import Client
    from .postgres import Database
    from .prometheus import Server

LOOKBACK = 5 * 60_000  # milliseconds in which a server takes the last sample for the state now
LATE = 1.5  # steps after which a row is no longer the state at the start of a window
POINTS = 50_000  # of one grid; more would keep a server busy for minutes
USUAL = 15_000


class NoForm(Exception):
    """The figure cannot be asked in the server's language; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    What is asked. labels: the split. names: those of the metric's names that have samples. step_ms, series, even: of the
    stored samples behind it: the smallest step, how many series, whether all steps are alike. engine: that gave them.
    """

    metric: Metric
    window: Window
    labels: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    step_ms: int = USUAL
    series: int = 1
    even: bool = True
    engine: str = ""

    @property
    def where(self) -> tuple[Matcher, ...]:
        split = (Matcher(label=label, op="=", value=value) for label, value in self.labels)
        return (*self.metric.where, *split)


class Answering(Protocol):
    def ask(self, figure: Figure) -> tuple[float | None, str]:
        """
        The server's value now, None where it has none, and the question. Raises NoForm, or SourceError where the
        server does not answer.
        """


@contextmanager
def asking(request: Request) -> Iterator[Answering]:
    """The server of a source, for many figures within its one time budget. Raises SourceError."""
    if request.source.kind == "postgres":
        from . import postgres

        with postgres.connected(request) as database:
            yield Postgres(database)
        return
    from .http import Client
    from .prometheus import identify

    with Client(request) as client:
        yield Prometheus(client, identify(client))


# ── PromQL ──


class Prometheus:
    def __init__(self, client: Client, server: Server) -> None:
        self.client, self.server = client, server

    def ask(self, figure: Figure) -> tuple[float | None, str]:
        from . import prometheus

        text, at = self.question(figure)
        found = [value for _, value in prometheus.answer_now(self.client, text, at)]
        if len(found) > 1:
            raise NoForm(f"the answer has {len(found)} series; sum or average them in the query")
        return (found[0] if found and found[0] == found[0] else None), text

    def question(self, figure: Figure) -> tuple[str, int]:
        """The PromQL and the time, in milliseconds, that it is asked for."""
        metric, window = figure.metric, figure.window
        length = window.end_ms - window.start_ms
        if metric.kind == "query":
            return metric.query.replace("$window", f"{length}ms"), window.end_ms
        if metric.kind == "gauge":
            # start <= t < end. A range of 3.0 and later leaves out its start.
            return of_gauge(figure, length if self.server.left_open else length - 1), window.end_ms - 1
        counts, mine, ours = semantics_of(self.server.engine), figure.engine, self.server.engine
        if metric.arithmetic == "prometheus" and mine and counts != semantics_of(mine):
            raise NoForm(f"increase() of {ours} is not that of {mine}, which gave the samples")
        return of_counts(figure), window.end_ms


def of_gauge(figure: Figure, length: int) -> str:
    metric = figure.metric
    if len(figure.names) > 1:
        raise NoForm(f"PromQL has no form for a gauge of {len(figure.names)} names")
    rows = f"{selector(figure.names[0] if figure.names else metric.name, figure.where)}[{length}ms]"
    quantile = 0.5 if metric.statistic == "median" else metric.quantile
    if quantile is not None:
        if figure.series > 1:
            raise NoForm(f"PromQL has no quantile over the rows of {figure.series} series")
        return f"quantile_over_time({quantile!r}, {rows})"
    if metric.statistic == "last":
        return f"avg(last_over_time({rows}))"
    if metric.statistic in ("min", "max"):
        return f"{metric.statistic}({metric.statistic}_over_time({rows}))"
    if not figure.even:
        raise NoForm("its rows have unlike steps, which PromQL does not weigh")
    return f"sum(sum_over_time({rows})) / sum(count_over_time({rows}))"


def of_counts(figure: Figure) -> str:
    metric = figure.metric

    def total(ending: str = "", names: Sequence[str] = figure.names, more: Iterable[Matcher] = ()) -> str:
        selectors = [selector(name + ending, (*figure.where, *more)) for name in names or (metric.name,)]
        return f"sum({added(figure, selectors)})"

    if metric.kind == "counter":
        return f"{total()} or vector(0)" if metric.missing_is_zero else total()
    if metric.kind == "ratio":
        whole = total(names=[metric.total_name]) if metric.total_name else total()
        return f"({total(more=metric.good)} or vector(0)) / {whole}"
    if metric.quantile is None:
        return f"{total('_sum')} / {total('_count')}"
    return f"histogram_quantile({metric.quantile!r}, {total('_bucket').replace('sum(', 'sum by (le) (', 1)})"


def added(figure: Figure, selectors: Sequence[str]) -> str:
    """
    What was added to each series over the window. On the grid: the difference to the point before; where it fell, the
    counter began again; where there was nothing before, nothing is known, or with `missing: zero` it began at 0.
    """
    length = figure.window.end_ms - figure.window.start_ms
    if figure.metric.arithmetic == "prometheus":
        if len(selectors) > 1:
            raise NoForm(f"increase() has no form for {len(selectors)} names")
        return f"increase({selectors[0]}[{length}ms])"
    step = grid(figure)
    back = max(LOOKBACK, 2 * figure.step_ms)
    now = " or ".join(f"last_over_time({one}[{back}ms])" for one in selectors)
    before = " or ".join(f"last_over_time({one}[{back}ms] offset {step}ms)" for one in selectors)
    rows = f"(({now}) - ({before}) >= 0) or (({now}) + 0 and ({before}) > ({now}))"
    if figure.metric.missing_is_zero:
        rows += f" or (({now}) + 0 unless ({before}))"
    # One millisecond less than the window: without its first point, whichever way the server's subqueries are closed.
    return f"sum_over_time(({rows})[{length - 1}ms:{step}ms])"


def grid(figure: Figure) -> int:
    """The longest step, in milliseconds, that is no longer than that of the scrapes and fits the window's two ends."""
    both = gcd(figure.window.start_ms, figure.window.end_ms)
    parts = -(-both // figure.step_ms)
    while both % parts:
        parts += 1
    if (figure.window.end_ms - figure.window.start_ms) * parts > POINTS * both:
        raise NoForm("the ends of its window do not lie on a grid that a server can go through")
    return both // parts


def selector(name: str, where: Iterable[Matcher]) -> str:
    return "{" + ",".join(map(str, (Matcher(label="__name__", op="=", value=name), *where))) + "}"


# ── SQL ──


class Postgres:
    """The declared query as it stands, around it what the figure asks of its rows."""

    def __init__(self, database: Database) -> None:
        self.request, self.database = database.request, database

    def ask(self, figure: Figure) -> tuple[float | None, str]:
        text = self.question(figure)
        value = self.database.rows(f"SELECT ({text})::float8::text AS value").item()
        return (None if value in (None, "NaN") else float(value)), text

    def question(self, figure: Figure) -> str:
        metric = figure.metric
        if metric.kind == "gauge":
            return self.of_gauge(figure)
        if metric.kind == "histogram" and metric.quantile is None:
            return f"{self.added(figure, f'{metric.name}_sum')} / {self.added(figure, f'{metric.name}_count')}"
        if metric.kind == "ratio":
            whole = self.added(figure, metric.total_name or metric.name)
            return f"coalesce({self.added(figure, metric.name, metric.good)}, 0) / nullif({whole}, 0)"
        if metric.kind == "counter" and metric.arithmetic == "raw":
            return self.added(figure, metric.name)
        what = "the quantile of a histogram" if metric.kind == "histogram" else f"a {metric.kind} in this arithmetic"
        raise NoForm(f"SQL has no form for {what}")

    def of_gauge(self, figure: Figure) -> str:
        metric, window = figure.metric, figure.window
        rows = self.rows(figure, metric.name)
        inside = f"FROM ({rows}) AS rows WHERE at >= {window.start_ms} AND at < {window.end_ms}"
        quantile = 0.5 if metric.statistic == "median" else metric.quantile
        if quantile is not None:
            return f"SELECT percentile_cont({quantile!r}) WITHIN GROUP (ORDER BY value) {inside}"
        if metric.statistic == "last":
            newest = f"SELECT DISTINCT ON (target) value {inside} ORDER BY target, at DESC"
            return f"SELECT avg(value) FROM ({newest}) AS newest"
        if metric.statistic == "mean" and not figure.even:
            raise NoForm("its rows have unlike steps, which this does not weigh")
        return f"SELECT {metric.statistic.replace('mean', 'avg')}(value) {inside}"

    def added(self, figure: Figure, name: str, more: Iterable[Matcher] = ()) -> str:
        window = figure.window
        pairs = (
            "SELECT at, value, lag(value) OVER own AS before, lag(at) OVER own AS since "
            f"FROM ({self.rows(figure, name, more)}) AS rows WINDOW own AS (PARTITION BY target ORDER BY at)"
        )
        first = window.start_ms - int(LATE * figure.step_ms)
        change = "sum(CASE WHEN value < before THEN value ELSE value - before END)"
        inside = f"at > {window.start_ms} AND at <= {window.end_ms} AND since >= {first}"
        return f"(SELECT {change} FROM ({pairs}) AS pairs WHERE {inside})"

    def rows(self, figure: Figure, name: str, more: Iterable[Matcher] = ()) -> str:
        """Rows of `at` (milliseconds), `value` and `target`, all of its labels."""
        from . import postgres
        from .files import form_of
        from .tables import pick

        written = postgres.queries(self.request)
        if (text := written.get(figure.metric.name) or written.get("")) is None:
            raise NoForm(f"no query gives {name}")
        start = to_ms(figure.window.start) - max(LOOKBACK, 2 * figure.step_ms)
        sql = postgres.settled(self.database, text, start, figure.window.end_ms)
        form = form_of(self.request, figure.metric.name)
        header = postgres.columns(self.database, sql)
        time, value, metric = (pick(header, form, role) for role in ("time", "value", "metric"))
        if not (time := time or next(iter(header), None)) or not value:
            raise NoForm("its query gives no row with a time and a value")
        if not metric and name != figure.metric.name:
            raise NoForm(f"its query gives no column that tells {name}")
        labels = ", ".join(postgres.quoted(each) for each in header if each not in (time, value, metric))
        conditions = [condition(one, header) for one in (*figure.where, *more)]
        if metric:
            conditions.append(f"{postgres.quoted(metric)}::text = {postgres.literal(name)}")
        at = f"round(extract(epoch FROM {postgres.quoted(time)}) * 1000)"
        chosen = f"{at} AS at, {postgres.quoted(value)}::float8 AS value, ROW({labels})::text AS target"
        return f"SELECT {chosen} FROM ({sql}) AS asked WHERE {' AND '.join(conditions) or 'true'}"


def condition(matcher: Matcher, header: Sequence[str]) -> str:
    from . import postgres

    found = f"coalesce({postgres.quoted(matcher.label)}::text, '')" if matcher.label in header else "''"
    if matcher.op in ("=", "!="):
        return f"{found} {matcher.op} {postgres.literal(matcher.value)}"
    return f"{found} {'~' if matcher.op == '=~' else '!~'} {postgres.literal(f'^(?:{matcher.value})$')}"
