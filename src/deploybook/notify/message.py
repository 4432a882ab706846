"""One message: its verdict, what decided it, the numbers, the way to the report; as text, as HTML, and for chats."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import wording
from ..model import Deployment, Verdict
from ..sections.page import MetricLine, PageFacts
from . import inert
from .events import Event

COLOURS = {"Pass": "#1a7f37", "Watch": "#9a6700", "Breach": "#b42318", "Unclear": "#6639ba", "No data": "#6639ba"}
MARKS = {"Pass": "✓", "Watch": "⚠", "Breach": "✕", "Unclear": "?", "No data": "–"}
SO_FAR = " so far"
BLOCK = 2900  # characters; Slack takes 3,000 in one block
SEVERITY = ("Breach", "No data", "Unclear", "Watch")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart as PNG with its alternative text."""

    name: str
    title: str = ""
    alt: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Message:
    """
    word: the verdict as readers say it. subject, sentence, lines: text of others in them is one line each and not yet
    escaped. link: to the report, '' where no site is known. log: size and root.
    """

    event: Event
    word: str
    subject: str
    sentence: str
    lines: tuple[tuple[str, str], ...] = ()
    metrics: tuple[MetricLine, ...] = ()
    link: str = ""
    log: str = ""
    pictures: tuple[Picture, ...] = ()

    @property
    def mark(self) -> str:
        return MARKS.get(self.word.removesuffix(SO_FAR), "·")

    @property
    def title(self) -> str:
        """As the subject of a mail."""
        return f"[{self.word}] {self.subject}"

    def text(self) -> str:
        return "\n".join([f"{self.word}: {self.subject}", *self._parts(inert.plain)]) + "\n"

    def _said(self, clean: Any) -> Iterator[str]:
        if self.sentence:
            yield clean(self.sentence)
        yield from (f"{clean(label)}: {clean(value)}" for label, value in self.lines)

    def _parts(self, clean: Any) -> Iterator[str]:
        yield from self._said(clean)
        if self.link:
            yield f"Report: {self.link}"
        if self.log:
            yield self.log

    def chat(self) -> tuple[str, str]:
        """Title and body for chats that are reached through Apprise."""
        return f"{self.word}: {inert.chat(self.subject)}", "\n".join(self._parts(inert.chat))

    def markdown(self) -> str:
        """For whatever takes Markdown; text of others is escaped."""
        clean = inert.markdown
        rows = "\n".join(f"- **{clean(label)}:** {clean(value)}" for label, value in self.lines)
        link = f"[Report]({self.link})" if self.link else ""
        parts = (f"**{self.word}: {clean(self.subject)}**", clean(self.sentence), rows, link, clean(self.log))
        return "\n\n".join(part for part in parts if part) + "\n"

    def slack(self) -> dict[str, Any]:
        """For Slack and what takes its form: plain text blocks, and the same as escaped text for those without blocks."""
        clean = inert.slack
        title = f"{self.mark} {self.word}: {self.subject}"
        foot = f"<{self.link}|Open the report>  ·  {clean(self.log)}" if self.link else clean(self.log)
        lines = [f"{self.word}: {clean(self.subject)}", *self._said(clean), foot]
        return {
            "text": "\n".join(line for line in lines if line),
            "link_names": 0,
            "unfurl_links": False,
            "blocks": [
                {"type": "header", "text": plain_text(inert.chat(title, 110))},
                *({"type": "section", "text": plain_text(text)} for text in joined(self._said(inert.chat))),
                *([{"type": "context", "elements": [{"type": "mrkdwn", "text": foot}]}] if foot else []),
            ],
        }

    def html(self) -> str:
        """Self-contained, styled in place: mail programs know no style sheet. Pictures are parts of the mail (cid:)."""
        colour = COLOURS.get(self.word.removesuffix(SO_FAR), "#57606a")
        rows = "".join(f"<p style='{P}'><b>{say(label)}:</b> {say(value)}</p>" for label, value in self.lines)
        pictures = "".join(
            f'<p><b>{say(each.title)}</b><br><img src="cid:{each.name}" alt="{say(each.alt, 1000)}" style="max-width:100%;height:auto"></p>'
            for each in self.pictures
        )
        link = f'<p style="{P}"><a href="{html.escape(self.link)}">Open the report</a></p>' if self.link else ""
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{say(self.subject)}</title></head>'
            f'<body style="font:16px/1.5 sans-serif;color:#1f2328;max-width:44em">'
            f'<h1 style="font-size:22px;border-left:6px solid {colour};padding-left:12px">'
            f'<span style="color:{colour}">{self.mark} {say(self.word)}</span><br>{say(self.subject)}</h1>'
            f'<p style="{P}">{say(self.sentence)}</p>{rows}{link}{table(self.metrics)}{pictures}'
            f'<p style="font-size:13px;color:#57606a">{say(self.log)}</p></body></html>\n'
        )


P = "margin:8px 0"
CELL = "padding:4px 12px 4px 0;border-bottom:1px solid #d0d7de;text-align:"
COLUMNS = ("Metric", "Value", "Baseline", "Delta", "Limit", "Status")


def say(text: str, longest: int = inert.LONGEST) -> str:
    return html.escape(inert.plain(text, longest))


def joined(lines: Iterable[str]) -> list[str]:
    """The lines as few texts, each short enough for one block."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < BLOCK:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def table(metrics: tuple[MetricLine, ...]) -> str:
    if not metrics:
        return ""
    head = "".join(f'<th scope="col" style="{CELL}left">{name}</th>' for name in COLUMNS)
    rows = "".join(
        f'<tr><th scope="row" style="{CELL}left;font-weight:normal">{say(each.title)}</th>'
        + "".join(
            f'<td style="{CELL}right">{say(value)}</td>'
            for value in (each.shown, each.baseline, each.delta, each.limit_text)
        )
        + f'<td style="{CELL}left">{MARKS.get(each.word.split(" ")[0], "")} {say(each.word)}</td></tr>'
        for each in metrics[:50]
    )
    return f'<table style="border-collapse:collapse;font-size:15px"><tr>{head}</tr>{rows}</table>'


def compose(
    event: Event,
    page: PageFacts | None,
    deployment: Deployment | None,
    *,
    url: str = "",
    path: str = "",
    log: tuple[int, str] = (0, ""),
    reason: str = "",
    moved: str = "",
    pictures: tuple[Picture, ...] = (),
) -> Message:
    """
    The message about an event. page: what the report says of itself, None where there is none. url: of the site; path:
    of the page in it. log: size and root. reason: why a run failed, or the deployment ended. moved: the window it was postponed to.
    """
    word = wording.ENDED.get(event.state) or (page.word if page else spoken(event.state))
    subject = page.title if page else about(event.scope, str(deployment or event.deployment))
    lines = list(said_by(page)) if page else []
    before = spoken(event.before) if event.before and event.changed else ""
    lead = deployment.lead if deployment else ""
    more = (("Now planned for", moved), ("Because", reason), ("Before", before), ("Lead", lead))
    lines += [(label, text) for label, text in more if text]
    size, root = log
    return Message(
        event=event,
        word=word,
        subject=inert.plain(subject if not page or not page.ticket else f"{subject} ({page.ticket})", 160),
        sentence=page.sentence if page else "",
        lines=tuple(lines),
        metrics=page.metrics if page else (),
        link=f"{url.rstrip('/')}/{path}" if url and path else "",
        log=f"Evidence log: {size} entries, root {root}" if root else "",
        pictures=pictures,
    )


def spoken(state: str) -> str:
    known = {verdict.value: wording.word(verdict) for verdict in Verdict}
    return known.get(state) or state.replace("_", " ").capitalize()


def about(scope: str, deployment: str) -> str:
    """'+24h checkpoint: Telemetry Step 2 (CHG-2025-0121)'; how a deployment ended is about the deployment alone."""
    if scope == "outcome":
        return deployment
    sort, _, rest = scope.partition("-")
    if sort == "daily":
        return f"Daily report of {rest}"
    known = {"window": "Outcome report", "closing": "Closing report"}
    return f"{known.get(sort, f'+{rest} checkpoint')}: {deployment}"


def said_by(page: PageFacts) -> Iterator[tuple[str, str]]:
    """What decided the word: the worst metric with its delta and limit, else what came closest."""
    worst = deciding(page)
    if worst is not None:
        yield "Decided by", f"{worst.title}, {worst.word}: {numbers(worst)}"
    elif page.detail and not page.asks:
        yield "Detail", page.detail
    for ask in page.asks[:3]:
        if ask.text not in (page.sentence, worst and worst.title):
            yield ask.word, ask.text
    if page.late:
        yield "Late", page.late.removeprefix("late ")


def numbers(line: MetricLine) -> str:
    """'203 ms, baseline 189 ms, +7.4 %, ≤ 210 ms, tolerance ±5 %', as far as they are there; as the page prints them."""
    limit = line.limit_text if line.limit_text != "—" else ""
    parts = [line.shown, f"baseline {line.baseline}" if line.baseline else "", line.delta, limit]
    parts.append(f"tolerance {line.tolerance}" if line.tolerance else "")
    return ", ".join(part for part in parts if part)


def deciding(page: PageFacts) -> MetricLine | None:
    """The first of the metrics with the worst word; None where all pass."""
    for word in SEVERITY:
        for each in page.metrics:
            if each.word.startswith(word):
                return each
    return None
