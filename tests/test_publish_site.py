"""From page facts to a built site: strict, whole, self-contained, and never half."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from build import at
from test_markup import HOSTILE, Reader
from test_publish_pages import HELD, MISSING, checkpoint, facts, metric, other, page

from deploybook.errors import PublishFailed
from deploybook.publish import gather, publish
from deploybook.publish.gather import Page
from deploybook.publish.policy import hashes_of
from deploybook.publish.site import exchange, swap
from deploybook.publish.tree import write_pages
from deploybook.sections import markup, text
from deploybook.sections.page import Failure, write_page_facts

ROOT = Path(__file__).parents[1]


def workspace(root: Path, *pages: Page) -> Path:
    """A workspace whose reports are these pages, each with a heading and its evidence rows."""
    root.mkdir(exist_ok=True)
    shutil.copy(ROOT / "mkdocs.yml", root / "mkdocs.yml")
    for one in pages:
        file = root / "reports" / f"{one.path}.page.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(write_page_facts(one.facts), encoding="utf-8")
        rows = [[item.number, item.name] for item in one.facts.evidence]
        table = markup.table("Evidence", [("Id", "head"), ("What", "text")], rows, ids=[str(row[0]) for row in rows])
        body = f"{text.front_matter(one.facts.title)}\n{text.heading(one.facts.title, 1)}\n\n{table}\n"
        if not one.facts.failure:
            file.with_name(file.name.replace(".page.json", ".md")).write_text(body, encoding="utf-8")
    return root


class Links(Reader):
    """Ids, links and scripts of a built page."""

    def __init__(self, path: Path) -> None:
        self.ids: list[str] = []
        self.links: list[str] = []
        self.events: list[str] = []
        super().__init__(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("href", "src") and value:
                self.links.append(value)
            if name.startswith("on"):
                self.events.append(name)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    broken = other(
        "broken", failure=Failure(sentence="The notebook stopped.", missing="all 5 checks", last_good="../x/index.html")
    )
    broken = Page.of(broken.path, broken.facts)
    kinds = (
        page(metrics=(metric(),), evidence=(HELD, MISSING)),
        checkpoint(1, metrics=(metric(),), evidence=(HELD,)),
        broken,
    )
    root = workspace(tmp_path_factory.mktemp("site") / "ws", *kinds, other("x"))
    publish(root)
    return root


def test_every_link_on_every_page_leads_somewhere(built: Path) -> None:
    pages = {path: Links(path) for path in sorted((built / "site").rglob("*.html")) if path.name != "404.html"}
    assert len(pages) > 15

    for path, shown in pages.items():
        for link in shown.links:
            parts = urlsplit(link)
            assert not parts.scheme or parts.scheme == "data", (path, link)
            assert not parts.netloc, (path, link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file() or (target / "index.html").is_file(), (path, link)
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].ids, (path, link)


def test_no_id_stands_twice_and_each_page_has_one_h1(built: Path) -> None:
    for path in sorted((built / "site").rglob("*.html")):
        shown = Links(path)
        assert len(shown.ids) == len(set(shown.ids)), path
        assert shown.tags.count("h1") == 1, path


def test_the_navigation_does_not_grow_with_the_archive(built: Path) -> None:
    for path in sorted((built / "site" / "2025").rglob("*.html")):
        assert path.read_text(encoding="utf-8").count('class="md-tabs__item') <= 5


def test_page_facts_are_not_published(built: Path) -> None:
    assert not list((built / "site").rglob("*.page.json"))


def test_search_holds_three_months_in_full_and_the_rest_by_their_month(tmp_path: Path) -> None:
    old = other("old", as_of=at(-91 * 86400), title="Parser pool doubled")
    old = Page.of("2024/10/old/index", old.facts)
    root = workspace(tmp_path / "ws", old, page(title="Telemetry Step 2"))
    publish(root)
    index = json.loads((root / "site" / "search" / "search_index.json").read_text())
    places = {entry["location"] for entry in index["docs"] if "Parser pool doubled" in entry["title"] + entry["text"]}

    assert not any(entry["location"].startswith("2024/10/old/") for entry in index["docs"])
    assert any(place.startswith("2024/10/index.html") for place in places)
    assert any(entry["location"].startswith("2025/01/2025-01-22-telemetry-step2/") for entry in index["docs"])


def test_the_policy_names_every_inline_script_and_nothing_unsafe(built: Path) -> None:
    told = (built / "site" / "_headers").read_text()

    for path in (built / "site").rglob("*.html"):
        assert all(one in told for one in hashes_of(path.read_text(encoding="utf-8"))), path
    assert "default-src 'none'; script-src 'self' 'sha256-" in told
    assert hashes_of("<script>1</script><script src=x></script>") == {
        "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"  # printf 1 | openssl dgst -sha256 -binary | base64
    }


def test_a_site_opened_from_a_disk_finds_the_script_that_the_theme_asks_for(built: Path) -> None:
    assert (built / "site" / "search" / "search_index.js").read_text().startswith("var __index = {")


def test_publishing_again_changes_no_file(built: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((built / "reports").rglob("*")) if path.is_file()}

    assert publish(built).changed == ()
    assert {path: path.read_bytes() for path in sorted((built / "reports").rglob("*")) if path.is_file()} == before
    assert not (built / ".site-staging").exists()


def test_hostile_titles_are_inert_in_the_built_site(tmp_path: Path) -> None:
    pages = [other(f"x{number}", title=payload, name=payload, team=payload) for number, payload in enumerate(HOSTILE)]
    harmless = [other(f"x{number}", title="Title", name="Name", team="Team") for number, _ in enumerate(HOSTILE)]
    publish(workspace(tmp_path / "hostile", *pages))
    publish(workspace(tmp_path / "harmless", *harmless))

    for path in sorted((tmp_path / "hostile" / "site").rglob("*.html")):
        shown, same = Links(path), Links(tmp_path / "harmless" / path.relative_to(tmp_path / "hostile"))
        assert shown.events == same.events == []
        for tag in ("script", "iframe", "img", "style", "base", "meta", "math", "object"):
            assert shown.tags.count(tag) == same.tags.count(tag), (path, tag)
    first = (tmp_path / "hostile" / "site" / "2025" / "01" / "x0" / "index.html").read_text(encoding="utf-8")
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt; - Deployment outcomes</title>" in first


def test_a_missing_configuration_is_named_with_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(PublishFailed, match=r"mkdocs\.yml: there is none; 'deploybook init . --no-sample'"):
        publish(tmp_path)


def test_a_broken_configuration_leaves_the_old_site(built: Path, tmp_path: Path) -> None:
    root = tmp_path / "ws"
    shutil.copytree(built, root)
    (root / "mkdocs.yml").write_text(
        "site_name: x\ndocs_dir: reports\nuse_directory_urls: false\nnav: [{Gone: gone.md}]\n"
    )

    with pytest.raises(PublishFailed, match=r"gone\.md"):
        publish(root)
    assert (root / "site" / "index.html").is_file()
    assert not (root / ".site-staging").exists()


def test_a_symbolic_link_in_the_tree_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "ws", page())
    (root / "reports" / "2025" / "secret").symlink_to("/etc")

    with pytest.raises(PublishFailed, match="symbolic link"):
        publish(root)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": "outcome"}', '{"kind": 3}'])
def test_page_facts_that_cannot_be_read_are_named(tmp_path: Path, content: str) -> None:
    root = workspace(tmp_path / "ws", page())
    file = root / "reports" / "2025" / "01" / "2025-01-22-telemetry-step2" / "index.page.json"
    file.write_text(content)

    with pytest.raises(PublishFailed, match=r"index\.page\.json: cannot be read"):
        gather(root / "reports")


def test_a_zone_that_is_none_is_named(tmp_path: Path) -> None:
    root = workspace(tmp_path / "ws", page(zone="Mars/Olympus"))

    with pytest.raises(PublishFailed, match="Mars/Olympus"):
        gather(root / "reports")


def test_page_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = checkpoint(2, metrics=(metric(),), evidence=(HELD, MISSING), failure=None)
    root = workspace(tmp_path / "ws", written)

    (read,) = gather(root / "reports")
    assert (read.path, read.brief, read.whole) == (written.path, written.brief, written.facts)
    assert read.facts == replace(written.facts, table="", chart="", evidence=())
    assert facts(title="a") != facts(title="b")


def test_newest_pages_come_first(tmp_path: Path) -> None:
    root = workspace(tmp_path / "ws", page(), checkpoint(2), checkpoint(1))

    assert [one.facts.after for one in gather(root / "reports")] == ["12h", "1h", ""]


def test_pages_no_longer_made_go_and_others_stay(tmp_path: Path) -> None:
    write_pages(tmp_path, {"changes/a.md": "a", "index.md": "home"})
    (tmp_path / "own.md").write_text("mine")

    assert "changes/a.md" in write_pages(tmp_path, {"index.md": "home"})
    assert not (tmp_path / "changes" / "a.md").exists()
    assert (tmp_path / "own.md").read_text() == "mine"


def test_a_forged_list_of_pages_removes_nothing_outside(tmp_path: Path) -> None:
    victim = tmp_path / "victim.md"
    victim.write_text("stays")
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / ".generated.json").write_text(json.dumps(["../victim.md", str(victim)]))
    write_pages(reports, {"index.md": "home"})

    assert victim.read_text() == "stays"


def test_the_new_site_takes_the_place_of_the_old_and_nothing_is_left(tmp_path: Path) -> None:
    for name in ("new", "site"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    swap(tmp_path / "new", tmp_path / "site")

    assert (tmp_path / "site" / "index.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_site_that_is_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "real")

    with pytest.raises(PublishFailed, match="not a folder of its own"):
        swap(tmp_path / "new", tmp_path / "site")


def test_names_are_exchanged_or_left(tmp_path: Path) -> None:
    assert not exchange(tmp_path / "missing", tmp_path / "too")


def test_a_report_that_is_mended_is_not_taken_for_a_page_we_made(tmp_path: Path) -> None:
    """A page in place of a failed report is ours; once the report is there, its page is not."""
    folder = tmp_path / "2025" / "01" / "s"
    write_pages(tmp_path, {"2025/01/s/index.md": "not produced"})
    (folder / "index.page.json").write_text("{}")
    (folder / "index.md").write_text("the report")

    write_pages(tmp_path, {})

    assert (folder / "index.md").read_text() == "the report"
