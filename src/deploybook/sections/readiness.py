"""2. Readiness: what was checked before, by whom, with which evidence; the back-out rehearsal and its digest."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..model import Approval, ReadinessCheck, Rehearsal
from . import markup, say
from .text import Html, code, fill, join

SIGNED = [("By", "text"), ("At", "text"), ("Result", "status")]


def readiness(facts: Facts) -> str:
    records = facts.records
    blocks: list[Html] = []
    if records.readiness_window:
        blocks.append(say.paragraph("Window:", say.span(facts, records.readiness_window, day=True)))
    if records.readiness:
        checks = [
            (each.id or str(number), say.line(facts, each.text), *signed(facts, each))
            for number, each in enumerate(records.readiness, 1)
        ]
        blocks.append(markup.table("Readiness checks", [("Check", "head"), ("What", "text"), *SIGNED], checks))
    if records.approvals:
        approvals = [(say.line(facts, each.what), *signed(facts, each)) for each in records.approvals]
        blocks.append(markup.table("Approvals", [("Approval", "head"), *SIGNED], approvals))
    if records.rehearsal:
        blocks.append(rehearsal(facts, records.rehearsal))
    if records.readiness_evidence:
        blocks.append(say.paragraph(Html("<strong>Evidence for readiness</strong>")))
        blocks.append(say.bullets(say.line(facts, text) for text in records.readiness_evidence))
    return say.blocks(*blocks)


def signed(facts: Facts, each: ReadinessCheck | Approval) -> tuple[str, Html, str]:
    """Who says so, when, and with which result."""
    return wording.listed(each.by), say.full_or_time(facts, each.at), each.result


def rehearsal(facts: Facts, tried: Rehearsal) -> Html:
    """The digest of the rollback script at the rehearsal against the one on record."""
    now, then = (code(f"sha256:{digest}") for digest in (tried.digest_now, tried.digest_then))
    if not (tried.digest_then and tried.digest_now):
        word, shown = "Not re-checked", "no digest of the script is on record, so that it cannot be compared"
    elif tried.digest_then == tried.digest_now:
        word, shown = "Verified", f"its digest is the one on record: {now}"
    else:
        word, shown = "Failed", f"its digest is NOT the one on record: {now}, at the rehearsal {then}"
    return markup.callout(
        "Back-out rehearsal",
        fill(
            "<p>{status} <code>{script}</code> {where}: {shown}. {text}</p>",
            status=markup.status(word),
            script=tried.script,
            where=join(filter(None, (tried.where, say.full_or_time(facts, tried.at))), ", "),
            shown=Html(shown),
            text=say.line(facts, tried.text),
        ),
    )
