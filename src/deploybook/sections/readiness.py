"""2. Readiness: what was checked before, by whom, with which evidence; the back-out rehearsal and its digest."""

from __future__ import annotations

from ..facts import Facts
from ..model import Rehearsal
from . import markup, say
from .text import Html, escape, fill


def readiness(facts: Facts) -> str:
    records = facts.records
    blocks: list[Html] = []
    if records.readiness_window:
        blocks.append(say.paragraph("Window:", say.span(facts, records.readiness_window, day=True)))
    if records.readiness:
        rows = [
            (
                each.id or str(number),
                say.line(facts, each.text),
                say.people(each.by),
                say.full_or_time(facts, each.at),
                each.result,
            )
            for number, each in enumerate(records.readiness, 1)
        ]
        columns = [("Check", "head"), ("What", "text"), ("By", "text"), ("At", "text"), ("Result", "status")]
        blocks.append(markup.table("Readiness checks", columns, rows))
    if records.approvals:
        signed = [
            (say.line(facts, each.what), say.people(each.by), say.full_or_time(facts, each.at), each.result)
            for each in records.approvals
        ]
        columns = [("Approval", "head"), ("By", "text"), ("At", "text"), ("Result", "status")]
        blocks.append(markup.table("Approvals", columns, signed))
    if records.rehearsal:
        blocks.append(rehearsal(facts, records.rehearsal))
    if records.readiness_evidence:
        blocks.append(say.paragraph(Html("<strong>Evidence for readiness</strong>")))
        blocks.append(say.bullets(say.line(facts, text) for text in records.readiness_evidence))
    return say.blocks(*blocks)


def rehearsal(facts: Facts, tried: Rehearsal) -> Html:
    """The digest of the rollback script at the rehearsal against the one on record."""
    where = [part for part in (tried.where, str(say.full_or_time(facts, tried.at)) if tried.at else "") if part]
    script = fill("<code>{script}</code>", script=tried.script)
    if tried.digest_then and tried.digest_now:
        same = tried.digest_then == tried.digest_now
        word = "Verified" if same else "Failed"
        verdict = "its digest is the one on record" if same else "its digest is NOT the one on record"
        shown = fill(
            "{verdict}: <code>sha256:{now}</code>{then}",
            verdict=verdict,
            now=tried.digest_now,
            then="" if same else fill(", at the rehearsal <code>sha256:{then}</code>", then=tried.digest_then),
        )
    else:
        word, shown = "Not re-checked", escape("no digest of the script is on record, so that it cannot be compared")
    text = say.line(facts, tried.text) if tried.text else Html()
    return markup.callout(
        "Back-out rehearsal",
        Html(f"<p>{markup.status(word)} {script} {Html(', '.join(where))}: {shown}. {text}</p>"),
    )
