"""Where the generated pages lie, from reports/, without their ending."""

from __future__ import annotations

from ...sections.text import slug
from ..gather import Page


def change_path(page: Page) -> str:
    return f"changes/{page.brief.change}"


def evidence_path(deployment: str) -> str:
    return f"evidence/{slug(deployment)}"


def metric_path(service: str, metric: str) -> str:
    return f"metrics/{slug(f'{service}-{metric}' if service else metric)}"
