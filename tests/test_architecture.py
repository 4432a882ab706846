"""The direction of imports: a row imports only rows below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "deploybook"

# From the bottom up. In row 0 a module may also import the ones to its left.
ROWS = (
    ("errors", "units", "times", "model", "wording", "register"),
    ("measure", "judge", "findings", "facts"),
    ("assess", "sections", "charts"),
    ("sources", "exports", "evidence", "records", "journal", "run", "start"),
    ("book",),
    ("report", "publish", "due", "notify"),
    ("duty",),
    ("cli",),
)
ONLY_IN = {
    "click": ("cli",),
    "matplotlib": ("charts", "run"),
    "papermill": ("report", "run"),
    "nbconvert": ("report", "run"),
    "yaml": ("records",),
    "pydantic": ("records",),
}
# Rows 0 to 2 are arithmetic and words: no file, no socket, no clock, no process.
EDGES = {"httpx", "socket", "subprocess", "urllib", "http", "shutil", "tempfile", "os", "pathlib", "sqlite3", "time"}
ENTRY = {"__init__", "__main__"}


def row_of(module: str) -> int:
    return next(number for number, row in enumerate(ROWS) if module in row)


def is_typing_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports_of(tree: ast.AST, package: str) -> set[str]:
    """Every imported name as a dotted path from the top; imports for type checkers alone do not count."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if is_typing_block(node):
            stack.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base]) if base else ".".join(parts)
            found.update({base} if base != "deploybook" else {f"deploybook.{alias.name}" for alias in node.names})
        stack.extend(ast.iter_child_nodes(node))
    return found


def breaches(path: Path, tree: ast.AST) -> list[str]:
    relative = path.relative_to(PACKAGE)
    module = relative.parts[0].removesuffix(".py")
    if module in ENTRY or module == "assets":
        return []
    if module not in {name for row in ROWS for name in row}:
        return [f"{relative}: '{module}' stands in no row; add it to ROWS"]
    package = ".".join(["deploybook", *relative.parts[:-1]])
    problems = []
    for name in imports_of(tree, package):
        top, _, rest = name.partition(".")
        if top in ONLY_IN and module not in ONLY_IN[top]:
            problems.append(f"{relative}: imports {top}; only {', '.join(ONLY_IN[top])} may")
        if top in EDGES and row_of(module) <= 2:
            problems.append(f"{relative}: imports {top}; rows 0 to 2 touch no disk, network, clock or process")
        if top != "deploybook" or not rest:
            continue
        target = rest.split(".")[0]
        if target == module or target.startswith("__"):
            continue
        if target not in {name for row in ROWS for name in row}:
            problems.append(f"{relative}: imports {name}, which stands in no row")
        elif row_of(target) > row_of(module):
            problems.append(f"{relative}: imports upward, {target}")
        elif row_of(target) == row_of(module) and not (
            row_of(module) == 0 and ROWS[0].index(target) < ROWS[0].index(module)
        ):
            problems.append(f"{relative}: imports its neighbour {target}")
    return problems


def test_no_module_imports_upward_or_sideways() -> None:
    problems = [
        problem
        for path in sorted(PACKAGE.rglob("*.py"))
        for problem in breaches(path, ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert problems == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("judge.py", "from deploybook.book import Book"),
        ("judge.py", "from .facts import Facts"),
        ("units.py", "import numpy\nfrom .times import Zone"),
        ("sections/risks.py", "from ..exports import read"),
        ("judge.py", "import click"),
        ("assess.py", "import pathlib"),
        ("book.py", "def f():\n    from . import cli"),
    ],
)
def test_a_planted_breach_is_caught(file: str, code: str) -> None:
    assert breaches(PACKAGE / file, ast.parse(code))
