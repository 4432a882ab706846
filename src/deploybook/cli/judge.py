"""`deploybook judge`: the table, the reasons, the exit code. It never writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ..errors import SourceError
from ..facts import Facts, document
from ..model import CheckpointResult, Data, Verdict
from ..times import iso, parse_length
from .common import State, exit_code, json_option, print_json, read_as, tell, verb

if TYPE_CHECKING:
    from ..book import Book
    from ..records import Workspace

EVERY = 15.0  # seconds between two looks: a usual scrape
TOLD = ("pass", "warn", "fail")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look; facts are pending before the time. failed: sources that did not answer."""

    facts: Facts
    failed: tuple[SourceError, ...] = ()

    @property
    def told(self) -> bool:
        return self.facts.verdict.value in TOLD


@verb("judge")
@click.option("--after", metavar="LENGTH", help="Only this checkpoint, such as 24h.")
@click.option("--wait", metavar="LENGTH", help="Ask the sources again until it can be told, so long at most: 15m.")
@json_option
@click.option("-v", "--verbose", is_flag=True, help="The reason of every metric, also of those that pass.")
def command(state: State, after: str | None, wait: str | None, as_json: bool, verbose: bool) -> int:
    """Judge the deployment window and every checkpoint for which there is data."""
    from .table import judgement_table

    workspace = state.open()
    slug = state.slug(workspace)
    if wait is None:
        look = look_at(workspace, slug, after, state.time, ask=False)
    else:
        with read_as("--wait"):
            seconds = parse_length(wait).total_seconds()
        look = waited(lambda: look_at(workspace, slug, after, state.time, ask=True), seconds)
    for error in look.failed:
        tell(str(error))
    if as_json:
        print_json(document(look.facts))
    elif look.facts.verdict.value == "pending":
        tell(f"{slug}: {look.facts.sentence}")
    else:
        judgement_table(look.facts, verbose=verbose)
    return 1 if look.failed and not look.told else exit_code(look.facts.verdict)


def waited(
    look: Callable[[], Look],
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Look:
    """The first look that tells pass, warn or fail, or the last one before the time is up."""
    until = clock() + seconds
    found = look()
    while not found.told and (left := until - clock()) > 0:
        pause(min(EVERY, left))
        found = look()
    return found


def look_at(workspace: Workspace, slug: str, after: str | None, now: datetime, *, ask: bool) -> Look:
    """Judges once. ask: the sources are asked too, in memory; otherwise what is stored counts."""
    from ..book import Book

    book = Book.open(slug, after, workspace=workspace.root, as_of=None, now=now)
    deployment = book.deployment
    due = deployment.closes if book.closing else deployment.due(book.after) if book.after else deployment.end
    if due > now:
        return Look(facts=pending(book, due))
    if not ask:
        return Look(facts=book.facts)
    data, failed = asked(book, now)
    book = Book.open(slug, after, workspace=workspace.root, as_of=None, now=now, data=data)
    return Look(facts=book.facts, failed=failed)


def pending(book: Book, due: datetime) -> Facts:
    """What there is to say before the time: nothing is judged, and when it can be."""
    deployment = book.deployment
    later = () if book.after else deployment.checkpoints.after
    return Facts(
        deployment=deployment,
        as_of=due,
        after=book.after,
        verdict=Verdict.PENDING,
        sentence=f"not due before {iso(due)}; nothing to judge yet",
        checkpoints=tuple(
            CheckpointResult(after=after, due=deployment.due(after), verdict=Verdict.PENDING) for after in later
        ),
    )


def asked(book: Book, now: datetime) -> tuple[Data, tuple[SourceError, ...]]:
    """What is stored together with what the sources have by now; nothing is written."""
    from .. import exports
    from ..book.load import names_needed, pull

    deployment, folder = book.deployment, book.folder
    pulled, failed = pull(deployment, folder, now=now, environ=os.environ)
    return exports.combine(exports.load(folder / "exports", names_needed(deployment)), pulled), tuple(failed)
