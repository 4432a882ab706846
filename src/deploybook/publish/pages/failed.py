"""The page in place of a report that was not produced: what is missing, what remains, why, who has it, when next."""

from __future__ import annotations

from collections.abc import Sequence

from ...sections import markup
from ...sections.page import Failure
from ...sections.text import fill
from ..gather import Page
from . import frame as f


def failed(pages: Sequence[Page]) -> dict[str, str]:
    return {f"{page.path}.md": failed_page(page, failure) for page in pages if (failure := page.facts.failure)}


def failed_page(page: Page, failure: Failure) -> str:
    nothing = "This says nothing about production: the failure is in the report, not in the service."
    known = [
        ("Missing", failure.missing),
        ("Still available", failure.remains),
        ("Who has it", failure.owner),
        ("Next attempt", failure.next_try),
    ]
    points = "\n".join(fill("<li><strong>{name}:</strong> {text}</li>", name=n, text=t) for n, t in known if t)
    blocks = [
        markup.verdict_block("Not produced", failure.sentence, nothing, failure.stopped_at, [failure.attempts]),
        markup.doors(
            [("Last good report", failure.last_good), ("Executed notebook up to the failure", failure.notebook)]
        ),
        "## What readers should know",
        f'<ul class="db-bullets">\n{points}\n</ul>',
        "## Why it stopped",
    ]
    if failure.ran:
        kinds = {"Ran": "pass", "Failed": "breach", "Not run": "not-produced"}
        rows = [[cells, what, markup.status(word, kinds.get(word)), took] for cells, what, word, took in failure.ran]
        columns = [("Cell", "head"), ("Purpose", "text"), ("Result", "status"), ("Time", "number")]
        blocks.append(markup.table("Cells of the notebook", columns, rows))
    if failure.reason:
        blocks.append(fill("<p>{reason}</p>", reason=failure.reason))
    if failure.error:
        blocks.append(markup.callout("For engineers: the error", markup.preformatted(failure.error), folded=True))
    steps = [("Today", "index.html"), ("Reports", "archive/index.html")]
    return f.frame(page.path, page.facts.title, blocks, steps, contents=True)
