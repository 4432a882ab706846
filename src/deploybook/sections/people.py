"""5, 6, 8, 9. What people plan and watch: the follow-on, risks, actions, next-day priorities."""

from __future__ import annotations

from ..facts import Facts
from . import markup, say
from .text import fill, join


def follow_on(facts: Facts) -> str:
    items = facts.records.follow_on
    return say.bullets(
        join(
            [
                part
                for part in (
                    say.line(facts, each.text),
                    f"({say.people(each.by)})" if each.by else "",
                    fill("<small>{at}</small>", at=say.full(facts, each.at)) if each.at else "",
                )
                if part
            ],
            " ",
        )
        for each in items
    )


def risks(facts: Facts) -> str:
    records = facts.records
    blocks: list[str] = []
    if records.risks:
        rows = [
            (
                each.id,
                say.line(facts, each.description),
                each.owner,
                say.line(facts, each.mitigation),
                say.full(facts, each.next_review),
                each.status,
            )
            for each in records.risks
        ]
        columns = [
            ("Risk", "head"),
            ("What", "text"),
            ("Owner", "text"),
            ("Mitigation", "text"),
            ("Next review", "text"),
            ("Status", "status"),
        ]
        blocks.append(markup.table("Risks", columns, rows))
    blocks.append(say.bullets(say.line(facts, text) for text in records.risk_notes))
    return "\n\n".join(block for block in blocks if block)


def actions(facts: Facts) -> str:
    items = facts.records.actions
    if not items:
        return ""
    rows = [
        (
            each.id,
            join(
                [
                    part
                    for part in (
                        say.line(facts, each.text),
                        fill("<small>{note}</small>", note=say.line(facts, each.note)) if each.note else "",
                        fill("<code>{path}</code>", path=each.path) if each.path else "",
                    )
                    if part
                ],
                " ",
            ),
            each.owner,
            say.full(facts, each.due),
            each.status,
        )
        for each in items
    ]
    columns = [("Action", "head"), ("What", "text"), ("Owner", "text"), ("Due", "text"), ("Status", "status")]
    return markup.table("Action items", columns, rows)


def priorities(facts: Facts) -> str:
    title = facts.records.priorities_title
    listed = say.bullets(say.line(facts, text) for text in facts.records.priorities)
    if not listed:
        return ""
    return (say.paragraph(f"For {title}:") + "\n\n" if title else "") + listed
