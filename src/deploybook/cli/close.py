"""`deploybook close`: how a deployment ended, when, and why; written into its file and into the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from ..errors import DeploybookError, FileProblems, UsageProblem
from ..model import Closing, Deployment
from ..records import Workspace, read_deployment
from ..times import Window, iso, local_day, parse_instant, parse_window
from ..wording import after_text, local_full, window_text
from .common import State, json_option, open_log, print_document, read_as, verb

OUTCOMES = ("succeeded", "rolled_back", "aborted", "postponed")
AHEAD = timedelta(minutes=5)  # clocks differ a little


@verb("close")
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="How it ended.")
@click.option("--at", metavar="TIME", help="When that was: 14:21, or with its day; now by default.")
@click.option("--reason", metavar="TEXT", default="", help="Why, in a sentence.")
@click.option("--by", metavar="NAME", default="", help="Who says so.")
@click.option("--actual", metavar="WINDOW", help="When the deployment really ran: '14:00 to 14:21'.")
@click.option("--to", metavar="WINDOW", help="With postponed: the new window, '2025-01-29 14:00 to 15:30'.")
@json_option
def command(
    state: State, outcome: str, at: str | None, reason: str, by: str, actual: str | None, to: str | None, as_json: bool
) -> int:
    """Record how a deployment ended. What was measured stays; checkpoints after its end no longer apply."""
    from ..records.closing import flat

    if to and outcome != "postponed":
        raise UsageProblem("--to: only what is postponed gets a new window; write --outcome postponed")
    (workspace, deployment), now = state.chosen(), state.time
    closing = Closing(
        outcome=outcome,  # type: ignore[arg-type]
        at=moment(deployment, outcome, at, now),
        by=flat(by),
        reason=flat(reason),
        actual=window(deployment, "--actual", actual),
    )
    path = keep(workspace, deployment, closing, to, now)
    if as_json:
        print_document("closed", **document(deployment, closing), path=workspace.shown(path))
    else:
        click.echo(told(workspace, read_deployment(workspace, deployment.slug), closing))
    return 0


def moment(deployment: Deployment, outcome: str, text: str | None, now: datetime) -> datetime:
    with read_as("--at"):
        at = parse_instant(text, deployment.zone, local_day(now, deployment.zone)) if text else now
    if at > now + AHEAD:
        raise UsageProblem(f"--at: {text!r} is still to come; write when it ended, with its day if that is not today")
    if at < deployment.window.start and outcome in ("succeeded", "rolled_back"):
        ended, starts = local_full(at, deployment.zone, year=True), local_full(deployment.window.start, deployment.zone)
        raise UsageProblem(
            f"--at: {ended} is before the window, which starts {starts}; "
            "write when it ended, with its day, or --outcome aborted or postponed, which may come before it"
        )
    return at.replace(microsecond=0)


def window(deployment: Deployment, option: str, text: str | None) -> Window | None:
    with read_as(option):
        return parse_window(text, deployment.zone, deployment.day) if text else None


def edited(before: bytes, deployment: Deployment, closing: Closing, to: str | None) -> bytes:
    """The file with what `close` adds; a postponed deployment with a new window is open again."""
    from ..records.closing import close, postpone

    text = before.decode("utf-8")
    new = window(deployment, "--to", to)
    if new is None:
        return close(text, closing, deployment.zone).encode()
    assert closing.at is not None
    if new.start <= closing.at:
        raise UsageProblem(f"--to: {to!r} is not after the moment it was postponed")
    return postpone(text, deployment, new, at=closing.at, by=closing.by, reason=closing.reason).encode()


def keep(workspace: Workspace, deployment: Deployment, closing: Closing, to: str | None, now: datetime) -> Path:
    """Writes the file, reads it as a check, records it; where either fails the file is as it was."""
    from ..evidence import statement

    path = workspace.folder(deployment.slug) / "deployment.yml"
    before = path.read_bytes()
    after = edited(before, deployment, closing, to)
    replace(path, after)
    try:
        read_deployment(workspace, deployment.slug)
        log = open_log(workspace, make_key=True)
        held = {"deployment.yml": log.put(after, "yml"), "deployment.yml before": log.put(before, "yml")}
        if closing.reason:
            held["reason.txt"] = log.put(closing.reason.encode(), "txt")
        actual = closing.actual
        said = statement.outcome(
            held,
            deployment=deployment.slug,
            ticket=statement.tidied(deployment.ticket),
            outcome=closing.outcome,
            by=statement.tidied(closing.by),
            start=actual.start if actual else None,
            end=actual.end if actual else closing.at,
        )
        log.append([said], now)
        return path
    except FileProblems as problems:
        replace(path, before)
        raise UsageProblem(f"{problems}\nNothing was changed; write it into {workspace.shown(path)} by hand.") from None
    except DeploybookError:
        replace(path, before)
        raise


def replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.chmod(path.stat().st_mode & 0o777)
    beside.replace(path)


def told(workspace: Workspace, deployment: Deployment, closing: Closing) -> str:
    assert closing.at is not None
    if closing.outcome == "postponed" and deployment.closing is None:
        return f"{deployment.title}: postponed to {window_text(deployment.window, deployment.zone, year=True)}"
    words = closing.outcome.replace("_", " ")
    ended, after = deployment.ended, deployment.checkpoints.after
    rest = [after_text(each) for each in after if ended and deployment.due(each) > ended]
    tail = f"; {', '.join(rest)} no longer appl{'y' if len(rest) > 1 else 'ies'}" if rest else ""
    if closing.actual:
        ran, planned = (window_text(each, deployment.zone) for each in (closing.actual, deployment.window))
        tail += f"; it really ran {ran}; measured stays the window, {planned}"
    return (
        f"{deployment.title}: {words} at {local_full(closing.at, deployment.zone)}{tail}; "
        "'deploybook run' brings the reports up to date"
    )


def document(deployment: Deployment, closing: Closing) -> dict[str, object]:
    assert closing.at is not None
    actual = closing.actual and [iso(closing.actual.start), iso(closing.actual.end)]
    said = {"by": closing.by or None, "reason": closing.reason or None, "actual": actual}
    return {"deployment": deployment.slug, "outcome": closing.outcome, "closed": iso(closing.at), **said}
