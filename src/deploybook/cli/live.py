"""`check --live` on a terminal and as JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .common import State, print_json

if TYPE_CHECKING:
    from ..book.live import Live, Reading

COLUMNS = ("Metric", "Series", "Now", "Baseline", "Samples", "Requests", "Can tell", "Buckets at target", "")


def live(state: State, as_json: bool) -> int:
    """Asks the sources; 0, 1 where one did not answer, 5 where a metric has no data."""
    from .. import __version__
    from ..book.live import look
    from ..records import read_deployment

    workspace = state.open()
    deployment = read_deployment(workspace, state.slug(workspace))
    by_clock = state.now is None
    found = look(workspace, deployment, now=state.time, environ=os.environ, tool=__version__, by_clock=by_clock)
    print_json(document(found)) if as_json else table(found)
    return 1 if found.failed else 0 if all(each.has_data for each in found.readings) else 5


def table(found: Live) -> None:
    """The metrics, then what a person has to do, then everything else."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=160)
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(COLUMNS):
        shown.add_column(name, no_wrap=True, justify="right" if 0 < number < 6 else "left")
    for each in found.readings:
        word, colour = (
            ("ok", "green") if not each.wrong else ("look", "yellow") if each.has_data else ("no data", "magenta")
        )
        shown.add_row(*cells(each), Text(word, style=colour))
    console.print(shown)
    for each in found.readings:
        for text in each.wrong:
            console.print(Text(f"look: {each.metric.id}: {text}"))
    for line in sorted(found.lines, key=lambda line: line.ok):
        console.print(Text(f"{'ok' if line.ok else 'look'}: {line.what}: {line.text}"))


def cells(reading: Reading) -> list[str]:
    from .. import wording
    from ..times import length_text

    metric, before = reading.metric, reading.baseline
    seen = (before or reading.now).coverage
    traffic = (before or reading.now).traffic
    return [
        metric.id,
        str(reading.series),
        wording.value_text(metric, reading.now.value),
        wording.value_text(metric, before.value) if before else "not over",
        f"{seen.found} of {seen.expected}",
        wording.rounded(traffic, 0) if traffic else "",
        ", ".join(f"{length_text(one.length)} {one.size}" for one in reading.tells),
        f"{' to '.join(f'{edge:g}' for edge in reading.edges)} {metric.unit}" if reading.edges else "",
    ]


def document(found: Live) -> dict[str, Any]:
    metrics = []
    for each in found.readings:
        before = each.baseline
        metrics.append(
            {
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
                "wrong": list(each.wrong),
            }
        )
    lines = [{"what": line.what, "ok": line.ok, "text": line.text} for line in found.lines]
    return {"schema": "deploybook.live/1", "deployment": found.deployment.slug, "metrics": metrics, "lines": lines}
