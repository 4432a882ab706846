"""What we add while MkDocs builds. Plain `mkdocs build` does without: its search is larger, its pages have no PDF."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from mkdocs.plugins import BasePlugin

from .policy import hashes_of

DOOR = '<li><a href="#made">'


class Hooks(BasePlugin):  # type: ignore[type-arg,no-untyped-call]
    """
    unsearched: pages (paths from reports/) that search leaves out. printed: pages that get a door to their PDF.
    hashes: of the inline scripts seen in this build.
    """

    def __init__(self, unsearched: Set[str] = frozenset(), printed: Set[str] = frozenset()) -> None:
        self.unsearched, self.printed = unsearched, printed
        self.hashes: set[str] = set()

    def on_page_markdown(self, markdown: str, *, page: Any, **_: Any) -> str:
        if page.file.src_uri in self.unsearched:
            page.meta.setdefault("search", {})["exclude"] = True
        return markdown

    def on_page_content(self, html: str, *, page: Any, **_: Any) -> str:
        if page.file.src_uri not in self.printed:
            return html
        name = page.file.src_uri.rpartition("/")[2].removesuffix(".md")
        return html.replace(DOOR, f'<li><a href="{name}.pdf">PDF</a></li>{DOOR}', 1)

    def on_post_page(self, output: str, **_: Any) -> str:
        self.hashes |= hashes_of(output)
        return output

    def on_post_template(self, output_content: str, *, template_name: str, **_: Any) -> str:
        if template_name.endswith(".html"):
            self.hashes |= hashes_of(output_content)
        return output_content
