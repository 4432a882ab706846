"""
Messages that are planned in deployment.yml: which are still to come, which are held and why, which went out.

What was sent is in the evidence log under the message's own name, and nowhere else: that is why it goes out once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DeploybookError, EvidenceBroken, SourceError

if TYPE_CHECKING:
    from ..evidence import Log
    from ..model import Deployment, PlannedMessage
    from ..notify import Message
    from .agenda import Agenda

LONGEST = 600  # characters of why one is held
State = Literal["next", "due", "held", "sent", "lapsed"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """
    A planned message and how it stands. why: it is held, or lapsed; note: what the log calls that; on_record: it is there.
    tried: its channel did not take it.
    """

    deployment: Deployment
    message: PlannedMessage
    state: State
    why: str = ""
    note: str = ""
    on_record: bool = False
    tried: bool = False

    @property
    def waits(self) -> bool:
        return self.state in ("due", "held") or (self.state == "lapsed" and not self.on_record)

    @property
    def name(self) -> str:
        """'status of Telemetry Step 2 to stakeholders, planned for 22 Jan 15:45 PT if no incident'."""
        from ..wording import local_full

        message, condition = self.message, " and ".join(self.message.conditions)
        when = local_full(message.at, self.deployment.zone) + (f" if {condition}" if condition else "")
        return f"{message.draft} of {self.deployment.title} to {message.channel}, planned for {when}"

    def __str__(self) -> str:
        end = {"next": "to come", "due": "goes out with the next 'deploybook run'", "sent": "sent"}
        return f"{self.name}; {end.get(self.state, f'{self.state}: {self.why}')}"

    def document(self) -> dict[str, Any]:
        from ..times import iso

        message = self.message
        return {
            "deployment": self.deployment.slug,
            "draft": message.draft,
            "channel": message.channel,
            "at": iso(message.at),
            "if": list(message.conditions),
            "state": self.state,
            "why": self.why,
        }


def standings(agenda: Agenda, now: datetime) -> list[Standing]:
    """Every planned message, in the order of their times. Reads files only; the sources are not asked."""
    from ..notify import attempts

    planned = [(each, message) for each in agenda.deployments.values() for message in each.messages]
    tried = attempts(agenda.entries) if planned else {}
    found = [stand(agenda, deployment, message, tried, now) for deployment, message in planned]
    return sorted(found, key=lambda each: (each.message.at, each.deployment.slug, each.message.channel))


def stand(
    agenda: Agenda,
    deployment: Deployment,
    message: PlannedMessage,
    tried: Mapping[tuple[str, str, str], bool],
    now: datetime,
) -> Standing:
    sent = tried.get((deployment.slug, message.channel, message.key))
    state: State = "sent" if sent else "next" if now < message.at else "due"
    why = ""
    if state == "due" and now > message.last:
        state, why = "lapsed", "not sent, for it could not go out within a day"
    elif state == "due" and (why := held_because(agenda, deployment, message, now)):
        state = "held"
    note = message.key.replace("planned", "lapsed" if state == "lapsed" else "held", 1)
    return Standing(
        deployment=deployment,
        message=message,
        state=state,
        why=why,
        note=note,
        on_record=(deployment.slug, message.channel, note) in tried,
        tried=sent is not None,
    )


def held_because(
    agenda: Agenda, deployment: Deployment, message: PlannedMessage, now: datetime, failed: Sequence[SourceError] = ()
) -> str:
    """Why the message may not go out now, '' where it may. failed: the sources that could not be asked just now."""
    if message.channel not in agenda.settings.channels:
        return f"deploybook.yml has no channel '{message.channel}'"
    if deployment.closing and deployment.closing.outcome == "postponed":
        return "the deployment was postponed"
    if now < deployment.window.start:
        return "the deployment window has not begun"
    reasons = []
    for condition in message.conditions:
        if condition == "no incident":
            reasons.append(incident(agenda, deployment, now, failed))
        elif condition == "verdict pass":
            reasons.append(not_passed(agenda, deployment))
        else:
            after = condition.removesuffix(" passed")
            verdict = verdicts(agenda, deployment).get(f"after-{after[1:]}", "")
            reasons.append(is_not_pass(f"the {after} checkpoint", verdict))
    return "; ".join(filter(None, reasons))


def incident(agenda: Agenda, deployment: Deployment, now: datetime, failed: Sequence[SourceError]) -> str:
    from ..book.load import read_entries
    from ..notify import incidents, inert
    from ..notify.draft import ALERTS
    from ..wording import local_full

    pagers = {source.name for source in deployment.sources if source.kind in ALERTS}
    if pagers and (lost := [error for error in failed if error.source in ("", *pagers)]):
        return f"whether there is an incident cannot be told: {lost[0]}"
    try:
        entries = read_entries(agenda.workspace.folder(deployment.slug), deployment)
    except DeploybookError as problem:
        return f"whether there is an incident cannot be told: {problem}"
    still, _ = incidents(entries, now)
    if not still:
        return ""
    first = still[0]
    text = "a private entry" if first.private else inert.plain(first.text)
    more = f" and {len(still) - 1} more" if len(still) > 1 else ""
    return f"incident open since {local_full(first.at, deployment.zone)}: {text}{more}"


def not_passed(agenda: Agenda, deployment: Deployment) -> str:
    """Why the newest verdict is not Pass; a report that is due and not made leaves it open."""
    from ..wording import ENDED

    if deployment.closing and (ended := ENDED.get(deployment.closing.outcome)):
        return f"the deployment is {ended}"
    for item in agenda.items:
        if item.slot.deployment == deployment.slug and item.state == "due" and not item.verdict:
            return f"{agenda.subject(item)} is not made yet"
    return is_not_pass("the newest verdict", next(reversed(verdicts(agenda, deployment).values()), ""))


def is_not_pass(what: str, verdict: str) -> str:
    from ..model import Verdict
    from ..wording import word

    if not verdict:
        return f"{what} is not on record yet"
    return "" if verdict == "pass" else f"{what} is {word(Verdict(verdict))}"


def verdicts(agenda: Agenda, deployment: Deployment) -> dict[str, str]:
    """Of each report its newest word, the newest report last; what was made of a window before it was postponed is none."""
    found: dict[str, str] = {}
    for entry in agenda.entries:
        if entry.deployment != deployment.slug:
            continue
        if entry.kind == "outcome" and entry.predicate.get("outcome") == "postponed":
            found.clear()
        elif entry.kind == "verdict":
            scope = str(entry.predicate.get("scope"))
            found.pop(scope, None)
            found[scope] = str(entry.predicate.get("verdict"))
    return found


# --- sending


def send_planned(
    agenda: Agenda, log: Log, now: datetime, say: Callable[..., None], ask: Callable[[str], Sequence[SourceError]]
) -> tuple[list[str], set[str]]:
    """
    Sends each message whose time has come and whose conditions hold, and records it; that one is held, or lapsed, once.
    ask: pulls from the sources of a deployment. Gives what did not arrive, in words, and the deployments whose minute log
    has a line more.
    """
    left, logged = [], set()
    for each in standings(agenda, now):
        if not each.waits:
            continue
        deployment, message = each.deployment, each.message
        lapsed = each.state == "lapsed"
        failed = ask(deployment.slug) if "no incident" in message.conditions and not lapsed else ()
        why = each.why if lapsed else held_because(agenda, deployment, message, now, failed)
        try:
            problem = "" if why else go_out(agenda, log, now, each)
        except EvidenceBroken:
            raise
        except DeploybookError as wrong:  # of its channel, of a figure in its text, of the deployment's files
            why, problem = str(wrong), ""
        if why and not each.on_record:
            record_note(agenda, log, now, each, why)
        if not problem and not (why and each.on_record):
            logged.add(deployment.slug)
        if why:
            word = each.note.split()[0]
            say(word, f"{word}: {each.name}: {why}", channel=message.channel, deployment=deployment.slug)
        elif problem:
            left.append(f"{each.name}: {problem}")
            say("untold", f"not told: {left[-1]}", error=True, channel=message.channel)
        else:
            say("told", f"told {message.channel}: {each.name}", channel=message.channel)
    return left, logged


def go_out(agenda: Agenda, log: Log, now: datetime, each: Standing) -> str:
    """Makes and sends the message; why it was not taken, '' where it was."""
    from ..notify import channels_of
    from .telling import hand_over, put_on_page, sent_text

    channel = channels_of(agenda.settings.channels)[each.message.channel]
    letter = message_planned(agenda, log, now, each)
    root = agenda.workspace.root
    sent = hand_over(root, log, channel, letter, now, name=each.message.key, again=each.tried)
    if sent.kept and not sent.problem:
        put_on_page(agenda.workspace, log, each.deployment.slug, sent_text(letter, channel), sent.kept, now)
    return sent.problem


def message_planned(agenda: Agenda, log: Log, now: datetime, each: Standing) -> Message:
    from .drafting import drafted

    slug, said = each.deployment.slug, each.message
    about = {"text": said.text, "name": said.key}
    return drafted(agenda.workspace, agenda.settings, slug, said.draft, now=now, log=log, **about)[0]


def record_note(agenda: Agenda, log: Log, now: datetime, each: Standing, why: str) -> None:
    from ..evidence import statement
    from ..notify import inert
    from .telling import put_on_page

    slug, word = each.deployment.slug, each.note.split()[0]
    text = inert.plain(f"{word.capitalize()}: {each.name}: {why}", LONGEST)
    kept = log.put(f"{text}\n".encode(), "txt")
    about = {"deployment": slug, "ticket": "", "channel": each.message.channel, "message": each.note}
    log.append([statement.notification({f"{word}.txt": kept}, delivered=False, **about)], now)
    put_on_page(agenda.workspace, log, slug, text, kept, now)
