"""A hundred and twenty hostile texts through every input, in a real browser: nothing runs, and all of it reads as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, served
from built_site import ROOT, write_report
from payloads import payloads
from test_publish_site import workspace

from deploybook.book import Book
from deploybook.cli.report import pull
from deploybook.publish import publish
from deploybook.records import read_workspace
from deploybook.sections.text import plain

pytestmark = pytest.mark.slow

ALL = payloads()
SLUG = "hostile"
DEPLOYMENT = """title: Parser pool
ticket: CHG-2025-0122
timezone: America/Los_Angeles
windows: {baseline: 2025-01-21 14:00 to 15:30, deployment: 2025-01-22 14:00 to 15:30, observation: 48h}
sources:
  exports: {kind: files, paths: ["exports/original/*"]}
metrics:
  cpu: {gauge: parser_cpu, statistic: mean, unit: "%", target: at most 90 %, by: [pod]}
"""
FIELDS = ("title", "ticket", "version", "lead", "service", "team")
INERT = """() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes].filter(a => /^on/i.test(a.name) ||
  /^\\s*(javascript:|vbscript:|data:text)/i.test(a.value.replace(/[\\s\\0]/g, ''))).map(a => e.outerHTML.slice(0, 200)))"""
FOREIGN = """() => [...document.querySelectorAll('article *')].map(e => e.localName)
  .filter(n => ['script', 'iframe', 'object', 'embed', 'base', 'meta', 'link', 'style', 'form', 'img', 'math', 'video'].includes(n))"""


def hostile(root: Path) -> Path:
    """A workspace with the texts in exports (labels, file names), journal, records, notes, outputs and settings."""
    workspace(root)
    (root / "deploybook.yml").write_text("")
    (root / "notebooks").symlink_to(ROOT / "notebooks")
    folder = root / "deployments" / SLUG
    (folder / "exports" / "original").mkdir(parents=True)
    (folder / "notes").mkdir()
    (folder / "deployment.yml").write_text(DEPLOYMENT)
    lines = [f"14:{number // 4:02}:{number % 4 * 15:02} {plain(text)} #note @Avery" for number, text in enumerate(ALL)]
    (folder / "journal.md").write_text("\n".join(["# 2025-01-22", *lines, ""]))
    texts = ["".join(chr(0x2400 + ord(c)) if ord(c) < 32 and c not in "\t\n\r" else c for c in text) for text in ALL]
    records = {  # with control characters shown: the reader of records refuses them
        "team": [{"name": plain(text), "role": plain(text)} for text in texts],
        "risks": [{"id": f"R-{n}", "description": text, "owner": text, "status": text} for n, text in enumerate(texts)],
        "actions": [{"id": f"A-{n}", "text": text, "owner": text, "status": text} for n, text in enumerate(texts)],
        "artifacts": [{"text": text, "where": text} for text in texts],
    }
    (folder / "records.yml").write_text(json.dumps(records))
    (folder / "notes" / "lessons.md").write_text("\n\n".join(ALL))
    for number, text in enumerate(ALL):
        write_export(folder / "exports" / "original", number, text)
    return root


def write_export(folder: Path, number: int, label: str) -> None:
    """An export whose file and pod carry the text; a name holds no slash, no NUL and at most 200 bytes."""
    name = "".join(c for c in label if c not in "/\0\n\t")[:60]
    pod = '"' + plain(label).replace('"', '""') + '"'
    rows = [
        f"2025-01-{day}T{hour}:{minute:02}:00Z,parser_cpu,{pod},42"
        for day in (21, 22)
        for hour in (22, 23)
        for minute in range(0, 60, 5)
    ]
    (folder / f"{name} {number}.csv").write_text("\n".join(["timestamp,metric,pod,value", *rows, ""]))


def outputs() -> list[dict[str, Any]]:
    """A cell that shows each text as HTML, as Markdown, as text and on its standard output."""
    shown: list[dict[str, Any]] = [
        {"output_type": "display_data", "data": {kind: text}}
        for text in ALL
        for kind in ("text/html", "text/markdown", "text/plain", "image/svg+xml")
    ]
    shown += [{"output_type": "stream", "name": "stdout", "text": text} for text in ALL]
    return [{"cell_type": "code", "id": "<b>x", "source": "\n".join(ALL), "metadata": {}, "outputs": shown}]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = hostile(tmp_path_factory.mktemp("hostile") / "ws")
    place = read_workspace(root)
    pull(place, SLUG, datetime(2025, 1, 25, tzinfo=UTC))
    book = Book.open(SLUG, workspace=root)
    write_report(book, outputs())
    for start in range(0, len(ALL), len(FIELDS)):
        texts = [*ALL[start:], *ALL][: len(FIELDS)]
        metric = replace(book.deployment.metrics[0], title=texts[0], unit="%", by=())
        named = dict(zip(FIELDS, texts, strict=True))
        deployment = replace(book.deployment, slug=f"x{start}", metrics=(metric,), **named)
        write_report(Book(place, deployment, data=book.data))
        (root / "reports" / "2025" / "01" / deployment.slug / "outcome-notebook.md").unlink()
    publish(root)
    return root / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


def test_nothing_runs_loads_or_leads_away_on_any_page(browser: Any, site: Path) -> None:
    found: list[Any] = []
    with served(site) as address:
        page = browser.new_context().new_page()
        page.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
        page.on(
            "request", lambda request: request.url.startswith((address, "data:", "blob:")) or found.append(request.url)
        )
        pages = sorted(site.rglob("*.html"))
        for path in pages:
            page.goto(address + path.relative_to(site).as_posix())
            assert page.url.startswith(address)
            found += page.evaluate(INERT)
            images = "img" if path.name.startswith(("outcome-notebook", "index")) else ""
            found += [(path.name, tag) for tag in page.evaluate(FOREIGN) if tag != images]
        page.context.close()

    assert found == []
    assert len(ALL) >= 120
    assert len(pages) > 50


def said(page: Any, selector: str) -> str:
    """The text of all that matches, spaces and backticks aside (a span of code loses its own)."""
    return flat(" ".join(page.locator(selector).all_text_contents()))


def flat(text: str) -> str:
    return "".join(plain(text).replace("`", "").split())


@pytest.mark.parametrize(
    ("place", "selector"),
    [
        ("journal", ".db-log-text"),
        ("risk", ".db-grid td[data-label='What']"),
        ("artifact", "#evidence ~ .db-table td[data-label='What']"),
        ("label", ".db-table:has(caption:text('by pod')) tbody th"),
        ("output", ".db-pre"),
    ],
)
def test_each_text_reads_as_it_was_written(browser: Any, site: Path, place: str, selector: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((site / "2025" / "01" / SLUG / "index.html").as_uri())
    shown = said(page, selector)
    page.context.close()
    wanted = [text for text in ALL if place != "journal" or not set(text) & set("#@")]

    assert [text for text in wanted if flat(text) not in shown] == []
    assert len(wanted) > 90


def test_each_title_reads_as_it_was_written(browser: Any, site: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    shown = ""
    for path in (*sorted(site.glob("2025/01/x*/index.html")), *sorted(site.glob("changes/*.html"))):
        page.goto(path.as_uri())
        shown += said(page, "h1, .db-facts dd, .db-tile-label")
    page.context.close()

    assert [text for text in ALL if flat(text) not in shown] == []
