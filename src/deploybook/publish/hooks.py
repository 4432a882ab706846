"""What we add while MkDocs builds. Plain `mkdocs build` does without: its search is larger, its pages have no PDF."""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files

from .policy import hashes_of

DOOR = '<li><a href="#made">'
INDEX = "search/search_index.json"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    What to build. only: files (paths from reports/), None for all. sources: gives every Markdown file there is, for the
    site map. unsearched: pages that search leaves out. printed: pages that get a door to their PDF.
    progress: told the share that is done, of reading and of writing the pages.
    """

    only: Collection[str] | None = None
    sources: Callable[[], Collection[str]]
    unsearched: Set[str] = field(default_factory=frozenset)
    printed: Set[str] = field(default_factory=frozenset)
    as_of: datetime | None = None
    progress: Callable[[float], object] = float


class Hooks(BasePlugin):  # type: ignore[type-arg,no-untyped-call]
    """reports: where sources lie. before: the site that stands. hashes: of the inline scripts seen in this build."""

    def __init__(self, plan: Plan, reports: Path, before: Path) -> None:
        self.plan, self.reports, self.before = plan, reports, before
        self.hashes: set[str] = set()
        self.built: set[str] = set()
        self.steps, self.done = 1, 0

    def on_files(self, files: Files, *, config: Any) -> Files:
        for path in sorted(self.plan.only or ()):
            files.append(File(path, str(self.reports), config.site_dir, config.use_directory_urls))
        self.steps = 2 * len(files.documentation_pages())
        return files

    def tell(self) -> None:
        self.done += 1
        self.plan.progress(self.done / self.steps)

    def on_page_markdown(self, markdown: str, *, page: Any, **_: Any) -> str:
        self.tell()
        self.built.add(page.file.url)
        if page.file.src_uri in self.plan.unsearched:
            page.meta.setdefault("search", {})["exclude"] = True
        return markdown

    def on_page_content(self, html: str, *, page: Any, **_: Any) -> str:
        if page.file.src_uri not in self.plan.printed:
            return html
        name = page.file.src_uri.rpartition("/")[2].removesuffix(".md")
        return html.replace(DOOR, f'<li><a href="{name}.pdf">PDF</a></li>{DOOR}', 1)

    def on_post_page(self, output: str, **_: Any) -> str:
        self.tell()
        self.hashes |= hashes_of(output)
        return output

    def on_post_template(self, output_content: str, *, template_name: str, config: Any) -> str:
        if template_name.endswith(".html"):
            self.hashes |= hashes_of(output_content)
        if template_name == "sitemap.xml" and config.site_url:
            return self.site_map(config.site_url)
        return output_content

    def site_map(self, address: str) -> str:
        """Every page, also those that this build leaves as they are."""
        day = f"<lastmod>{self.plan.as_of:%Y-%m-%d}</lastmod>" if self.plan.as_of else ""
        rows = (f"<url><loc>{escape(address + url_of(path))}</loc>{day}</url>" for path in sorted(self.plan.sources()))
        return "\n".join(
            (
                '<?xml version="1.0" encoding="UTF-8"?>',
                '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
                *rows,
                "</urlset>",
            )
        )

    def on_post_build(self, *, config: Any) -> None:
        """The search index in the order of its pages; of a part with what the standing site says of all other pages."""
        path = Path(config.site_dir, INDEX)
        if not path.is_file():
            return
        index = msgspec.json.decode(path.read_bytes())
        entries = index["docs"]
        if self.plan.only is not None:
            gone = self.built | {url_of(path) for path in self.plan.unsearched}
            before = msgspec.json.decode((self.before / INDEX).read_bytes())["docs"]
            entries = [*(entry for entry in before if page_of(entry) not in gone), *entries]
        index["docs"] = sorted(entries, key=page_of)
        path.write_bytes(msgspec.json.encode(index))


def page_of(entry: dict[str, str]) -> str:
    return entry["location"].partition("#")[0]


def url_of(source: str) -> str:
    """The address of a page; as MkDocs gives it without directory addresses, the only way in which a part is built."""
    return source.removesuffix(".md") + ".html"
