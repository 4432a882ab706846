"""The same sources and the same mkdocs.yml, built by the theme's named successor: the way out is kept open."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from built_site import reference_site

pytestmark = pytest.mark.slow


def article(path: Path) -> tuple[str, list[str], str]:
    """Title, links and text of the content of a built page."""
    page = path.read_text(encoding="utf-8")
    title = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    body = page[page.index("<article") : page.index("</article>")]
    links = re.findall(r'<a href="([^"#][^"]*)"', body)
    text = unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|svg).*?</\1>", "", body)))
    return re.sub(r"<[^>]*>", "", title[1]) if title else "", links, "".join(text.replace("¶", "").split())


def test_the_successor_builds_the_same_titles_links_and_text(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="zensical is not installed")
    root = reference_site(tmp_path)
    ours = root / "ours"
    shutil.move(root / "site", ours)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = [path for path in sorted(ours.rglob("*.html")) if path.name != "404.html"]

    assert len(pages) > 25
    for path in pages:
        assert article(root / "site" / path.relative_to(ours)) == article(path), path
