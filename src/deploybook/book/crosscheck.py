"""Stored figures beside what their server says now: equal, differs, not answered, or not comparable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from .. import measure, records, sources
from ..errors import SourceError
from ..facts import Figure
from ..measure.doubt import scale_of
from ..model import Data, Deployment, Metric, Source
from ..sources import Request, asking
from . import Book

TOLERANCE = 1e-9  # relative: both add the same numbers, in another order
LIVE = ("prometheus", "postgres")
Word = Literal["equal", "differs", "not answered", "not comparable"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One stored figure. server: its value now, in the figure's unit. reason: of a word that needs one. question: as asked."""

    figure: Figure
    word: Word
    server: float | None = None
    reason: str = ""
    source: str = ""
    question: str = ""

    @property
    def absolute(self) -> float | None:
        return None if self.server is None else self.server - self.figure.value

    @property
    def relative(self) -> float | None:
        return self.absolute / abs(self.figure.value) if self.absolute is not None and self.figure.value else None


def crosscheck(
    workspace: records.Workspace,
    deployment: Deployment,
    *,
    now: datetime,
    environ: Mapping[str, str],
    failed: Mapping[str, str],
) -> list[Checked]:
    """
    Every stored figure that a report prints as of now: of window and baseline, gates, check-ins, checkpoints, splits,
    and their changes; [] where no source answers questions. failed: sources that did not answer before, with what they said; they are not asked again.
    """
    if not any(each.kind in LIVE for each in deployment.sources):
        return []
    book = Book(workspace, deployment, as_of=None, now=now)
    figures = in_order(book.facts.figures.values(), deployment)
    plain = [one for one in figures if not one.op.startswith("change_")]
    found: dict[str, Checked] = {}
    for source in [None, *deployment.sources]:
        mine = [one for one in plain if source_of(one.metric, deployment) == source]
        if source is None:
            found |= {one.id: without_server(one, deployment) for one in mine}
        elif mine and source.name in failed:
            found |= {one.id: unanswered(one, source, failed[source.name]) for one in mine}
        elif mine:
            wanted = sources.wanted(deployment, source)
            place = Request(source=source, deployment=deployment, folder=book.folder, wanted=wanted)
            request = replace(place, now=now, environ=environ)
            found |= {one.figure.id: one for one in asked(request, mine, book.data)}
    return [found.get(one.id) or of_change(one, found) for one in figures]


def in_order(figures: Iterable[Figure], deployment: Deployment) -> list[Figure]:
    """By metric, then by window; one that is printed with other decimals too stands once."""
    order = [metric.id for metric in deployment.metrics]
    by_id = sorted(figures, key=lambda one: one.id, reverse=True)
    once = {(one.op, one.metric.id, one.window, one.labels): one for one in by_id}
    return sorted(once.values(), key=lambda one: (order.index(one.metric.id), one.window.start, one.window.end, one.id))


def source_of(metric: Metric, deployment: Deployment) -> Source | None:
    """The first of its sources that answers questions."""
    mine = (each for each in deployment.sources if metric.source in ("", each.name))
    return next((each for each in mine if each.kind in LIVE), None)


def without_server(figure: Figure, deployment: Deployment) -> Checked:
    kinds = sorted({each.kind for each in deployment.sources if figure.metric.source in ("", each.name)})
    return Checked(figure=figure, word="not comparable", reason=f"{' and '.join(kinds)}: answers no questions")


def unanswered(figure: Figure, source: Source, reason: str) -> Checked:
    return Checked(figure=figure, word="not answered", reason=reason, source=source.name)


def asked(request: Request, figures: Sequence[Figure], data: Data) -> Iterator[Checked]:
    """One figure after the other within the source's one budget of time; none any more once it is out of reach."""
    source, gone = request.source, ""
    try:
        with asking.asking(request) as server:
            for figure in figures:
                try:
                    yield unanswered(figure, source, gone) if gone else compared(figure, source, server, data)
                except asking.NoForm as reason:
                    yield Checked(figure=figure, word="not comparable", reason=str(reason), source=source.name)
                except SourceError as problem:
                    gone = str(problem) if problem.can_retry else ""
                    yield unanswered(figure, source, str(problem))
    except SourceError as problem:  # before the first question
        yield from (unanswered(figure, source, str(problem)) for figure in figures)


def compared(figure: Figure, source: Source, server: asking.Answering, data: Data) -> Checked:
    if figure.op == "worst_hour":
        raise asking.NoForm("the worst hour slides over the times of its rows, which no question does")
    value, question = server.ask(of(figure, data))
    if value is None:
        gone = f"{source.name} has nothing for this window any more"
        return replace(unanswered(figure, source, gone), question=question)
    value *= scale_of(figure.metric)
    return Checked(
        figure=figure, word=word_for(figure.value, value), server=value, source=source.name, question=question
    )


def of(figure: Figure, data: Data) -> asking.Figure:
    """The figure as it is asked, with what its stored samples look like."""
    metric = figure.metric
    samples = measure.samples_of(metric, data, dict(figure.labels))
    start, end = figure.window.start_ms, figure.window.end_ms
    inside = [(one.times >= start) & (one.times <= end) for one in samples.series] if samples else []
    rows = [one.steps[part] for one, part in zip(samples.series if samples else (), inside, strict=True) if part.any()]
    steps = {int(step) for part in rows for step in set(part.tolist()) if step > 0}
    names = (metric.name, *metric.also_named)
    return asking.Figure(
        metric=metric,
        window=figure.window,
        labels=figure.labels,
        names=tuple(name for name in names if name in data.samples and data.samples[name].series),
        step_ms=min(steps, default=asking.USUAL),
        series=len(rows),
        even=len(steps) < 2,
        engine=samples.engine if samples else "",
    )


def of_change(figure: Figure, found: Mapping[str, Checked]) -> Checked:
    """A change, from what the server said of the two figures it is between."""
    now, before = (found[dict(figure.args)[end]] for end in ("now", "baseline"))
    for one in (now, before):
        if one.server is None:
            return Checked(figure=figure, word=one.word, reason=one.reason, source=one.source)
    assert now.server is not None and before.server is not None
    value = now.server - before.server
    if figure.op == "change_relative":
        value = value / before.server if before.server else math.nan
    both = "equal" if now.word == before.word == "equal" else word_for(figure.value, value)
    return Checked(figure=figure, word=both, server=value, source=now.source)


def word_for(ours: float, server: float) -> Word:
    return "equal" if math.isclose(ours, server, rel_tol=TOLERANCE, abs_tol=1e-12) else "differs"
