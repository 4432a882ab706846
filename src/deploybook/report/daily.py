"""The daily report: one day over all deployments, from notebooks/daily.ipynb."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from .. import run, wording
from ..book.day import Day
from ..errors import UsageProblem
from ..evidence import Log, extension, statement
from ..register import document
from ..run.key import stamps
from ..sections.markup import doors
from ..sections.page import Ask, PageFacts, write_page_facts
from ..times import at_clock
from . import failure, page
from .keep import ACTOR, attempt_of, digest_of, run_of
from .unchanged import Ground, Kept

ABOUT: dict[str, Any] = {"deployment": "daily", "ticket": "", "actor": ACTOR}


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
    force: bool = False,
) -> tuple[Path, bool]:
    """
    The page of the day and whether anything on it is new. late: how long after its time it is made, for the log.
    force: runs the notebook also where nothing changed that it follows from.

    Raises NotebookFailed where the notebook did not run to its end: the page says so, the last good one stays beside it.
    """
    root, place, scope = day.workspace.root, page_path(day), f"daily-{day.day}"
    source, parameters = root / "notebooks" / "daily.ipynb", {"day": day.day.isoformat()}
    if not source.is_file():
        raise UsageProblem(f"{day.workspace.shown(source)} is missing; 'deploybook init' puts a fresh one there")
    kept = Kept.read(Ground.of(day.workspace), "daily")
    key = kept.key_of_day(source, parameters, day)
    if not force and not kept.why(scope, key):
        return place.with_suffix(".md"), False
    said = page_facts(day)  # what is wrong with files and data is told before a kernel starts
    with tempfile.TemporaryDirectory(prefix="deploybook-") as scratch:
        executed = Path(scratch) / "daily.ipynb"
        environment = {"DEPLOYBOOK_WORKSPACE": str(root)}
        result = run.execute(source, executed, parameters, cwd=root, isolation=isolation, environment=environment)
        if not result.ok:
            kept.remember(scope)
            left = failure.keep(said, place, executed, result, log=log, now=now, about=ABOUT, scope=scope)
            replace(result, notebook=left).check()
        notebook = executed.read_text(encoding="utf-8")
        files = outputs(day, page.body_of(json.loads(notebook)["cells"]), place, notebook)
        recorded = any(entry.predicate.get("scope") == scope for entry in log.entries("verdict"))
        is_new = not recorded or page.changed(files)
        if is_new:
            page.write(files, log.gate)
            failure.clear(place)
            record(log, day, files, executed, result, now=now, late=late)
    kept.remember(scope, key=key, pages=stamps(files, root), entries=log.head().size)
    return place.with_suffix(".md"), is_new


def record(
    log: Log,
    day: Day,
    files: Mapping[Path, str],
    executed: Path,
    result: run.RunResult,
    *,
    now: datetime,
    late: timedelta | None,
) -> None:
    scope = f"daily-{day.day}"
    subjects = {path.name: log.put(text.encode(), extension(path.name)) for path, text in files.items()}
    attempt = attempt_of(log, ABOUT["deployment"], scope)
    entry = run_of(ABOUT, scope, {"executed.ipynb": log.put(executed, "ipynb"), **subjects}, result, attempt=attempt)
    word = statement.verdict(
        {name: held for name, held in subjects.items() if name.endswith(".json")},
        **{**ABOUT, "deployment": ""},
        scope=scope,
        verdict=day.verdict.value,
        metrics={facts.deployment.slug: facts.verdict.value for facts in day.facts},
        configuration=digest_of([facts.deployment.slug for facts in day.facts]),
        late_seconds=None if late is None else round(late.total_seconds()),
    )
    log.append([entry, word], now)


def outputs(day: Day, body: str, place: Path, notebook: str = "") -> dict[Path, str]:
    """Every file of the page and its text. notebook: the executed one, kept with a page of its own."""
    said, files = page_facts(day), dict[Path, str]()
    if notebook:
        body += f"\n\n{doors([('Notebook behind this page', f'{place.name}-notebook.html')])}"
        way = [*page.WAY, (said.title, f"{place.name}.html")]
        files[place.with_name(f"{place.name}-notebook.md")] = page.notebook_page(said, way, notebook, place.name)
        files[place.with_name(f"{place.name}.ipynb")] = notebook
    return {
        place.with_name(f"{place.name}.md"): page.framed(said, said.title, page.WAY, body),
        place.with_name(f"{place.name}.page.json"): write_page_facts(said),
        **files,
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
