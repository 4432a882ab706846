"""Reports as PDF, by Chromium through Playwright: tagged, with an outline, each sheet with its ticket and number."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..errors import PublishFailed
from .gather import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOOTER = (
    '<div style="width:100%;padding:0 14mm;font:7pt sans-serif;color:#45515f;display:flex;justify-content:space-between">'
    '<span>{subject}</span><span><span class="pageNumber"></span> of <span class="totalPages"></span></span></div>'
)
PAPER: dict[str, Any] = {
    "prefer_css_page_size": True,
    "print_background": True,
    "tagged": True,
    "outline": True,
    "display_header_footer": True,
    "header_template": "<span></span>",
}


def print_pages(site: Path, before: Path, pages: Sequence[Page]) -> int:
    """
    A PDF beside the page of every report in the built site; one whose page is as in the site before is taken over.

    Gives how many were printed. Raises PublishFailed where Playwright or a browser is missing.
    """
    wanted = [page for page in pages if not take_over(site, before, page)]
    if not wanted:
        return 0
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise PublishFailed("--pdf needs Playwright; run: pip install 'deploybook[pdf]'") from error
    browsers = [found for name in BROWSERS if (found := shutil.which(name))]
    with sync_playwright() as play:
        try:
            browser = play.chromium.launch(
                executable_path=browsers[0] if browsers else None, args=["--disable-gpu", "--no-sandbox"]
            )
            sheet = browser.new_context(color_scheme="light").new_page()
            for page in wanted:
                path = site / page.address
                sheet.goto(path.resolve().as_uri())
                footer = FOOTER.format(subject=escape(f"{page.subject} · {page.title}".strip(" ·")))
                sheet.pdf(path=path.with_suffix(".pdf"), footer_template=footer, **PAPER)
            browser.close()
        except Error as error:
            raise PublishFailed(f"--pdf: {str(error).splitlines()[0]}; is Chromium installed?") from error
    return len(wanted)


def take_over(site: Path, before: Path, page: Page) -> bool:
    """Copies the PDF of the site before where its page is the same, byte for byte."""
    html, old = site / page.address, before / page.address
    printed = old.with_suffix(".pdf")
    if not printed.is_file() or not old.is_file() or old.read_bytes() != html.read_bytes():
        return False
    shutil.copyfile(printed, html.with_suffix(".pdf"))
    return True
