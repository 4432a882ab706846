"""Reading everything people wrote, without running anything: mistakes, hints, and what was assumed."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass

from .. import journal, records
from ..errors import DeploybookError, FileProblems, Problem
from ..model import Deployment
from ..start.clean import left_by_runs


@dataclass(frozen=True, kw_only=True)
class Checked:
    problems: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()
    assumed: tuple[str, ...] = ()


def check_workspace(workspace: records.Workspace) -> Iterator[Problem]:
    """Mistakes of deploybook.yml, the services and the notebooks."""
    try:
        records.read_settings(workspace)
    except FileProblems as error:
        yield from error.problems
    yield from records.check_layers(workspace)
    for path in sorted((workspace.root / "notebooks").glob("*.ipynb")):
        shown = workspace.shown(path)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            cells = [dict(cell) for cell in document["cells"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"is not a notebook ({error}); restore it, or take a fresh one from 'deploybook init'"
            yield Problem(path=shown, line=1, text=text)
            continue
        if not any("parameters" in cell.get("metadata", {}).get("tags", ()) for cell in cells):
            yield Problem(path=shown, line=1, text="has no cell tagged 'parameters'; tag the first code cell so")
        if left := left_by_runs(document):
            text = f"holds {', '.join(left)}; take them out: 'python -m deploybook.start.clean --in-place {shown}'"
            yield Problem(path=shown, line=1, text=text)


def check_deployment(workspace: records.Workspace, slug: str) -> Checked:
    """All mistakes of one deployment's files, all at once."""
    deployment, problems = records.deployment_and_problems(workspace, slug)
    if deployment is None:
        return Checked(problems=tuple(problems))
    folder = workspace.folder(slug)
    known, _, found = records.records_and_problems(folder, deployment)
    problems = [*problems, *found]
    path = folder / "journal.md"
    hints: tuple[Problem, ...] = ()
    if path.is_file():
        shown = workspace.shown(path)
        try:
            journal.read(path, deployment.zone, shown=shown)
            people = [member.name for member in known.team]
            hints = journal.hints(path, deployment.zone, shown=shown, people=people)
        except FileProblems as error:
            problems += error.problems
    if not problems:
        hints = (*hints, *path_hints(workspace, deployment))
        hints += (*reference_hints(workspace, deployment), *prose_hints(workspace, deployment))
    return Checked(problems=tuple(problems), hints=hints, assumed=deployment.assumed)


def path_hints(workspace: records.Workspace, deployment: Deployment) -> Iterator[Problem]:
    """Each pattern of a source that no file matches yet."""
    folder = workspace.folder(deployment.slug)
    lines = (workspace.root / deployment.path).read_text(encoding="utf-8-sig").splitlines()
    for source in deployment.sources:
        paths = source.options.get("paths", source.options.get("path", ()))
        for pattern in [paths] if isinstance(paths, str) else paths if isinstance(paths, (list, tuple)) else ():
            if glob.glob(str(pattern), root_dir=folder, recursive=True):  # noqa: PTH207 - Path.glob takes no '..' and no absolute path
                continue
            line = next((number for number, text in enumerate(lines, 1) if str(pattern) in text), 1)
            text = f"no file at '{pattern}' yet, seen from the deployment's folder"
            yield Problem(path=deployment.path, line=line, where=("hint",), text=text)


def reference_hints(workspace: records.Workspace, deployment: Deployment) -> Iterator[Problem]:
    """Each '{metric window}' of journal, notes and records that names no metric, or no window."""
    from ..assess.figures import wrong_in

    folder = workspace.folder(deployment.slug)
    for pattern in ("journal.md", "notes/*.md", "records.y*ml", "records/*.y*ml"):
        for path in sorted(folder.glob(pattern)):
            for line, written in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
                for text in wrong_in(deployment, written):
                    yield Problem(path=workspace.shown(path), line=line, where=("hint",), text=text)


def prose_hints(workspace: records.Workspace, deployment: Deployment) -> tuple[Problem, ...]:
    """What people typed and the data do not say; nothing where the data cannot be read."""
    from . import Book, prose

    try:
        return prose.hints(Book(workspace, deployment, as_of=deployment.end))
    except DeploybookError:
        return ()
