"""The published reference deployment in a real browser: readable by all, in the dark, on a phone, on paper, without scripts."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import DESKTOP, PHONE, axe, chromium, served
from built_site import SLUG, reference_site
from servers import program

from deploybook.publish import gather
from deploybook.publish.paper import print_pages

pytestmark = pytest.mark.slow

REPORT = f"2025/01/{SLUG}/"
KINDS = {
    "home": "index.html",
    "outcome": f"{REPORT}index.html",
    "notebook": f"{REPORT}checkpoint-24h-notebook.html",
    "checkpoint": f"{REPORT}checkpoint-24h.html",
    "closing": f"{REPORT}closing.html",
    "daily": "2025/01/daily/2025-01-22.html",
    "failed": "2025/01/broken/index.html",
    "missing": "2025/01/missing/index.html",
    "archive": "archive/index.html",
    "month": "2025/01/index.html",
    "change": "changes/chg-2025-0121.html",
    "changes": "changes/index.html",
    "metric": "metrics/parser-p50.html",
    "metrics": "metrics/index.html",
    "risks": "registers/risks.html",
    "lessons": "registers/lessons.html",
    "evidence": f"evidence/{SLUG}.html",
    "evidence list": "evidence/index.html",
}
MODES: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light"},
}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reference_site(tmp_path_factory.mktemp("reference")) / "site"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize("mode", MODES)
def test_no_page_kind_violates_a_rule_of_accessibility(browser: Any, address: str, mode: str) -> None:
    source, found = axe(), []
    page = browser.new_context(**MODES[mode]).new_page()
    for kind, path in KINDS.items():
        page.goto(address + path)
        page.evaluate(source)
        result = page.evaluate("tags => axe.run({runOnly: tags, resultTypes: ['violations'], preload: false})", TAGS)
        for one in result["violations"]:
            found.append((kind, one["id"], [node["html"][:160] for node in one["nodes"]][:3]))
    page.context.close()

    assert found == []


# The theme's hidden search panel moves for a quarter of a second when a window changes its size.
FITS = """() => new Promise(done => { const end = performance.now() + 1500, look = () =>
  document.documentElement.scrollWidth <= innerWidth ? done(true) : performance.now() > end ? done(false) : setTimeout(look, 50);
  requestAnimationFrame(look); })"""


def test_no_page_scrolls_sideways_and_headings_and_ids_are_in_order(browser: Any, address: str) -> None:
    page = browser.new_context(**MODES["light"]).new_page()
    over = []
    for path in KINDS.values():
        page.goto(address + path)
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert levels.count(1) == levels[0] == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)
        assert len(ids) == len(set(ids)), path
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            if not page.evaluate(FITS):
                over.append((path, width))
    page.context.close()

    assert over == []


FOCUSABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter(e =>
  e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !e.disabled && e.tabIndex >= 0
  && !e.closest('.md-search, .md-top, .md-skip') && !(e.type === 'radio' && !e.checked)).length"""
RING = """() => { const e = document.activeElement;
  return [e, e.nextElementSibling, e.closest('form')].some(x => x && getComputedStyle(x).outlineStyle !== 'none'); }"""


@pytest.mark.parametrize("kind", ["home", "checkpoint", "evidence"])
def test_the_keyboard_reaches_all_and_skips_to_the_content_first(browser: Any, address: str, kind: str) -> None:
    page = browser.new_context(**MODES["light"]).new_page()
    page.goto(address + KINDS[kind])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('md-skip')")
    reached, ringless = 0, set()
    page.evaluate("window.seen = new Set()")
    for _ in range(2000):
        page.keyboard.press("Tab")
        new = page.evaluate(
            "() => { const e = document.activeElement, n = !seen.has(e); seen.add(e); return n && e !== document.body; }"
        )
        if not new:
            break
        reached += 1
        if not page.evaluate(RING):
            ringless.add(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    wanted = page.evaluate(FOCUSABLE)
    page.context.close()

    assert reached >= wanted > 10
    assert not ringless


def test_the_log_is_whole_without_scripts(browser: Any, address: str) -> None:
    page = browser.new_context(java_script_enabled=False, viewport=PHONE).new_page()
    page.goto(address + KINDS["outcome"])
    entries = page.locator(".db-entries > li")

    assert entries.count() == 70
    assert all(entries.nth(i).is_visible() for i in range(70))
    assert not page.locator(".db-log-filter").is_visible()
    assert page.locator(".db-verdict-word").inner_text() == "Pass so far"
    page.context.close()


def test_the_counts_of_the_log_follow_its_filters(browser: Any, address: str) -> None:
    page = browser.new_context(**MODES["light"]).new_page()
    page.goto(address + KINDS["outcome"])
    told = page.locator(".db-log-filter output")
    assert told.inner_text() == "70 of 70 entries"
    page.get_by_role("button", name=re.compile("^Decision")).click()
    decisions = page.locator(".db-entries > li:visible").count()

    assert told.inner_text() == f"{decisions} of 70 entries"
    assert 0 < decisions < 20
    phases = page.locator(".db-phase:visible b").all_inner_texts()
    assert sum(int(text.split()[0]) for text in phases) == decisions
    page.get_by_label("Who").select_option("Oliver")
    assert page.locator(".db-entries > li:visible").count() < decisions
    page.locator("[data-show=clear]").click()
    assert told.inner_text() == "70 of 70 entries"
    page.get_by_label("Find").fill("cli-exec-2")
    assert page.locator(".db-entries > li:visible").count() == 1
    page.context.close()


def test_a_phone_starts_with_the_key_moments(browser: Any, address: str) -> None:
    page = browser.new_context(**MODES["phone"]).new_page()
    page.goto(address + KINDS["outcome"])

    assert page.locator(".db-entries > li:visible").count() == page.locator(".db-key").count() < 30
    page.context.close()


def test_a_figure_tells_what_it_is_made_of_when_focused(browser: Any, address: str) -> None:
    page = browser.new_context(**MODES["light"]).new_page()
    page.goto(address + KINDS["outcome"])
    figure = page.locator("[data-figure^='parser_p50@']").first
    figure.locator("a").focus()
    tip = figure.locator(".db-tip")

    assert tip.is_visible()
    assert re.search(r"58\.\d{6,} ms", tip.inner_text())
    assert "14:00 to 15:30 PT" in tip.inner_text()
    assert "samples" in tip.inner_text()
    assert "sha256" in tip.inner_text()
    assert page.locator(figure.locator("a").get_attribute("href")).count() == 1
    page.context.close()


def test_text_in_charts_is_large_enough_on_a_phone(browser: Any, address: str) -> None:
    page = browser.new_context(**MODES["phone"]).new_page()
    page.goto(address + KINDS["outcome"])
    sizes = page.evaluate("""() => [...document.querySelectorAll('.db-figure svg')].filter(s => s.checkVisibility())
        .flatMap(s => { const k = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
          return [...s.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * k); })""")
    page.context.close()

    assert len(sizes) > 50
    assert min(sizes) >= 10.5


LOGGED = """() => [...document.querySelectorAll('.db-entries > li')]
  .map(e => [e.querySelector('time').textContent, e.querySelector('.db-log-kind').textContent])"""


@pytest.mark.parametrize("kind", ["outcome", "checkpoint"])
def test_paper_is_white_and_holds_every_word_id_and_time(browser: Any, address: str, tmp_path: Path, kind: str) -> None:
    page = browser.new_context(**MODES["dark"]).new_page()
    page.goto(address + KINDS[kind])
    words = set(page.locator(".db-status").all_text_contents())
    ids = set(page.locator(".db-chip").all_text_contents())
    times = page.evaluate(LOGGED)
    assert {"Pass", "Held"} <= words
    assert len(ids) > 3
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True, print_background=True)
    page.context.close()
    pdf = str(tmp_path / "page.pdf")
    text = run(program("pdftotext"), "-layout", pdf, "-").decode()

    assert [word for word in words if word not in " ".join(text.split())] == []
    assert [id for id in ids if id not in text] == []
    assert [time for time, kind in times if not re.search(rf"{time}\s+{kind}\b", text)] == []
    assert len(times) == (70 if kind == "outcome" else 0)
    run(program("pdftoppm"), "-r", "20", pdf, str(tmp_path / "sheet"))
    for sheet in tmp_path.glob("*.ppm"):
        pixels = sheet.read_bytes().split(b"\n", 3)[3]
        assert pixels[:3] == pixels[-3:] == b"\xff\xff\xff", sheet


def run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_pages_stay_within_their_weight_and_ask_nobody_else(browser: Any, site: Path, address: str) -> None:
    for path in site.rglob("*.html"):
        content = path.read_bytes()
        assert len(content) <= 250_000, path
        assert len(gzip.compress(content)) <= 50_000, path
    for kind in ("home", "outcome"):
        page = browser.new_context(**MODES["light"]).new_page()
        asked, weight = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("response", lambda response, weight=weight: weight.append(response))
        page.goto(address + KINDS[kind], wait_until="networkidle")
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
        assert sum(len(one.body()) for one in weight if one.ok) <= 700_000
        page.context.close()


def test_a_page_opens_from_a_disk(browser: Any, site: Path) -> None:
    page = browser.new_context(**MODES["light"]).new_page()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto((site / KINDS["home"]).as_uri())
    page.get_by_role("link", name="Telemetry Step 2 closing report").click()

    assert page.locator("h1").inner_text().startswith("Telemetry Step 2 closing report")
    assert [url for url in failed if not url.startswith("file:")] == []
    page.context.close()


def test_the_site_works_under_the_policy_it_is_published_with(browser: Any, site: Path) -> None:
    (policy,) = re.findall(r"Content-Security-Policy: (.*)", (site / "_headers").read_text())
    with served(site, policy) as address:
        page = browser.new_context(**MODES["light"]).new_page()
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective + ' ' + e.sample))"
        )
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        for path in KINDS.values():
            page.goto(address + path)
        page.goto(address + KINDS["outcome"])
        page.get_by_role("button", name=re.compile("^Decision")).click()
        assert page.locator(".db-entries > li:visible").count() < 20
        page.locator("input[name=query]").click()
        page.keyboard.type("telemetry")
        page.locator(".md-search-result__item").first.wait_for(state="attached")
        page.context.close()

    assert told == []
    assert "unsafe" not in policy


def test_a_report_is_printed_with_its_ticket_and_taken_over_where_it_is_the_same(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    (page,) = (one for one in gather(site.parent / "reports") if one.path == f"{REPORT}checkpoint-1h")
    new, old = tmp_path / "new", tmp_path / "old"
    shutil.copytree(site, new)
    shutil.copytree(site, old)
    with ThreadPoolExecutor() as apart:  # Playwright's own loop runs in this thread already
        assert apart.submit(print_pages, new, old, [page]).result() == 1
    pdf = new / f"{page.path}.pdf"
    text = run(program("pdftotext"), str(pdf), "-").decode()

    assert "CHG-2025-0121 · Telemetry Step 2" in text
    assert re.search(r"1 of [2-9]", text)
    assert "Tagged:          yes" in run(program("pdfinfo"), str(pdf)).decode()
    assert print_pages(site, new, [page]) == 0
    assert (site / f"{page.path}.pdf").read_bytes() == pdf.read_bytes()


def test_search_leaves_out_notes_of_figures_pictures_digests_and_the_log(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    page = (site / KINDS["outcome"]).read_text(encoding="utf-8")

    for said in ("1434 of 1440 samples", "limit ≤ 65 ms", "counted the parser workers"):
        assert said in page
        assert said not in index
    assert len(index) < 120_000
