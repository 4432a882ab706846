"""Publishing what is new: the same bytes as building all, each page whole at every moment, all again where it must be."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_site import KEY, NOW, ORIGIN
from test_publish_pages import HELD, checkpoint, metric, other, page
from test_publish_site import workspace

from deploybook.evidence import Log
from deploybook.evidence.seal import seal
from deploybook.publish import Published, publish
from deploybook.publish.gather import Page


def contents(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def months() -> list[Page]:
    """Reports of four months, some of them open, some with the same metric."""
    found = [page(metrics=(metric(),), evidence=(HELD,)), checkpoint(1, metrics=(metric(58.1),), evidence=(HELD,))]
    for number in range(8):
        made = other(f"d{number}", metrics=(metric(50.0 + number),), as_of=page().as_of - timedelta(days=12 * number))
        month = f"{made.as_of:%Y/%m}"
        found.append(Page.of(f"{month}/d{number}/index", made.facts))
    return found


def add(root: Path, *pages: Page) -> None:
    """Writes reports as `deploybook report` does, which puts a new file in the old one's place."""
    settings = (root / "mkdocs.yml").read_text(encoding="utf-8")
    for one in pages:
        for ending in (".page.json", ".md"):
            (root / "reports" / f"{one.path}{ending}").unlink(missing_ok=True)
    workspace(root, *pages)
    (root / "mkdocs.yml").write_text(settings, encoding="utf-8")


def both_ways(root: Path, *new: Page) -> tuple[Published, dict[str, bytes], dict[str, bytes]]:
    """After `new` was added: what a part gave, and what building all gives."""
    add(root, *new)
    done = publish(root)
    part = contents(root / "site")
    publish(root, full=True)
    return done, part, contents(root / "site")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = workspace(tmp_path / "ws", *months())
    assert not publish(root).part
    return root


def test_a_new_report_gives_the_bytes_of_building_all(root: Path) -> None:
    done, part, whole = both_ways(
        root, checkpoint(2, metrics=(metric(59.0),), evidence=(HELD,)), other("new", ticket="CHG-9")
    )

    assert done.part
    assert sorted(part) == sorted(whole)
    assert [path for path in whole if part[path] != whole[path]] == []
    assert "2025/01/new/index.html" in part
    assert "changes/chg-9.html" in part


def test_a_report_made_again_gives_the_bytes_of_building_all(root: Path) -> None:
    done, part, whole = both_ways(root, page(metrics=(metric(64.2, "Watch"),), word="Watch", modifier=""))

    assert done.part
    assert part == whole


def test_a_site_map_names_the_pages_that_a_part_leaves(root: Path) -> None:
    with (root / "mkdocs.yml").open("a") as stream:
        stream.write("\nsite_url: https://reports.example/\n")
    publish(root)
    done, part, whole = both_ways(root, checkpoint(2))

    assert done.part
    assert part == whole
    assert b"https://reports.example/2025/01/2025-01-22-telemetry-step2/index.html" in part["sitemap.xml"]


def test_how_far_the_build_is_grows_to_the_whole(root: Path) -> None:
    told: list[float] = []
    publish(root, full=True, progress=told.append)

    assert told == sorted(told)
    assert len(told) > 20
    assert told[-1] == 1


def test_nothing_new_builds_no_report(root: Path) -> None:
    before = {path: (root / "site" / path).stat().st_mtime_ns for path in contents(root / "site")}
    done = publish(root)
    after = {path: (root / "site" / path).stat().st_mtime_ns for path in contents(root / "site")}

    assert done.part
    assert {path for path in before if before[path] != after[path]} <= {"sitemap.xml.gz"}


@pytest.mark.parametrize("change", ["configuration", "own page", "report gone", "other builder", "state gone"])
def test_all_is_built_where_a_part_would_not_do(root: Path, change: str) -> None:
    if change == "configuration":
        with (root / "mkdocs.yml").open("a") as stream:
            stream.write("\nsite_description: Ours\n")
    elif change == "own page":
        (root / "reports" / "about.md").write_text("# About us\n")
    elif change == "report gone":
        shutil.rmtree(root / "reports" / "2025" / "01" / "d0")
    elif change == "other builder":
        (root / "site" / "index.html").write_text("another program wrote this, at another time")
    else:
        (root / ".site-state").unlink()

    assert not publish(root).part
    assert (root / "site" / "about.html").is_file() == (change == "own page")
    assert (root / "site" / "2025" / "01" / "d0").exists() == (change != "report gone")


def test_the_seal_covers_what_a_part_left_and_what_it_replaced(root: Path) -> None:
    log = Log.open(root / "evidence", key=KEY, origin=ORIGIN)
    publish(root, full=True, seal=lambda site, **part: seal(log, site, NOW, **part))
    add(root, checkpoint(2))
    assert publish(root, seal=lambda site, **part: seal(log, site, NOW, **part)).part
    part = (root / "site" / "SHA256SUMS").read_bytes()
    copied = contents(root / "site" / "evidence" / "log")
    publish(root, full=True, seal=lambda site, **part: seal(log, site, NOW, **part))

    assert part == (root / "site" / "SHA256SUMS").read_bytes()
    assert copied.keys() <= contents(root / "site" / "evidence" / "log").keys()
    assert b"checkpoint-12h.html" in part


@pytest.mark.slow
def test_a_reader_never_meets_a_missing_or_a_torn_page(root: Path) -> None:
    watched = [root / "site" / name for name in ("index.html", "2025/01/index.html", "archive/index.html")]
    broken: list[str] = []
    polls, done = 0, threading.Event()

    def read() -> None:
        nonlocal polls
        while not done.is_set():
            for path in watched:
                polls += 1
                try:
                    text = path.read_text(encoding="utf-8")
                except FileNotFoundError:
                    broken.append(f"{path.name} is missing")
                    continue
                if not text.rstrip().endswith("</html>"):
                    broken.append(f"{path.name} is torn")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(20):
            add(root, other(f"later{number}"))
            assert publish(root, full=number == 10).part == (number != 10)
    finally:
        done.set()
        reader.join()

    assert broken == []
    assert polls > 10_000
