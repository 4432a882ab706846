"""The evidence behind each deployment's reports: every artifact with its full digest, and the way back to the pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...facts import EvidenceItem
from ...sections import markup
from ...sections.record import named, size
from ...sections.text import Html, fill, join
from ...wording import plural
from ..gather import Page, way
from . import frame as f
from .paths import evidence_path

PATH = "evidence/index"
STEPS = [("Today", "index.html"), ("Evidence", "evidence/index.html")]
GOOD = ("Verified", "Held")


@dataclass
class Row:
    item: EvidenceItem
    state: str
    used: list[Page] = field(default_factory=list)


def evidence(
    pages: Sequence[Page],
    states: Mapping[str, str] | None = None,
    log: Mapping[str, Any] | None = None,
    touched: Collection[Page] | None = None,
) -> dict[str, str]:
    """
    One page a deployment (of the touched ones where they are given), its SHA256SUMS, and the list of the newest.

    states: digest to what a check found ("Verified", "Changed", "Not re-checked"). log: size and root of the evidence
    log, for the list; both from the evidence layer, absent where nothing was checked.
    """
    made: dict[str, str] = {}
    rows = []
    groups = f.by_deployment(pages)
    for slug in groups.keys() if touched is None else groups.keys() & {page.facts.deployment for page in touched}:
        artifacts, path = gather_rows(groups[slug], states or {}), evidence_path(slug)
        made[f"{path}.md"] = evidence_page(path, groups[slug][0], artifacts)
        made[f"{path}.SHA256SUMS"] = sums(artifacts)
    for slug, group in list(groups.items())[: f.MOST_ROWS]:
        artifacts, path = gather_rows(group[:1], states or {}), evidence_path(slug)
        good = sum(row.state in GOOD for row in artifacts)
        rows.append(
            [
                markup.link(group[0].subject, way(PATH, f"{path}.html")),
                str(len(artifacts)),
                str(good),
                str(len(artifacts) - good),
                state_of(artifacts),
            ]
        )
    columns = [
        ("Change", "head"),
        ("Artifacts", "number"),
        ("Held", "number"),
        ("Not held or changed", "number"),
        ("State", "status"),
    ]
    table = (
        f.capped(PATH, "By change, as its newest report says", columns, rows, len(groups))
        if rows
        else markup.listing([], "No evidence yet.")
    )
    about = (
        markup.facts_line([("Evidence log", plural(log["size"], "entry", "entries")), ("Root", log["root"])])
        if log
        else ""
    )
    made[f"{PATH}.md"] = f.frame(PATH, "Evidence", [about, table, HOW], STEPS)
    return made


HOW = (
    "<p>Anybody can check it without us: <code>deploybook verify</code> in the workspace, or the program inside a pack with "
    "nothing but Python, or <code>sha256sum -c</code> with the list that each page offers.</p>"
)


def gather_rows(group: Sequence[Page], states: Mapping[str, str]) -> list[Row]:
    """Each artifact once, with all the pages that use it; the numbers are those of the newest page that has it."""
    rows: dict[tuple[str, str], Row] = {}
    for page in group:
        for item in page.whole.evidence:
            state = states.get(item.digest, "Held") if item.held else "Not held"
            rows.setdefault((item.digest, item.name), Row(item=item, state=state)).used.append(page)
    return sorted(rows.values(), key=lambda row: (len(row.item.number), row.item.number, row.item.name))


def state_of(rows: Sequence[Row]) -> Html:
    """The worst state, with its shape."""
    states = {row.state for row in rows}
    if "Changed" in states:
        return markup.status("Changed", "breach")
    bad = sum(row.state not in GOOD for row in rows)
    if bad:
        return markup.status(f"{bad} not held", "no-data")
    return markup.status("Verified" if states == {"Verified"} else "Held")


def evidence_page(path: str, page: Page, rows: Sequence[Row]) -> str:
    good = sum(row.state in GOOD for row in rows)
    changed = [row.item.number for row in rows if row.state == "Changed"]
    missing = [row.item.number for row in rows if row.state not in (*GOOD, "Changed")]
    checked = all(row.state == "Verified" for row in rows if row.state in GOOD)
    word = "Changed" if changed else "Verified" if checked and good else "On record"
    sentence = (
        f"{good} of {plural(len(rows), 'artifact')} {'match' if checked else 'are held with'} the sha256 on record."
    )
    detail = f"{', '.join(changed or missing)}: {'not what was recorded' if changed else 'named by the records, not held here'}."
    block = markup.verdict_block(
        f"{word}, {len(missing)} not held" if missing and not changed else word,
        sentence,
        detail if changed or missing else "",
        page.facts.ticket,
        kind="breach" if changed else "pass" if good else "no-data",
    )
    sums_link = markup.link("SHA256SUMS", way(path, f"{path}.SHA256SUMS"))
    check = f"<p>Check a copy: <code>sha256sum -c SHA256SUMS</code> in the workspace, with {sums_link}.</p>"
    body = [block, evidence_table(path, rows), check] if rows else [markup.listing([], "No artifact is on record.")]
    return f.frame(path, f"Evidence, {page.subject}", body, STEPS)


def evidence_table(path: str, rows: Sequence[Row]) -> Html:
    columns = [
        ("Id", "head"),
        ("What", "text"),
        ("Kind", "text"),
        ("Size", "number"),
        ("SHA-256", "code"),
        ("Used in", "text"),
        ("State", "status"),
    ]
    taken: set[str] = set()
    ids = [unique(row.item.number, taken) for row in rows]
    shown = [cells(path, row) for row in rows]
    return markup.table("Artifacts behind the reports", columns, shown, ids=ids, searched=False)


def unique(number: str, taken: set[str]) -> str:
    """An id for the row; the same number on an older page may have meant another artifact."""
    name, count = number, 1
    while name in taken:
        count += 1
        name = f"{number}-{count}"
    taken.add(name)
    return name


def cells(path: str, row: Row) -> list[object]:
    item = row.item
    used = join((markup.link(short(use), way(path, f"{use.address}#{item.number}")) for use in row.used), " ")
    return [
        item.number,
        named(item),
        item.kind,
        size(item.size) if item.digest else "",
        fill("<code>{digest}</code>", digest=item.digest) if item.digest else "",
        fill('<span class="db-used">{used}</span>', used=used),
        markup.status(row.state, "breach" if row.state == "Changed" else None),
    ]


def short(page: Page) -> str:
    return f"+{page.facts.after}" if page.facts.after else page.facts.kind.capitalize()


def sums(rows: Sequence[Row]) -> str:
    """As sha256sum reads it; names with a backslash or a line break are escaped its way."""
    lines = []
    for row in rows:
        name = row.item.path or row.item.name
        if not row.item.digest or not row.item.held:
            continue
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f"{chr(92) if escaped != name else ''}{row.item.digest}  {escaped}\n")
    return "".join(lines)
