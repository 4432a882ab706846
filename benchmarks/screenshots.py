"""Pictures of every page kind of a built site, light, dark, on a phone and printed: `screenshots.py [SITE] [FOLDER]`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODES = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def kinds(site: Path) -> dict[str, Path]:
    """One page of each kind that the site has, by the name of its picture."""
    patterns = {
        "home": "index.html",
        "archive": "archive/index.html",
        "month": "2*/*/index.html",
        "outcome": "2*/*/*/index.html",
        "notebook": "2*/*/*/*-notebook.html",
        "checkpoint": "2*/*/*/checkpoint-24h.html",
        "daily": "2*/*/daily/*.html",
        "change": "changes/[!i]*.html",
        "changes": "changes/index.html",
        "metric": "metrics/[!i]*.html",
        "metrics": "metrics/index.html",
        "risks": "registers/risks.html",
        "actions": "registers/actions.html",
        "lessons": "registers/lessons.html",
        "evidence": "evidence/[!i]*.html",
        "evidence-all": "evidence/index.html",
    }
    return {name: found[0] for name, pattern in patterns.items() if (found := sorted(site.glob(pattern)))}


def main(site: Path, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for mode, settings in MODES.items():
            page = browser.new_context(**settings).new_page()
            for name, path in kinds(site).items():
                page.goto(path.as_uri())
                page.screenshot(path=folder / f"{name}-{mode}.png", full_page=True)
                if mode == "light" and name == "outcome":
                    page.set_viewport_size({"width": 1280, "height": 800})
                    page.screenshot(path=folder / "report.png")
                if mode == "dark":
                    page.pdf(path=folder / f"{name}-print.pdf", prefer_css_page_size=True, print_background=True)
        browser.close()
    print(f"{folder}: {len(list(folder.iterdir()))} pictures")


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    main(given[0] if given else ROOT / "site", given[1] if len(given) > 1 else ROOT / "build" / "screenshots")
