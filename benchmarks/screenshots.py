"""
Pictures of every page kind of a built site, light, dark, on a phone and printed: `screenshots.py [SITE] [FOLDER]`.

`report.png` among them is the top of a report as the README shows it; it goes to docs/images by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import chromium, served  # noqa: E402
from test_site_browser import MODES  # noqa: E402


def kinds(site: Path) -> dict[str, Path]:
    """One page of each kind that the site has, by the name of its picture."""
    patterns = {
        "home": "index.html",
        "archive": "archive/index.html",
        "month": "2*/*/index.html",
        "outcome": "2*/*/*/index.html",
        "notebook": "2*/*/*/*-notebook.html",
        "checkpoint": "2*/*/*/checkpoint-24h.html",
        "closing": "2*/*/*/closing.html",
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
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, served(site) as address:
        for mode, settings in MODES.items():
            page = browser.new_context(**settings).new_page()
            for name, path in kinds(site).items():
                page.goto(address + path.relative_to(site).as_posix(), wait_until="networkidle")
                page.screenshot(path=folder / f"{name}-{mode}.png", full_page=True, animations="disabled")
                if (mode, name) == ("light", "outcome"):
                    page.screenshot(path=folder / "report.png", clip={"x": 0, "y": 0, "width": 1280, "height": 570})
                if mode == "dark":
                    page.pdf(path=folder / f"{name}-print.pdf", prefer_css_page_size=True, print_background=True)
    print(f"{folder}: {len(list(folder.iterdir()))} pictures")


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    main(given[0] if given else ROOT / "site", given[1] if len(given) > 1 else ROOT / "build" / "screenshots")
