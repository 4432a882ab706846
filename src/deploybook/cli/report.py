"""`deploybook report`: pull what is missing, run the notebooks of whatever changed, write the pages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__, wording
from ..errors import DeploybookError, SourceError, UsageProblem
from ..model import Verdict
from ..records import Workspace, read_deployment
from ..records import slugs as known_slugs
from ..times import iso, local_day
from .common import CODES, State, build_site, exit_code, json_option, open_log, print_document, tell, verb, worst_code

if TYPE_CHECKING:
    from ..book import Book
    from ..report import Made
    from ..report.unchanged import Kept


@verb("report")
@click.option(
    "--after", metavar="LENGTH", help="Only the report of this checkpoint, such as 24h; 'window' for the window's."
)
@click.option("--day", metavar="DAY", help="The daily report of this day over all deployments, such as 2025-01-22.")
@click.option("--all", "every", is_flag=True, help="Every deployment of the workspace.")
@click.option("--from", "first", metavar="DAY", help="Every deployment whose window lies on this day or later.")
@click.option("--to", "last", metavar="DAY", help="Every deployment whose window lies on this day or earlier.")
@click.option("--force", is_flag=True, help="Also those of which nothing changed.")
@click.option("--why", is_flag=True, help="Say of each why it was run, or that nothing changed.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="So many at once; by default one a core.")
@click.option("--keep-going", is_flag=True, help="Make the others where one fails.")
@click.option("--executor", type=click.Choice(["local", "dask"]), default="local", show_default=True)
@click.option("--scheduler", metavar="URL", help="The Dask cluster that runs the notebooks, tcp://host:port.")
@click.option(
    "--isolation", type=click.Choice(["fork", "process"]), default="fork", show_default=True, help="How notebooks run."
)
@click.option("--by", metavar="NAME", default="", help="Who makes a published report again, for the evidence log.")
@click.option("--reason", metavar="TEXT", default="", help="Why it is made again.")
@click.option("--no-pull", is_flag=True, help="Use the exports as they are.")
@click.option("--open", "show", is_flag=True, help="Build the site and open the page in the browser.")
@json_option
def command(state: State, **options: Any) -> int:
    """Write the reports of a deployment: its window and every checkpoint that is due. What is unchanged is skipped."""
    workspace, now = state.open(), state.time
    if (options["executor"] == "dask") != bool(options["scheduler"]):
        raise UsageProblem("--executor dask and --scheduler tcp://host:port go together; write both")
    many = bool(options["every"] or options["first"] or options["last"])
    if options["after"] == "":
        raise UsageProblem("--after: an empty text is no checkpoint; write one such as 24h, or window")
    if many and state.deployment:
        raise UsageProblem("-d names one deployment, and --all, --from and --to choose several; write one of the two")
    if options["day"]:
        if many or options["after"]:
            raise UsageProblem("--day is about all deployments of one day; leave --all, --from, --to and --after out")
        return daily(workspace, now, options)
    slugs = between(workspace, options["first"], options["last"]) if many else [state.slug(workspace)]
    round = Round(workspace=workspace, slugs=slugs, now=now, many=many, options=options)
    for _ in round.made():
        pass
    if options["as_json"]:
        print_document("made", reports=round.reports)
    if options["show"] and round.reports:
        open_page(workspace, "reports/index.md" if many else round.reports[0]["path"], now)
    return worst_code(round.codes)


def between(workspace: Workspace, first: str | None, last: str | None) -> list[str]:
    """
    The deployments whose windows lie inside the days, both included and local, and those that cannot be read, which are
    told when it is their turn; without days all there are.
    """
    start, end = day_of("--from", first, date.min), day_of("--to", last, date.max)
    found = []
    for slug in known_slugs(workspace):
        with suppress(DeploybookError):
            one = read_deployment(workspace, slug) if first or last else None
            if one and not start <= local_day(one.window.start, one.zone) <= local_day(one.window.end, one.zone) <= end:
                continue
        found.append(slug)
    if not found:
        raise UsageProblem("no deployment to report on; 'deploybook status --all' lists what there is")
    return found


def day_of(option: str, text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise UsageProblem(f"{option}: {text!r} is no day; write '2025-01-22'") from None


@dataclass(kw_only=True)
class Round:
    """One call over some deployments. reports: each as the JSON document tells it; codes: every exit code there was."""

    workspace: Workspace
    slugs: list[str]
    now: datetime
    many: bool
    options: dict[str, Any]
    reports: list[dict[str, Any]] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    causes: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def made(self) -> Iterator[Made]:
        """Each report as it is ready; the log is opened only where there is one to make."""
        books = self.books()
        first = next(books, None)
        if first is None:
            return
        from ..report import make_many

        books = chain([first], books)
        log = open_log(self.workspace, make_key=True)
        some = {name: self.options[name] for name in ("isolation", "by", "reason", "keep_going")}
        execute, workers = self.executor()
        for one in make_many(books, log=log, now=self.now, workers=workers, execute=execute, **some):
            if one.problem and not self.many:
                raise one.problem
            self.say_made(one)
            yield one

    def executor(self) -> tuple[Any, int | None]:
        """What runs the notebooks, None for this machine, and how many at once."""
        jobs, scheduler = self.options["jobs"], self.options["scheduler"]
        if not scheduler:
            return None, jobs
        from ..run.cluster import on_cluster

        execute, workers = on_cluster(scheduler)
        return execute, jobs or workers

    def books(self) -> Iterator[Book]:
        """What has to be made; what is unchanged is told. A deployment that cannot be read is told, or raised."""
        from ..report.unchanged import Ground

        ground = Ground.of(self.workspace)
        for number, slug in enumerate(self.slugs):
            self.show_progress(number)
            try:
                yield from self.books_of(slug, ground)
            except DeploybookError as problem:
                if not self.many:
                    raise
                tell(f"{slug}: {problem}")
                self.codes.add(problem.exit_code)
                if not self.options["keep_going"]:
                    return
        self.show_progress(None)

    def books_of(self, slug: str, ground: Any) -> Iterator[Book]:
        from ..report import kind_of, parameters_of
        from ..report.keep import scope_of
        from ..report.unchanged import Kept

        kept, after, force = Kept.read(ground, slug), self.options["after"], self.options["force"]
        has_new = not self.options["no_pull"] and kept.needs_pull(self.now)
        if not force and not has_new:
            scopes = kept.scopes(self.now) if after is None else ["window" if after == "window" else f"after-{after}"]
            same = kept.all_unchanged(scopes) if scopes is not None else None
            if same is not None:
                for told in same:
                    self.say_unchanged(slug, told)
                return
        if has_new:
            failed = pull(self.workspace, slug, self.now)
            kept.pulled(read_deployment(self.workspace, slug), self.now, failed=bool(failed))
        for book in self.due(slug, kept):
            notebook = self.workspace.root / "notebooks" / f"{kind_of(book)}.ipynb"
            causes = kept.why(scope_of(book), kept.key_of(book, notebook, parameters_of(book)))
            if not causes and not force:
                self.say_unchanged(slug, kept.said["reports"][scope_of(book)])
                continue
            self.causes[slug, scope_of(book)] = causes or ["--force"]
            yield book

    def due(self, slug: str, kept: Kept) -> list[Book]:
        """The book of the window and of each checkpoint that is due and that the data reach; or the one asked for."""
        from ..book import Book
        from ..report.keep import scope_of

        after, root = self.options["after"], self.workspace.root
        window = Book.open(slug, workspace=root)
        deployment = window.deployment
        if after not in (None, "window"):
            one = Book.open(slug, after, workspace=root)
            due = deployment.due(one.after) if one.after else deployment.closes
            if due > self.now:
                raise UsageProblem(f"{slug}: +{after} is not due before {iso(due)}")
            return [one]
        if deployment.end > self.now:
            if self.many:
                tell(f"{slug}: the window ends at {iso(deployment.end)}")
                return []
            raise UsageProblem(f"{slug}: the window ends at {iso(deployment.end)}; there is nothing to report yet")
        if after == "window":
            return [window]
        from ..assess import data_until, reached

        data = reached(deployment, data_until(deployment, window.data))
        every = deployment.checkpoints.after
        books = [Book.open(slug, each, workspace=root) for each in every if deployment.due(each) <= min(data, self.now)]
        books.insert(0, Book.open(slug, workspace=root))  # without the data, which each loads when it is its turn
        later = [deployment.due(each) for each in every if self.now < deployment.due(each) <= data]
        kept.write(scopes=[scope_of(book) for book in books], next=iso(min(later)) if later else "")
        return books

    # --- what is said

    def say_made(self, one: Made) -> None:
        code = one.problem.exit_code if one.problem else exit_code(one.verdict)
        scope = ("after-" if one.after and one.after != "closing" else "") + (one.after or "window")
        causes = self.causes.get((one.deployment, scope), [])
        about = {"deployment": one.deployment, "after": one.after or None, "path": one.path}
        self.say(code, causes, **about, verdict=one.verdict.value, changed=one.changed, why=one.why)

    def say_unchanged(self, slug: str, told: dict[str, Any]) -> None:
        after, verdict = told["parameters"].get("after"), told["verdict"]
        about = {"deployment": slug, "after": after, "path": told["path"], "verdict": verdict}
        self.say(CODES[verdict], ["nothing it is made from changed"], **about, changed=False, why="unchanged")

    def say(self, code: int, causes: list[str], **report: Any) -> None:
        self.reports.append({**report, "causes": causes})
        self.codes.add(code)
        if self.options["as_json"]:
            return
        self.show_progress(None)
        more = f"; and {len(causes) - 5} more" if len(causes) > 5 else ""
        because = f" ({'; '.join(causes[:5])}{more})" if self.options["why"] else ""
        click.echo(f"{report['path']}: {said(report['verdict'])}, {report['why']}{because}")

    def show_progress(self, number: int | None) -> None:
        """On a terminal one line that is written over; None clears it."""
        if self.many and sys.stderr.isatty():
            line = f"deployment {(number or 0) + 1} of {len(self.slugs)}, {len(self.reports)} reports"
            click.echo(f"\r{'' if number is None else line}\033[K", nl=False, err=True)


def daily(workspace: Workspace, now: datetime, options: dict[str, Any]) -> int:
    from ..book.day import Day
    from ..report.daily import make

    one = Day.open(options["day"], workspace=workspace.root)
    if one.day > local_day(now, one.zone):
        raise UsageProblem(f"--day: {one.day} has not begun; there is nothing to report yet")
    log, some = open_log(workspace, make_key=True), {name: options[name] for name in ("isolation", "force")}
    path, changed = make(one, log=log, now=now, **some)
    shown, verdict, why = workspace.shown(path), one.verdict.value, "new" if changed else "nothing new"
    if options["as_json"]:
        about = {"day": one.day.isoformat(), "path": shown, "verdict": verdict}
        print_document("made", reports=[{**about, "changed": changed, "why": why}])
    else:
        click.echo(f"{shown}: {said(verdict)}, {why}")
    if options["show"]:
        open_page(workspace, shown, now)
    return exit_code(one.verdict)


def said(verdict: str) -> str:
    """As the pages say it, within a line: watch, no data."""
    return wording.word(Verdict(verdict)).lower()


def open_page(workspace: Workspace, path: str, now: datetime) -> None:
    """Builds the site and opens the page; where there is no display or no browser it says where the page is."""
    import webbrowser

    site = build_site(workspace, open_log(workspace, make_key=True), now).site
    page = site / Path(path).relative_to("reports").with_suffix(".html")
    windows = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not windows or not webbrowser.open(page.resolve().as_uri()):
        tell(f"no browser can be opened here; the page is {page}")


def pull(workspace: Workspace, slug: str, now: datetime) -> list[SourceError]:
    """Pulls what the sources have; one that gave nothing, or not all, is told and given back; the others are read all the same."""
    from .. import exports
    from ..book import load
    from ..book.credentials import guard

    deployment = read_deployment(workspace, slug)
    folder = workspace.folder(slug)
    pulled, failed = load.pull(deployment, folder, now=now, environ=os.environ)
    failed += [SourceError(one.failure, source=one.source) for one in pulled if one.failure]
    for error in failed:
        tell(str(error))
    exports.store(folder / "exports", pulled, tool=__version__, check=guard(workspace.root, os.environ))
    return failed
