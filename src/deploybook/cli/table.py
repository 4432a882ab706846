"""Facts on a terminal: a table that a person reads in ten seconds."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from .. import wording
from ..facts import Facts
from ..model import Judgement, Verdict
from ..sections.metrics import own_window, threshold
from ..sections.say import doubt
from ..sections.summary import headlined
from ..sections.text import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

NUMBERS = ("Value", "Baseline", "Delta", "Threshold")
LONGEST = 48  # of a title in the table; the rest of a row matters more
COLOURS = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.NO_DATA: "magenta",
    Verdict.FAIL: "bold red",
}


def console_of(width: int = 140) -> Console:
    """The terminal; elsewhere plain lines as wide as a table needs."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=width)


def table_of(columns: Iterable[str], *, numbers: Container[str], wraps: str | None = None) -> Table:
    """An empty table: names of columns, those of numbers to the right; wraps: the one that takes several lines."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=name != wraps)
    return table


def judgement_table(facts: Facts, *, verbose: bool = False) -> None:
    """Prints the table, the checkpoints, the findings and the one word."""
    from rich.text import Text

    console, deployment = console_of(), facts.deployment

    def say(text: str) -> None:
        console.print(Text(f"{' ' * (len(text) - len(text.lstrip()))}{plain(text).strip()}"))

    what = f"+{wording.after_text(facts.after).lstrip('+')} checkpoint" if facts.after else "deployment window"
    looked_at = facts.metrics[0].now.window if facts.metrics else deployment.window
    say(f"{deployment}, {what}, {wording.window_text(looked_at, deployment.zone, year=True)}")
    table = table_of(("Metric", *NUMBERS, "90 % interval", "Status"), numbers=NUMBERS, wraps="90 % interval")
    for judgement in facts.metrics:
        table.add_row(*row(facts, judgement), word(judgement.verdict, judgement.strength))
    console.print(table)
    for judgement in facts.metrics:
        if verbose or judgement.verdict is not Verdict.PASS:
            say(f"  {judgement.metric.title}: {judgement.reason}")
    for checkpoint in facts.checkpoints:
        line = Text(f"{wording.after_text(checkpoint.after)}  {wording.local_full(checkpoint.due, deployment.zone)}  ")
        console.print(line.append_text(word(checkpoint.verdict)).append(f"  {plain(checkpoint.reason)}"))
    for finding in facts.findings:
        say(f"{'Watch' if finding.severity == 'warn' else 'Note'}: {finding.text}")
    console.print(
        Text.assemble((wording.word(facts.verdict), COLOURS.get(facts.verdict, "")), f": {plain(facts.sentence)}")
    )


def row(facts: Facts, judgement: Judgement) -> list[str]:
    metric, shown = judgement.metric, headlined(judgement)
    if metric.show_change:
        value = "no data" if shown.figure is None else wording.percent(shown.figure)
        baseline = delta = ""
    else:
        value = wording.value_text(metric, shown.now.value)
        baseline = wording.value_text(metric, shown.baseline.value) if shown.baseline else ""
        delta = wording.delta_text(metric, judgement.delta)
    title = plain(metric.title if len(metric.title) <= LONGEST else f"{metric.title[: LONGEST - 1]}…")
    title += f", {window}" if (window := own_window(facts, judgement)) else ""
    return [title, value, baseline, delta, threshold(judgement), doubt(shown)]


def word(verdict: Verdict, strength: str | None = None) -> Text:
    from rich.text import Text

    text = wording.word(verdict) + (" (provisional)" if strength == "provisional" else "")
    return Text(text, style=COLOURS.get(verdict, ""))
