"""`deploybook run`: everything that is due, once. Safe every minute, from cron, a timer, CI or by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..duty.health import FOLDER, Health, idle_until, leave_hint, own_folder, size_of, told_next, write_health
from ..errors import DeploybookError, EvidenceBroken, SourceError
from ..times import iso
from ..wording import late_text, local_full
from .common import CODES, State, build_site, json_option, open_log, print_document, tell, tell_broken, verb, worst_code

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ..due import Item
    from ..duty.agenda import Agenda
    from ..evidence import Log
    from ..records import Workspace

PATIENCE = timedelta(hours=1)  # so long a report waits for a source that does not answer; then it is made without
AGAIN = timedelta(minutes=5)  # when something is tried again that the log says nothing of

Say = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of an item: made, failed (our own failure), or it waits for a source. path: of the page."""

    item: Item
    state: Literal["made", "failed", "waits"]
    verdict: str = ""
    path: str = ""
    why: str = ""


@dataclass(kw_only=True)
class Work:
    """One run: what every report of it shares."""

    workspace: Workspace
    log: Log
    now: datetime
    unreached: dict[str, list[SourceError]] = field(default_factory=dict)

    def asked(self, slug: str) -> list[SourceError]:
        """Pulls from the sources of a deployment, once in a run; those that could not be asked."""
        from .report import pull

        if slug not in self.unreached:
            self.unreached[slug] = pull(self.workspace, slug, self.now)
        return self.unreached[slug]


Do = Callable[[Work, "Item"], Made]


@verb("run")
@click.option(
    "--dry-run", is_flag=True, help="Say what is due, write each message to .deploybook/messages/, send none."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing where there was nothing to do.")
@click.option("--textfile", metavar="FILE", help="Write the numbers of the run for Prometheus there.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@json_option
def command(state: State, dry_run: bool, quiet: bool, textfile: str | None, log_format: str, as_json: bool) -> int:
    """Pull, judge, report, publish and tell whatever is due, once; what was missed is caught up in its own window."""
    workspace, now = state.open(), state.time
    say = speaker(log_format, now, silent=as_json)
    if dry_run:
        return rehearse(workspace, now, as_json)
    return run(workspace, now, say=say, quiet=quiet, textfile=Path(textfile) if textfile else None, as_json=as_json)


def run(
    workspace: Workspace,
    now: datetime,
    *,
    do: Do | None = None,
    say: Say | None = None,
    quiet: bool = False,
    textfile: Path | None = None,
    as_json: bool = False,
) -> int:
    """One run over the workspace; `do` makes one report."""
    if idle := idle_until(workspace.root, now):
        return nothing(*idle, now, quiet, as_json)
    from ..duty.agenda import read_agenda, renewed
    from ..duty.lock import alone

    say = say or speaker("text", now, silent=True)
    agenda = read_agenda(workspace, now)
    if not has_work(agenda, now):
        then = after_this(agenda, now)
        if told_next(workspace.root) not in (None, iso_or_empty(then)):
            finish(agenda, [], [], now, textfile)
        leave_hint(workspace.root, then, agenda.zone)
        return tell_broken(agenda) or nothing(then, agenda.zone, now, quiet, as_json)
    own_folder(workspace.root)
    with alone(workspace.root / FOLDER / "run.lock", now) as other:
        if other is not None:
            return told_busy(str(other), as_json, now)
        log = open_log(workspace, make_key=True)
        agenda = renewed(agenda, now, log)  # another may have done it meanwhile
        work = Work(workspace=workspace, log=log, now=now)
        made, failures, left = do_all(work, agenda, do or make_report, say)
        after = renewed(agenda, now, log)
        finish(after, made, failures, now, textfile, left)
        leave_hint(workspace.root, after_this(after, now), agenda.zone)
    if as_json:
        print_document("run", **document(after, made, failures, now))
    codes = {CODES[one.verdict] for one in made if one.verdict} | ({1} if failures else set())
    return worst_code(codes) or tell_broken(agenda)


def do_all(work: Work, agenda: Agenda, do: Do, say: Say) -> tuple[list[Made], list[str], list[str]]:
    """Makes, publishes and tells; what was made, what went wrong, and what nobody took, in words."""
    from ..duty.agenda import renewed
    from ..duty.planned import send_planned
    from ..duty.telling import tell_all

    log, now = work.log, work.now
    made = list(make_all(work, agenda, [item for item in agenda.items if item.ready(now)], do, say))
    failures = publish_new(work, renewed(agenda, now, log), say)
    left = tell_all(renewed(agenda, now, log), log, now, say)
    untold, logged = send_planned(renewed(agenda, now, log), log, now, say, work.asked)
    if pages := [item for item in renewed(agenda, now, log).items if shows_log(item, logged)]:
        made += make_all(work, agenda, pages, do, say)
        failures += publish_new(work, renewed(agenda, now, log), say)
    left += untold
    failures += [f"not told: {each}" for each in left]
    failed = [f"{agenda.subject(one.item)}: {one.why}" for one in made if one.state == "failed"]
    return made, failed + failures, left


def has_work(agenda: Agenda, now: datetime) -> bool:
    from ..duty.planned import standings
    from ..duty.telling import waiting

    ready = any(item.ready(now) for item in agenda.items) or unpublished(agenda) or bool(waiting(agenda, now))
    return ready or any(each.waits for each in standings(agenda, now))


def shows_log(item: Item, logged: Collection[str]) -> bool:
    """Whether it is a report that was made and whose minute log has a line more: a message that was sent, or held."""
    return item.slot.kind == "outcome" and item.state == "done" and item.slot.deployment in logged


def make_all(work: Work, agenda: Agenda, items: Iterable[Item], do: Do, say: Say) -> Iterator[Made]:
    """Each of these reports in turn; one that fails holds up no other."""
    for item in items:
        subject = agenda.subject(item)
        try:
            made = do(work, item)
        except EvidenceBroken:
            raise
        except DeploybookError as error:
            made = Made(item=item, state="failed", why=str(error))
        except Exception as error:  # whatever is wrong with one report: the others are due all the same
            made = Made(item=item, state="failed", why=f"{type(error).__name__}: {error}")
        late = late_text(item.late) if not item.verdict else ""
        if made.state == "made":
            text = f"{subject}: {agenda.word(item, made.verdict)}" + (f", {late}" if late else "")
        else:
            text = f"{subject}: {'not produced' if made.state == 'failed' else 'waits'}: {made.why}"
        say(made.state, text, error=made.state == "failed", scope=item.slot.scope, deployment=item.slot.deployment)
        yield made


def make_report(work: Work, item: Item) -> Made:
    """Pulls, judges, and writes the report of one item for its own window."""
    from ..book import Book
    from ..report import make

    slot, late = item.slot, None if item.verdict else item.late
    if slot.day is not None:
        return make_daily(work, item)
    work.asked(slot.deployment)
    after = "closing" if slot.kind == "closing" else slot.after
    book = Book.open(slot.deployment, after, workspace=work.workspace.root)
    if item.late < PATIENCE and (unreached := missing(work, book, slot.at)):
        return Made(item=item, state="waits", why=unreached)
    made = make(book, log=work.log, now=work.now, late=late)
    if made.verdict.value == "error":
        return Made(item=item, state="failed", path=made.path, why=made.why)
    return Made(item=item, state="made", verdict=made.verdict.value, path=made.path, why=made.why)


def missing(work: Work, book: Any, until: datetime) -> str:
    """Which source did not answer, where the data do not reach the report's time without it."""
    from ..assess import data_until

    failed = work.unreached[book.deployment.slug]
    reached = data_until(book.deployment, book.data)
    if not failed or (reached is not None and reached >= until - timedelta(minutes=2)):
        return ""
    return str(failed[0])


def make_daily(work: Work, item: Item) -> Made:
    from ..book.day import Day
    from ..report.daily import make

    assert item.slot.day is not None
    day = Day.open(item.slot.day, workspace=work.workspace.root)
    path, _ = make(day, log=work.log, now=work.now, late=item.late)
    return Made(item=item, state="made", verdict=day.verdict.value, path=work.workspace.shown(path))


# --- publish


def unpublished(agenda: Agenda) -> bool:
    """Whether something was reported after the last publication."""
    last = {entry.kind: entry.index for entry in agenda.entries}
    reported = max(last.get("verdict", -1), last.get("run", -1))
    return reported > last.get("publication", -1) and (agenda.workspace.root / "mkdocs.yml").is_file()


def publish_new(work: Work, agenda: Agenda, say: Say) -> list[str]:
    """Builds the site where something is new; what went wrong."""
    if not unpublished(agenda):
        return []
    try:
        from ..report.restore import restore

        for page in restore(work.workspace, agenda.deployments.values(), work.log):
            say("restored", f"{page}: brought back from the evidence log")
        from ..duty.telling import write_feed

        write_feed(agenda, work.log)
        published = build_site(work.workspace, work.log, work.now)
    except DeploybookError as error:
        say("failed", f"site: {error}", error=True)
        return [f"site: {error}"]
    say("published", f"site: {published.pages} reports")
    return []


# --- what is said, and left for the next run


def after_this(agenda: Agenda, now: datetime) -> datetime | None:
    """When there is something to do again; what is still ready has just failed and is tried again in a while."""
    from ..due import wake
    from ..duty.planned import standings
    from ..duty.telling import waiting

    waits = [item for item in agenda.items if item.ready(now)]
    planned = standings(agenda, now)
    held = any(each.waits for each in planned)
    again = now + AGAIN if waits or held or unpublished(agenda) or waiting(agenda, now) else None
    rest = wake([item for item in agenda.items if item not in waits], now)
    times = [rest, again, *(each.message.at for each in planned if each.state == "next")]
    return min((time for time in times if time is not None), default=None)


def finish(
    agenda: Agenda,
    made: list[Made],
    failures: list[str],
    now: datetime,
    textfile: Path | None,
    untold: Sequence[str] = (),
) -> None:
    """Writes the numbers of the run."""
    from ..evidence import Log

    folder = agenda.workspace.root / "evidence"
    due = [item for item in agenda.items if item.state == "due"]
    late = max((item.late for item in due), default=timedelta())
    health = Health(
        last_run=iso(now),
        next_due=iso_or_empty(after_this(agenda, now)),
        due=len(due),
        missed=sum(item.state == "missed" for item in agenda.items),
        late_seconds=round(late.total_seconds()),
        made=sum(one.state == "made" for one in made),
        failures=tuple(failures),
        untold=tuple(untold),
        evidence_entries=Log.open(folder).head().size,
        evidence_bytes=size_of(folder),
    )
    write_health(agenda.workspace.root, health, textfile)


def iso_or_empty(moment: datetime | None) -> str:
    return iso(moment) if moment else ""


def document(agenda: Agenda, made: list[Made], failures: list[str], now: datetime) -> dict[str, object]:
    from .. import due

    reports = []
    for one in made:
        became = {"state": one.state, "verdict": one.verdict or None, "path": one.path, "why": one.why}
        reports.append(due.document(one.item) | became)
    then = iso_or_empty(after_this(agenda, now)) or None
    return {"as_of": iso(now), "reports": reports, "failures": failures, "next": then}


def nothing(until: datetime | None, zone: ZoneInfo, now: datetime, quiet: bool, as_json: bool) -> int:
    if as_json:
        print_document("run", as_of=iso(now), reports=[], failures=[], next=iso_or_empty(until) or None)
    elif not quiet:
        click.echo(f"nothing is due before {local_full(until, zone, year=True)}" if until else "nothing is due")
    return 0


def told_busy(other: str, as_json: bool, now: datetime) -> int:
    if as_json:
        print_document("run", as_of=iso(now), running=other)
    else:
        click.echo(f"deploybook run: {other}; it does what is due")
    return 0


def rehearse(workspace: Workspace, now: datetime, as_json: bool) -> int:
    """What a run would do now, and each message it would send, as a file."""
    from .. import due
    from ..duty.agenda import read_agenda
    from ..duty.telling import rehearsed
    from ..evidence import Log

    log = Log.open(workspace.root / "evidence")
    agenda = read_agenda(workspace, now, log)
    if agenda.settings.channels:
        own_folder(workspace.root)
        for line in rehearsed(agenda, log, now, workspace.root / FOLDER / "messages"):
            tell(line)
    ready = [item for item in agenda.items if item.ready(now)]
    if as_json:
        print_document("run", dry_run=True, reports=[due.document(item) for item in ready])
    else:
        for item in ready:
            click.echo(f"would make: {agenda.subject(item)}")
        if not ready:
            click.echo("nothing is due")
    return tell_broken(agenda)


def speaker(log_format: str, now: datetime, *, silent: bool) -> Say:
    """Lines for a person on standard output, what failed on standard error; or all as JSON lines on standard error."""

    def say(event: str, text: str, *, error: bool = False, **about: object) -> None:
        if log_format == "json":
            level = "error" if error else "info"
            line = {"time": iso(now), "level": level, "event": event, "message": text, **about}
            tell(json.dumps(line, ensure_ascii=False))
        elif error:
            tell(text)
        elif not silent:
            click.echo(text)

    return say
