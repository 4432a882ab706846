"""What a section gives: Markdown that shows itself in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Marks an output as made here. The report layer passes such Markdown through; whatever else a cell shows is cleaned.
MIME = "application/vnd.deploybook.block+json"


@dataclass(frozen=True, kw_only=True)
class Block:
    """
    Markdown of one section or figure; empty where there is nothing to say.

    It offers Markdown and no HTML: exporters prefer HTML where both are there, and reports must stay readable as text.
    """

    name: str
    markdown: str = ""

    def __bool__(self) -> bool:
        return bool(self.markdown.strip())

    def __str__(self) -> str:
        return self.markdown

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if not self:
            return {"text/plain": "", MIME: {"name": self.name, "empty": True}}
        return {"text/plain": f"<{self.name}>", "text/markdown": self.markdown, MIME: {"name": self.name}}
