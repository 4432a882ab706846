"""Every number that a page may print, with the way back to its bytes; and the figures that people refer to in prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches

from .. import measure, wording
from ..facts import Facts, Figure, all_judgements, change_figure, value_figure
from ..model import Data, Delta, Deployment, Finding, Measurement, Metric
from ..times import Window, parse_instant, parse_length, parse_window

REFERENCE = re.compile(r"\{([a-z_][\w-]*)((?:\s+[^{}]*)?)\}")


def figures_of(facts: Facts) -> Facts:
    """The facts with the figures of all their judgements."""
    found: dict[str, Figure] = {}
    for each in all_judgements(facts):
        for figure in of_measurements(each.metric, each.now, each.baseline, each.delta):
            found.setdefault(figure.id, figure)
    return replace(facts, figures=dict(sorted(found.items())))


def of_measurements(
    metric: Metric, now: Measurement, baseline: Measurement | None, delta: Delta | None
) -> Iterator[Figure]:
    """A value, its baseline's, its worst hour's, its change, as far as they are there."""
    made = [value_figure(metric, now)]
    made += [value_figure(metric, baseline)] if baseline else []
    made += [value_figure(metric, now, worst_hour=True)]
    made += [change_figure(metric, now, baseline, delta)] if baseline and delta else []
    yield from (figure for figure in made if figure is not None)


def resolve(facts: Facts, data: Data) -> Facts:
    """
    The facts with every '{metric window}' in records, journal and notes measured; a reference that cannot be
    measured stays as written and becomes a finding.
    """
    figures, references = dict(facts.figures), dict(facts.references)
    findings = list(facts.findings)
    for text in sorted({found[0] for each in texts(facts) for found in REFERENCE.finditer(each)}):
        try:
            made, wrong = refer(facts.deployment, data, text), "no data for it, so that it prints nothing"
        except ValueError as error:
            made, wrong = [], str(error)
        figures.update({figure.id: figure for figure in made})
        if made:
            references[text] = made[-1].id
        else:
            findings.append(Finding(kind="reference", severity="info", text=f"{text}: {wrong}"))
    known = {id: as_read(facts.deployment, figure) for id, figure in sorted(figures.items())}
    return replace(facts, figures=known, references=references, findings=tuple(findings))


def as_read(deployment: Deployment, figure: Figure) -> Figure:
    """The figure with how its source reads rows: the zone of times without one, columns by names of its own."""
    sources = [each for each in deployment.sources if figure.metric.source in ("", each.name)]
    zones = {str(each.zone) for each in sources if each.zone}
    own = len(zones) > 1 or any({"time", "value", "metric", "labels"} & set(each.options) for each in sources)
    return replace(figure, zone=min(zones), own_columns=own) if zones else replace(figure, own_columns=own)


def refer(deployment: Deployment, data: Data, text: str) -> list[Figure]:
    """
    The figure that '{parser_p50 change 14:00 to 14:08 .1}' stands for, last, after those it was made from; [] without data.

    ValueError says what is wrong with the reference: an unknown metric, a window that is none.
    """
    found = REFERENCE.fullmatch(text)
    if not found:
        raise ValueError("is not a figure; write '{parser_p50 14:00 to 14:02}'")
    metric, window, change, decimals = parse_reference(deployment, found[1], found[2].split())
    if change or metric.show_change:
        baseline = deployment.baseline_of(window)
        if baseline is None:
            raise ValueError("there is no baseline to compare with")
        now, before, delta, _ = measure.compare(metric, data, window, baseline)
        made = list(of_measurements(metric, now, before, delta))
        wanted = [figure for figure in made if figure.id.endswith(";change")]
    else:
        now = measure.measure(metric, data, window)
        made = wanted = list(of_measurements(metric, now, None, None))
    if not wanted:
        return []
    last = wanted[-1]
    if decimals is not None:
        last = replace(last, id=f"{last.id};.{decimals}", decimals=decimals, display=displayed(last, decimals))
    return [*(figure for figure in made if figure.id != last.id), last]


def wrong_in(deployment: Deployment, text: str) -> Iterator[str]:
    """What is wrong with each '{metric window}' of a text, whatever the data are."""
    for found in REFERENCE.finditer(text):
        try:
            parse_reference(deployment, found[1], found[2].split())
        except ValueError as error:
            yield f"{found[0]} stays as it is: {error}"


def displayed(figure: Figure, decimals: int) -> str:
    if figure.op == "change_relative":
        return wording.percent(figure.value, decimals)
    if figure.op == "change_points":
        return wording.points(figure.value, decimals)
    return wording.value_text(figure.metric, figure.value, decimals)


def parse_reference(deployment: Deployment, id: str, words: list[str]) -> tuple[Metric, Window, bool, int | None]:
    """Metric, window, whether the change is meant, decimals: '{variance at 14:15}' is the check-in that ends then."""
    metric = next((each for each in deployment.metrics if each.id == id), None)
    if metric is None:
        near = get_close_matches(id, [each.id for each in deployment.metrics], 1)
        raise ValueError(f"{id!r} is not a metric here" + (f"; did you mean {near[0]!r}?" if near else ""))
    decimals = None
    if words and re.fullmatch(r"\.\d", words[-1]):
        decimals = int(words.pop()[1:])
    change = "change" in words[:1]
    rest = " ".join(words[1:] if change else words)
    if not rest:
        return metric, deployment.window, change, decimals
    if rest in ("baseline", "before"):
        if deployment.baseline is None:
            raise ValueError("there is no baseline")
        return metric, deployment.baseline, change, decimals
    if after := re.fullmatch(r"(?:at )?\+(\w+)", rest):
        return metric, deployment.checkpoint_window(parse_length(after[1])), change, decimals
    if rest.startswith("at "):
        end = parse_instant(rest[3:], deployment.zone, deployment.day)
        every = deployment.checkins.every
        return metric, Window(start=max(deployment.window.start, end - every), end=end), change, decimals
    return metric, parse_window(rest, deployment.zone, deployment.day), change, decimals


def texts(facts: Facts) -> Iterator[str]:
    """Every text that people wrote."""
    for entry in facts.entries:
        yield entry.text
    yield from strings(facts.records)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, Iterable):
        for each in value:
            yield from strings(each)
