"""What differs between two reports: the words, the figures, the settings behind them, the text, the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from html import unescape
from pathlib import Path
from typing import Any

from ..errors import UsageProblem

SCHEMA = "deploybook.comparison/1"
SETTINGS = ("target", "tolerance", "unit", "interval_of", "confidence")
# What a page shows as a picture, as a note on hover, or as what its makers need.
LEFT_OUT = re.compile(r'(?s)^---\n.*?\n---\n|<svg.*?</svg>|<span class="db-tip".*?</span>|\{: #\w+ \}')
ENDS = re.compile(r"</(?:p|li|tr|dt|dd|h\d|caption|div|option|button|summary)>")


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report as it lies on disk. name: as a person calls it. text: its lines. code: source by cell id."""

    name: str
    document: Mapping[str, Any]
    parameters: Mapping[str, Any]
    text: tuple[str, ...]
    code: Mapping[str, str]


def read_report(reports: Path, slug: str, scope: str = "") -> Report:
    """The report of the window (scope ''), of a checkpoint ('24h') or of the closing, found under reports/."""
    stem = {"": "outcome", "closing": "closing"}.get(scope, f"checkpoint-{scope}")
    found = sorted(reports.glob(f"*/*/{slug}/{stem}.json"))
    name = f"{slug}@{scope or 'window'}"
    if not found:
        there = sorted(path.stem for path in reports.glob(f"*/*/{slug}/*.json") if not path.name.endswith(".page.json"))
        raise UsageProblem(
            f"{name}: has no report under {reports}; there {'are ' + ', '.join(there) if there else 'is none of it'}"
        )
    path = found[-1]
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        notebook = json.loads(beside(path, f"{stem}.ipynb") or '{"cells": [], "metadata": {}}')
    except (OSError, ValueError) as error:
        raise UsageProblem(
            f"{path}: cannot be read: {error}; make the report again with 'deploybook report'"
        ) from error
    cells = {str(cell.get("id")): "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}
    cells.pop("injected-parameters", None)
    return Report(
        name=name,
        document=document,
        parameters=notebook["metadata"].get("papermill", {}).get("parameters", {}),
        text=tuple(lines(beside(path, "index.md" if stem == "outcome" else f"{stem}.md"))),
        code=cells,
    )


def beside(path: Path, name: str) -> str:
    """The text of a file of the same report; '' where it is not there."""
    other = path.with_name(name)
    return other.read_text(encoding="utf-8") if other.is_file() else ""


def lines(page: str) -> Iterator[str]:
    """What a reader sees of the page, a line each."""
    body = ENDS.sub("\n", LEFT_OUT.sub("", page))
    for line in re.sub(r"<[^>]*>", " ", body).splitlines():
        if text := " ".join(unescape(line).split()):
            yield text


def compare(one: Report, other: Report) -> dict[str, Any]:
    """The comparison as a document; `same` where nothing differs but the names."""
    moved = list(metrics(one.document, other.document))
    code = differing(one.code, other.code)
    found: dict[str, Any] = {
        "verdict": changed(one.document.get("verdict"), other.document.get("verdict")),
        "metrics": moved,
        "parameters": differing(one.parameters, other.parameters),
        "text": list(diff(one.text, other.text)),
        "code": {id: list(diff(a.splitlines(), b.splitlines())) for id, (a, b) in code.items()},
    }
    same = not any(each["changed"] for each in moved) and not any(v for k, v in found.items() if k != "metrics")
    return {"schema": SCHEMA, "one": one.name, "other": other.name, "same": same, **found}


def metrics(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every metric of either: value and word on both sides, the step between the values, settings that are not the same."""
    sides = [{each["id"]: each for each in document.get("metrics", ())} for document in (one, other)]
    for id in dict.fromkeys((*sides[0], *sides[1])):
        a, b = (side.get(id, {}) for side in sides)
        values = a.get("value"), b.get("value")
        step = values[1] - values[0] if None not in values else None
        yield {
            "id": id,
            "unit": b.get("unit", a.get("unit")),
            "value": values,
            "baseline": (a.get("baseline"), b.get("baseline")),
            "verdict": (a.get("verdict"), b.get("verdict")),
            "step": {"absolute": step, "relative": step / values[0] if step is not None and values[0] else None},
            "settings": differing({k: a.get(k) for k in SETTINGS}, {k: b.get(k) for k in SETTINGS}) if a and b else {},
            "changed": any(a.get(key) != b.get(key) for key in ("value", "baseline", "verdict", *SETTINGS)),
        }


def changed(a: object, b: object) -> tuple[object, object] | None:
    return None if a == b else (a, b)


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is not the same under a name; a missing one counts as ''."""
    names = dict.fromkeys((*one, *other))
    return {name: (one.get(name, ""), other.get(name, "")) for name in names if one.get(name) != other.get(name)}


def diff(one: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    """The lines that went (-) and came (+), without their surroundings."""
    for line in unified_diff(one, other, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield line
