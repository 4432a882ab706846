"""The daily report: one day over all deployments, from notebooks/daily.ipynb."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from .. import run, wording
from ..book.day import Day
from ..errors import UsageProblem
from ..evidence import Log, statement
from ..register import document
from ..sections.markup import crumbs
from ..sections.page import Ask, PageFacts, write_page_facts
from ..sections.text import front_matter, inert
from ..times import at_clock
from . import page
from .keep import ACTOR, digest_of, environment_digest


def page_path(day: Day) -> Path:
    """reports/2025/01/daily/2025-01-22, without its ending."""
    return day.workspace.root / "reports" / f"{day.day:%Y}" / f"{day.day:%m}" / "daily" / day.day.isoformat()


def make(
    day: Day,
    *,
    log: Log,
    now: datetime,
    isolation: Literal["fork", "process"] = "fork",
    late: timedelta | None = None,
) -> tuple[Path, bool]:
    """
    The page of the day and whether anything on it is new. late: how long after its time it is made, for the log.

    Raises NotebookFailed where the notebook did not run to its end: the page that was there stays.
    """
    source = day.workspace.root / "notebooks" / "daily.ipynb"
    if not source.is_file():
        raise UsageProblem(f"{day.workspace.shown(source)} is missing; 'deploybook init' puts a fresh one there")
    place = page_path(day)
    with tempfile.TemporaryDirectory(prefix="deploybook-") as scratch:
        executed = Path(scratch) / "daily.ipynb"
        result = run.execute(
            source,
            executed,
            {"day": day.day.isoformat()},
            cwd=day.workspace.root,
            isolation=isolation,
            environment={"DEPLOYBOOK_WORKSPACE": str(day.workspace.root)},
        ).check()
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
        files = outputs(day, page.body_of(cells), place)
        scope = f"daily-{day.day}"
        recorded = any(entry.predicate.get("scope") == scope for entry in log.entries("verdict"))
        if recorded and not page.changed(files):
            return place.with_suffix(".md"), False
        page.write(files, log.gate)
        subjects = {path.name: log.put(text.encode(), path.suffix[1:]) for path, text in files.items()}
        entry = statement.run(
            {"executed.ipynb": log.put(executed, "ipynb"), **subjects},
            deployment="daily",
            ticket="",
            actor=ACTOR,
            notebook=result.digest,
            parameters=digest_of(dict(result.parameters)),
            environment=environment_digest(),
            scope=scope,
        )
        word = statement.verdict(
            {name: held for name, held in subjects.items() if name.endswith(".json")},
            deployment="",
            ticket="",
            actor=ACTOR,
            scope=scope,
            verdict=day.verdict.value,
            metrics={facts.deployment.slug: facts.verdict.value for facts in day.facts},
            configuration=digest_of([facts.deployment.slug for facts in day.facts]),
            late_seconds=None if late is None else round(late.total_seconds()),
        )
        log.append([entry, word], now)
    return place.with_suffix(".md"), True


def outputs(day: Day, body: str, place: Path) -> dict[Path, str]:
    said = page_facts(day)
    way = crumbs([("Today", "../../../index.html"), ("Reports", "../../../archive/index.html")])
    parts = [
        front_matter(said.title, f"{said.word}: {said.sentence}", hide=["navigation"]),
        str(way),
        f"# {inert(said.title)}",
        body,
    ]
    text = "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
    return {
        place.with_name(f"{place.name}.md"): text,
        place.with_name(f"{place.name}.page.json"): write_page_facts(said),
    }


def page_facts(day: Day) -> PageFacts:
    title = wording.day_text(day.day, year=True, weekday=True)
    known = [facts.data_until for facts in day.facts if facts.data_until]
    return PageFacts(
        kind="daily",
        title=title,
        deployment="",
        name="Daily report",
        zone=day.zone.key,
        start=at_clock(day.day, "00:00", day.zone),
        end=day.end,
        observed_until=day.end,
        as_of=day.end,
        data_until=max(known, default=None),
        word=wording.word(day.verdict),
        sentence=day.sentence,
        asks=tuple(
            Ask(word=wording.word(facts.verdict), text=facts.deployment.title, note=facts.sentence)
            for facts in day.facts
            if facts.verdict.value not in ("pass", "pending", "not_applicable")
        ),
        registers={
            kept.slug: tuple(
                document(one.line, day.end, kept.zone) | {"change": one.change, "fields": one.fields}
                for one in kept.compared
            )
            for kept in day.registers
        },
    )
