"""
The HTML every page is made from: plain values in, escaped HTML out.

Every block stands on its own lines, begins with a block element and holds no blank line, so that Python-Markdown hands it
through untouched. Inline pieces (`status`, `chip`, `figure_value`, `moment`) may stand in a Markdown paragraph: what they
print cannot be read as Markdown. No style, colour or script stands in the markup; `deploybook.css` gives the look,
`deploybook.js` only hides log entries.
"""

from __future__ import annotations

import html as _html
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..wording import plural
from .text import Html, attribute, escape, fill, inert, join, plain, slug, squeeze, visible

# -- status -------------------------------------------------------------------------------------------------------------

_CIRCLE = '<circle cx="12" cy="12" r="9"/>'
SHAPES = {
    "pass": _CIRCLE + '<path d="m8 12.5 3 3 5-6.5"/>',
    "watch": '<path d="M12 3.5 21.5 20h-19z"/><path d="M12 9.5v5M12 17v.4"/>',
    "breach": '<path d="M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3z"/><path d="m9 9 6 6m0-6-6 6"/>',
    "unclear": '<path d="M12 2 22 12 12 22 2 12z"/><path d="M9.8 9.9a2.2 2.2 0 1 1 3.3 2c-.8.5-1.1.9-1.1 1.6M12 16.2v.4"/>',
    "no-data": '<circle cx="12" cy="12" r="9" stroke-dasharray="4 3"/><path d="M8 12h8"/>',
    "pending": _CIRCLE + '<path d="M12 7v5l3.5 2"/>',
    "not-produced": '<rect x="4" y="4" width="16" height="16" rx="2"/><path d="m8 16 8-8"/>',
    "not-applicable": _CIRCLE + '<path d="m5.8 18.2 12.4-12.4"/>',
    "noted": _CIRCLE + '<path d="M12 11.9v.2"/>',
}
_KINDS = {
    "pass": "pass green go done ok verified held ran closed succeeded approved signed signed-off",
    "watch": "watch yellow amber overdue",
    "breach": "breach red failed missed refused",
    "unclear": "unclear",
    "no-data": "no-data not-held not-re-checked",
    "pending": "pending in-progress not-started due open ongoing due-today",
    "not-produced": "not-produced not-run",
    "not-applicable": "not-applicable rolled-back aborted postponed",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}


def kind_of(word: str) -> str:
    """The shape of a status word: a key of SHAPES; `noted` for a word that is none of ours."""
    return _KIND_OF.get(slug(word), "noted")


def icon(kind: str) -> Html:
    return Html(f'<svg class="db-icon" viewBox="0 0 24 24" aria-hidden="true">{SHAPES[kind]}</svg>')


def status(word: str, kind: str | None = None) -> Html:
    """The word with its shape. `kind` (a key of SHAPES) gives the shape of a word outside the closed list."""
    kind = kind or kind_of(word)
    label = word.capitalize() if word.isupper() else word[:1].upper() + word[1:]
    return Html(f'<span class="db-status db-{kind}">{icon(kind)}{inert(label)}</span>')


def verdict_block(
    word: str,
    sentence: object,
    detail: object = "",
    number: object = "",
    number_notes: Sequence[object] = (),
    modifier: str = "",
    kind: str | None = None,
) -> Html:
    """The first block of a page. `modifier` is "so far" while a window is open, nothing else."""
    kind = kind or kind_of(word)
    notes = join(fill("<span>{n}</span>", n=note) for note in number_notes)
    right = '\n<p class="db-verdict-number"><strong>{n}</strong>{notes}</p>'
    return fill(
        '<section class="db-verdict db-' + kind + '">\n{icon}<div>'
        '<p class="db-verdict-word">{word}</p><p class="db-verdict-line">{sentence}</p>{third}</div>{right}\n</section>',
        icon=icon(kind),
        word=f"{word} {modifier}".strip(),
        sentence=sentence,
        third=fill('<p class="db-verdict-detail">{detail}</p>', detail=detail) if detail else "",
        right=fill(right, n=number, notes=notes) if number else "",
    )


# -- small pieces -------------------------------------------------------------------------------------------------------


def _list(kind: str, items: Iterable[Html], tag: str = "ul") -> Html:
    return Html(f'<{tag} class="db-list db-{kind}">\n{join(items, chr(10))}\n</{tag}>')


def link(text: object, href: str) -> Html:
    """A link to http(s), mail or a relative address; anything else stays text."""
    scheme = re.match(r"[^/?#]*:", plain(href))
    if not href or (scheme and scheme[0].lower() not in ("http:", "https:", "mailto:")):
        return escape(text)
    return Html(f'<a href="{attribute(href)}">{escape(text)}</a>')


def chip(evidence: str, href: str, title: str = "") -> Html:
    """The evidence id after a figure, e.g. E-03, leading to its row."""
    about = f' title="{attribute(title)}"' if title else ""
    label = f'aria-label="Evidence {attribute(evidence)}"'
    return Html(f'<a class="db-chip" href="{attribute(href)}" {label}{about}>{inert(evidence)}</a>')


def figure_value(value: float | None, display: str, figure_id: str, href: str = "", notes: Sequence[str] = ()) -> Html:
    """
    A measured figure. `value` is unrounded (None where there is none), `display` what the reader sees, `notes` the
    lines shown on hover and focus: value unrounded with unit, window, samples, query, digest.
    """
    # The theme's index ends what it leaves out at the next end tag of the same name, so that none of that name is inside.
    lines = join(fill("<i>{n}</i>", n=inert(note)) for note in notes if note)
    tip = f'<span class="db-tip" data-search-exclude>{lines}</span>' if notes else ""
    shown = inert(display)
    shown = Html(f'<a href="{attribute(href)}">{shown}</a>' if href else f'<span tabindex="0">{shown}</span>')
    number, id = "" if value is None else repr(float(value)), attribute(figure_id)
    return Html(f'<data class="db-figure-value" value="{number}" data-figure="{id}">{shown}{tip}</data>')


def moment(display: str, utc: str) -> Html:
    """A local time as shown (with its zone where the place does not name it); `utc` as 2025-01-22T22:00:00Z, on hover."""
    title = utc.replace("T", " ").removesuffix("Z") + " UTC"
    return Html(f'<time datetime="{attribute(utc)}" title="{attribute(title)}">{inert(display)}</time>')


def limit_used(share: float | None, left: str = "") -> Html:
    """The share of a limit that is used (1 is the limit) as a bar, with what is left in units."""
    if share is None:
        return Html("—")
    percent = f"{share * 100:.0f} %"
    width = max(0.0, min(share, 1.0)) * 84
    over = " db-over" if share > 1 else ""
    bar = (
        f'<svg class="db-bar{over}" viewBox="0 0 100 14" aria-hidden="true"><rect class="db-bar-all" y="4" width="84" height="6" '
        f'rx="3"/><rect class="db-bar-used" y="4" width="{width:.1f}" height="6" rx="3"/>'
        '<path class="db-bar-limit" d="M84 0v14"/></svg>'
    )
    return Html(f"{bar}<small>{escape(f'{percent} · {left}' if left else percent)}</small>")


def crumbs(steps: Sequence[tuple[str, str]]) -> Html:
    """The way home: (name, address) from the outermost in."""
    return _way("crumbs", "Where this page is", "ol", steps)


def doors(targets: Sequence[tuple[str, str]]) -> Html:
    """What a reader may want next: (name, address)."""
    return _way("doors", "From here", "ul", [(name, href) for name, href in targets if href])


def _way(kind: str, label: str, tag: str, targets: Sequence[tuple[str, str]]) -> Html:
    items = join(fill("<li>{a}</li>", a=link(name, href)) for name, href in targets)
    shown = f'<{tag} class="db-list">{items}</{tag}>'
    return Html(f'<nav class="db-{kind}" aria-label="{label}" data-search-exclude>{shown}</nav>')


def facts_line(facts: Sequence[tuple[str, object]]) -> Html:
    """What the page rests on, as (name, value): window, change, lead, data until, published, run."""
    items = join(fill("<div><dt>{n}</dt><dd>{v}</dd></div>", n=name, v=value) for name, value in facts if value)
    return Html(f'<dl class="db-facts">{items}</dl>')


def pairs(rows: Sequence[tuple[object, object]]) -> Html:
    """Names with what they stand for, one below the other: what a step did, what a change is about."""
    items = join((fill("<dt>{n}</dt><dd>{v}</dd>", n=name, v=value) for name, value in rows), "\n")
    return Html(f'<dl class="db-pairs">\n{items}\n</dl>') if items else Html()


@dataclass(frozen=True, kw_only=True)
class Tile:
    label: str
    value: object
    note: object
    word: str


def tiles(checks: Sequence[Tile]) -> Html:
    """The checks at a glance."""
    tile = (
        '<li><span class="db-tile-label">{label}</span><strong>{value}</strong>'
        '<span class="db-tile-note">{note}</span>{status}</li>'
    )
    return _list("tiles", (fill(tile, **vars(check), status=status(check.word)) for check in checks))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a listing: a status word, what it is about, one line more, and where it leads."""

    word: str
    text: object
    note: object = ""
    href: str = ""


def listing(lines: Sequence[Line], nothing: str = "Nothing.") -> Html:
    """Status, subject and one line more, as a list: latest reports, registers."""
    if not lines:
        return fill('<p class="db-nothing">{nothing}</p>', nothing=nothing)
    item = "<li>{status}<div>{text}<small>{note}</small></div></li>"
    shown = ((status(line.word), link(line.text, line.href), line.note) for line in lines)
    return _list("listing", (fill(item, status=word, text=text, note=note) for word, text, note in shown))


def needs_person(lines: Sequence[Line]) -> Html:
    """What asks somebody to act, worst first as given."""
    return listing(lines, "Nothing needs a person now.")


def columns(*blocks: object) -> Html:
    """Blocks side by side where there is room, below each other where not."""
    items = join((fill("<div>\n{b}\n</div>", b=block) for block in blocks), "\n")
    return Html(f'<div class="db-columns">\n{items}\n</div>')


def callout(title: str, body: object, kind: str = "noted", folded: bool = False) -> Html:
    """A remark beside the text; `folded` closes it behind its title. `body` is text or Html."""
    inner = body if isinstance(body, Html) else fill("<p>{body}</p>", body=body)
    box, head = ("details", "summary") if folded else ("div", "p")
    named = f'<{head} class="db-callout-title">{icon(kind)}{escape(title)}</{head}>'
    return Html(f'<{box} class="db-callout db-{kind}">{named}\n{squeeze(inner)}\n</{box}>')


def preformatted(text: str) -> Html:
    """Text as it came, line by line: an error, a query."""
    lines = (_html.escape(visible(line)) for line in text.splitlines())
    return Html('<pre class="db-pre"><code>' + "&#10;".join(lines) + "</code></pre>")


# -- tables -------------------------------------------------------------------------------------------------------------

NOTHING = ("", None, "—")
SHORT = re.compile(r"[A-Za-z0-9:+.-]{1,14}")  # an id or a time, which must not break at its hyphen


def table(
    caption: object,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[object]],
    ids: Sequence[str] = (),
    zone: str = "",
    searched: bool = True,
) -> Html:
    """
    A captioned table. columns: (title, kind) with kind `head` (names the row), `text`, `number`, `status`, `bar`, `spark`,
    `code` or `chip` (evidence, last). A `status` cell given as text is a status word. An empty cell is left out of the
    card that a row becomes on a phone, a column that is empty in every row out of the table. ids: the id of each row,
    e.g. "E-03", for links to it. zone: stands in the caption. searched: whether the site's search finds it.
    """
    if rows:
        filled = [any(cell not in NOTHING for cell in column) for column in zip(*rows, strict=True)]
        kept = [i for i, (one, some) in enumerate(zip(columns, filled, strict=True)) if some or one[1] == "head"]
        columns, rows = [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]
    heads = join(fill(f'<th scope="col" class="db-c-{kind}">{{title}}</th>', title=title) for title, kind in columns)
    body = join((_row(columns, row, ids[i] if ids else "") for i, row in enumerate(rows)), "\n")
    name = fill("{caption}{zone}", caption=caption, zone=f" ({zone})" if zone else "")
    return Html(
        f'<div class="db-table"{"" if searched else " data-search-exclude"}>\n<table class="db-grid"><caption>{name}</caption><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>\n</div>"
    )


def _row(columns: Sequence[tuple[str, str]], cells: Sequence[object], row_id: str) -> Html:
    tag = f'<tr id="{attribute(row_id)}">' if row_id else "<tr>"
    shown = join(_cell(title, kind, cell) for (title, kind), cell in zip(columns, cells, strict=True))
    return Html(f"{tag}{shown}</tr>")


def _cell(title: str, kind: str, cell: object) -> Html:
    if kind == "head":
        short = ' class="db-short"' if SHORT.fullmatch(str(cell)) else ""
        return fill(f'<th scope="row"{short}>{{cell}}</th>', cell=cell)
    if kind == "status" and cell and not isinstance(cell, Html):
        cell = status(str(cell))
    cell = "" if cell is None else cell
    extra = " db-empty" if cell == "" else ""
    return fill(f'<td class="db-c-{kind}{extra}" data-label="{{title}}">{{cell}}</td>', title=title, cell=cell)


# -- observation window ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One point of the observation window: "+12h", when, one line more; `word` as a status word, "" for the opening."""

    name: str
    at: object
    note: object = ""
    word: str = ""
    href: str = ""


def track(stops: Sequence[Stop]) -> Html:
    """The observation window from its opening to its last checkpoint."""
    after = [*(stop.word for stop in stops[1:]), "Pending"]
    items = (_stop(stop, kind_of(then) != "pending") for stop, then in zip(stops, after, strict=True))
    return _list("track", items, "ol")


def _stop(stop: Stop, passed: bool) -> Html:
    kind = kind_of(stop.word) if stop.word else "pass"
    return fill(
        f'<li class="db-{kind}{" db-reached" if passed else ""}">'
        "{icon}<div><strong>{name}</strong><span>{at}</span><span>{shown}</span></div></li>",
        icon=icon(kind),
        name=link(stop.name, stop.href),
        at=stop.at,
        shown=join(filter(None, (stop.note, stop.word)), " · "),
    )


# -- minute log -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log: local time as shown, the instant in UTC, the record's kind, its text, people, key moment."""

    at: str
    utc: str
    kind: str
    text: object
    people: tuple[str, ...] = ()
    key: bool = False


def log(phases: Sequence[tuple[str, str, Sequence[Entry]]]) -> Html:
    """
    The minute log by its phases: name, the time beside it ("14:00–14:06 PT"), entries.
    Plain HTML: the filter is hidden until the script wakes it, without it every entry shows.
    """
    whole = [entry for _, _, entries in phases for entry in entries]
    shown = join((_phase(*phase) for phase in phases), "\n")
    return Html(f'<section class="db-log" data-search-exclude>\n{_filter(whole)}\n{shown}\n</section>')


def _filter(entries: Sequence[Entry]) -> Html:
    kinds = Counter(entry.kind for entry in entries)
    people = sorted({person for entry in entries for person in entry.people})
    keys = sum(entry.key for entry in entries)
    buttons = join(_button(f"kind:{kind}", kind.capitalize(), count) for kind, count in kinds.items() if kind)
    options = join(fill('<option value="{p}">{p}</option>', p=person) for person in people)
    return Html(
        f'<div class="db-log-filter" role="group" aria-label="Filter the log" hidden><span>Show</span>'
        f"{_button('key', 'Key moments', keys) if keys else ''}{_button('all', 'All', len(entries), 'true')}"
        f"<span>Kind</span>{buttons}<label>Who <select><option value=''>anyone</option>{options}</select></label>"
        '<label>Find <input type="search"></label><button type="button" data-show="clear">Clear</button>'
        f'<output aria-live="polite">{len(entries)} of {len(entries)} entries</output></div>'
    )


def _button(show: str, name: str, count: int, pressed: str = "false") -> Html:
    button = '<button type="button" data-show="{show}" aria-pressed="{pressed}">{name} <b>{count}</b></button>'
    return fill(button, show=show, pressed=pressed, name=name, count=count)


def _phase(name: str, span: str, entries: Sequence[Entry]) -> Html:
    count = plural(len(entries), "entry", "entries")
    head = fill(
        '<div class="db-phase"><h3>{name}</h3><p>{span}<b>{count}</b></p></div>',
        name=name or "Log",
        span=f"{span} · " if span else "",
        count=count,
    )
    return Html(f"{head}\n{_list('entries', map(_entry, entries), 'ol')}")


def _entry(entry: Entry) -> Html:
    key = ' class="db-key"' if entry.key else ""
    return fill(
        f'<li{key} data-kind="{{kind}}" data-people="{{names}}">{{at}}<span class="db-log-kind">{{shown}}</span>'
        '<span class="db-log-text">{text}</span><span class="db-log-who">{people}</span></li>',
        kind=entry.kind,
        names="|".join(entry.people),
        at=moment(entry.at, entry.utc),
        shown=entry.kind.capitalize(),
        text=entry.text,
        people=", ".join(entry.people),
    )


# -- figures --------------------------------------------------------------------------------------------------------------


def figure(
    svg: str, caption: object, source: object = "", values: Html | None = None, narrow: str = "", figure_id: str = ""
) -> Html:
    """
    A chart with its caption, source line and table of values. svg: made by our own charts, or `panels`; never foreign.
    narrow: a second rendering for phones, where the text of the wide one would shrink.
    """
    picture = Html(squeeze(svg))
    if narrow:
        picture = Html(f'<div class="db-wide">{picture}</div>\n<div class="db-narrow">{squeeze(narrow)}</div>')
    return fill(
        '<figure class="db-figure"{id} data-search-exclude>\n<figcaption>{caption}</figcaption>\n{picture}\n{source}{values}'
        "\n</figure>",
        id=Html(f' id="{attribute(figure_id)}"') if figure_id else "",
        caption=caption,
        picture=picture,
        source=fill('<p class="db-source">Source {source}</p>', source=source) if source else "",
        values=fill("<details><summary>Values as a table</summary>\n{v}\n</details>", v=values) if values else "",
    )


def panels(charts: Sequence[tuple[str, object, str]]) -> Html:
    """Small multiples of one size: (title, note, svg), two columns on a desktop and one on a phone."""
    panel = '<div><p class="db-panel-title"><strong>{title}</strong> {note}</p>{svg}</div>'
    items = join((fill(panel, title=title, note=note, svg=Html(squeeze(svg))) for title, note, svg in charts), "\n")
    return Html(f'<div class="db-panels">\n{items}\n</div>')
