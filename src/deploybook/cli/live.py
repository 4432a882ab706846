"""`check --live` on a terminal and as JSON."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from .. import __version__, wording
from ..facts import number, span
from ..times import length_text
from .common import State, print_document
from .table import console_of, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from ..book.crosscheck import Checked
    from ..book.live import Live, Reading

FIGURES = ("Metric", "Figure", "Ours", "Server", "Difference", "Relative", "")
COLOURS = {"equal": "green", "differs": "yellow", "not answered": "magenta", "not comparable": "dim"}
COLUMNS = ("Metric", "Series", "Now", "Baseline", "Samples", "Requests", "Can tell", "Buckets at target", "")


def live(state: State, as_json: bool) -> int:
    """Asks the sources; 0, 1 where one did not answer, 5 where a metric has no data."""
    from ..book.live import look

    workspace, deployment = state.chosen()
    by_clock = state.now is None
    found = look(workspace, deployment, now=state.time, environ=os.environ, tool=__version__, by_clock=by_clock)
    print_document("live", **document(found)) if as_json else table(found)
    return 1 if found.failed else 0 if all(each.has_data for each in found.readings) else 5


def table(found: Live) -> None:
    """What went wrong, the metrics, what a person has to do, everything else, and the stored figures."""
    from rich.text import Text

    console = console_of(160)
    for line in found.lines:
        if not line.ok:
            console.print(Text(f"look: {line.what}: {line.text}"))
    shown = table_of(COLUMNS, numbers=COLUMNS[1:6])
    for each in found.readings:
        shown.add_row(*cells(each, found), Text(*word_of(each)))
    console.print(shown)
    for each in found.readings:
        for text in each.wrong:
            console.print(Text(f"look: {each.metric.id}: {text}"))
    for line in found.lines:
        if line.ok:
            console.print(Text(f"ok: {line.what}: {line.text}"))
    if found.figures:
        table_of_figures(console, found)


def word_of(reading: Reading) -> tuple[str, str]:
    """The word and its colour."""
    if reading.has_data:
        return ("look", "yellow") if reading.wrong else ("ok", "green")
    return ("no data" if reading.asked else "not asked", "magenta")


def table_of_figures(console: Console, found: Live) -> None:
    """Each stored figure beside the server's; why not, below, where many have the same reason."""
    from rich.text import Text

    from ..book.crosscheck import TOLERANCE

    shown = table_of(FIGURES, numbers=FIGURES[2:6])
    words: Counter[str] = Counter(each.word for each in found.figures)
    reasons = Counter((each.word, each.reason) for each in found.figures if each.reason)
    for each in found.figures:
        shown.add_row(*figure_cells(each, found), Text(each.word, style=COLOURS[each.word]))
    console.print(shown)
    for (word, reason), count in reasons.items():
        console.print(Text(f"{word}: {wording.plural(count, 'figure')}: {reason}"))
    said = ", ".join(f"{words[word]} {word}" for word in COLOURS if words[word])
    console.print(
        f"{wording.plural(len(found.figures), 'stored figure')}: {said} (equal: within {TOLERANCE:g} of its size)"
    )
    if words["differs"]:
        text = "what the server holds, or what was stored, changed since, or rows have a gap; ours stay as they were pulled"
        console.print(Text(f"look: {wording.plural(words['differs'], 'figure')} of another value: {text}"))


def figure_cells(each: Checked, found: Live) -> list[str]:
    figure, server = each.figure, each.server
    labels = "".join(f", {label}={value}" for label, value in figure.labels)
    what = "change" if figure.op.startswith("change_") else figure.metric.statistic
    what = "worst hour" if figure.op == "worst_hour" else what
    return [
        figure.metric.id,
        f"{what}{labels}, {wording.window_text(figure.window, found.deployment.zone)}",
        f"{figure.value:.10g}",
        "" if server is None else f"{server:.10g}",
        "" if each.absolute is None else f"{each.absolute:.3g}",
        "" if each.relative is None else f"{each.relative:.1e}",
    ]


def cells(reading: Reading, found: Live) -> list[str]:
    metric, before = reading.metric, reading.baseline
    seen, traffic = (before or reading.now).coverage, (before or reading.now).traffic
    return [
        metric.id,
        str(reading.series),
        wording.value_text(metric, reading.now.value),
        wording.value_text(metric, before.value) if before else "not over" if found.deployment.baseline else "none",
        f"{seen.found} of {seen.expected}",
        wording.rounded(traffic, 0) if traffic else "",
        ", ".join(f"{length_text(one.length)} {one.size}" for one in reading.tells),
        f"{' to '.join(f'{edge:g}' for edge in reading.edges)} {metric.unit}" if reading.edges else "",
    ]


def document(found: Live) -> dict[str, Any]:
    return {
        "deployment": found.deployment.slug,
        "metrics": [reading_document(each) for each in found.readings],
        "lines": [{"what": line.what, "ok": line.ok, "text": line.text} for line in found.lines],
        "figures": [figure_document(each) for each in found.figures],
    }


def reading_document(each: Reading) -> dict[str, Any]:
    before = each.baseline
    return {
        "id": each.metric.id,
        "series": each.series,
        "unit": each.metric.unit,
        "now": each.now.value,
        "baseline": before.value if before else None,
        "samples": {"found": before.coverage.found, "expected": before.coverage.expected} if before else None,
        "requests": before.traffic if before else None,
        "resolvable": [
            {"seconds": one.length.total_seconds(), "value": one.estimate.resolvable, "of": one.estimate.scale}
            for one in each.tells
        ],
        "buckets": [edge for edge in each.edges if edge != float("inf")],
        "asked": each.asked,
        "wrong": list(each.wrong),
    }


def figure_document(each: Checked) -> dict[str, Any]:
    return {
        "id": each.figure.id,
        "metric": each.figure.metric.id,
        "op": each.figure.op,
        "window": span(each.figure.window),
        "labels": dict(each.figure.labels),
        "unit": each.figure.unit,
        "value": number(each.figure.value),
        "server": number(each.server),
        "difference": {"absolute": number(each.absolute), "relative": number(each.relative)},
        "word": each.word,
        "reason": each.reason,
        "source": each.source,
        "question": each.question,
    }
