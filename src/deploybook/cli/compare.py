"""`deploybook compare`: two reports side by side on the terminal."""

from __future__ import annotations

from typing import Any

import click

from .. import wording
from ..model import Verdict
from ..publish.compare import Report, compare, read_report
from ..records import slugs
from .common import State, json_option, print_json, verb
from .table import console_of, table_of

MOST = 40  # lines of text or code that a terminal is given without --all


@verb("compare")
@click.argument("one")
@click.argument("other")
@click.option("--all", "every", is_flag=True, help="Every line that differs, however many.")
@json_option
def command(state: State, one: str, other: str, every: bool, as_json: bool) -> int:
    """
    Show what differs between two reports: figures, settings, text, code.

    A report is SLUG for its window, SLUG@24h for a checkpoint, SLUG@closing; of the deployment you stand in also 24h alone.
    """
    found = compare(opened(state, one), opened(state, other))
    if as_json:
        print_json(found)
    else:
        show(found, None if every else MOST)
    return 0


def opened(state: State, name: str) -> Report:
    workspace = state.open()
    slug, mark, scope = name.partition("@")
    if not mark and name not in slugs(workspace):
        slug, scope = state.slug(workspace), name
    return read_report(workspace.root / "reports", slug, scope.removeprefix("+") if scope != "window" else "")


def show(found: dict[str, Any], most: int | None) -> None:
    console = console_of()
    console.print(f"{found['one']} against {found['other']}", markup=False)
    if found["same"]:
        console.print("Nothing differs.")
        return
    numbers = (*(found[side].partition("@")[2] for side in ("one", "other")), "Step")
    table = table_of(("Metric", *numbers, "Status", "Settings"), numbers=numbers, wraps="Settings")
    for each in found["metrics"]:
        table.add_row(*row(each))
    console.print(table)
    for name, (a, b) in found["parameters"].items():
        console.print(f"parameter {name}: {a} → {b}", markup=False)
    for title, lines in (("text", found["text"]), *((f"cell {id}", lines) for id, lines in found["code"].items())):
        if lines:
            console.print(f"{title}: {len(lines)} lines differ", markup=False)
            for line in lines[:most]:
                console.print(f"  {line}", markup=False)
            if most is not None and len(lines) > most:
                console.print(f"  … {len(lines) - most} more; --all shows them")


def row(each: dict[str, Any]) -> list[str]:

    def text(value: float | None) -> str:
        if value is None:
            return "–"
        if each["unit"] == "1":
            return wording.percent(value)
        return wording.with_unit(f"{value:.6g}".replace("-", wording.MINUS), each["unit"] or "")

    words = [wording.word(Verdict(word)) if word else "–" for word in each["verdict"]]
    absolute, relative = each["step"]["absolute"], each["step"]["relative"]
    step = "" if relative is None else wording.percent(relative)
    if absolute is not None and each["unit"] in ("1", "%"):
        step = wording.points(absolute * (100 if each["unit"] == "1" else 1))
    settings = ", ".join(f"{name}: {a} → {b}" for name, (a, b) in each["settings"].items())
    return [
        each["id"],
        *map(text, each["value"]),
        step,
        words[0] if words[0] == words[1] else " → ".join(words),
        settings,
    ]
