"""Reading what lies in a deployment's folder beside deployment.yml: records, and notes in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import model
from ..errors import FileProblems, Problem, text_of
from ..times import after_name
from ..wording import listed
from .workspace import refuse
from .yaml import Tree, Way, read_yaml

if TYPE_CHECKING:
    from .records import RecordsFile

MAX_NOTE = 500_000


def read_records(folder: Path, deployment: model.Deployment) -> model.Records:
    """records.yml, records/* and notes/*.md of a deployment's folder; FileProblems with every mistake of all of them."""
    records, _, problems = records_and_problems(folder, deployment)
    refuse(problems)
    return records


def read_entries(folder: Path, deployment: model.Deployment) -> tuple[model.Entry, ...]:
    """Entries of the log that stand in the records (`timeline`), for those who keep no journal.md."""
    _, log, problems = records_and_problems(folder, deployment)
    refuse(problems)
    return log


def records_and_problems(
    folder: Path, deployment: model.Deployment
) -> tuple[model.Records, tuple[model.Entry, ...], list[Problem]]:
    """The records, the entries of their timeline, and all mistakes of all their files; what `check` prints."""
    from .problems import read_shape
    from .records import RecordsFile
    from .told import entries, tell
    from .values import Frame

    prefix = deployment.path.rpartition("/")[0]
    tree, problems = gather(folder, prefix)
    labels = tree.at(("day_labels",)) or tree.at(("programme", "day_labels")) or {}
    frame = Frame(zone=deployment.zone, day=deployment.day, labels=day_labels(labels))
    file, found = read_shape(RecordsFile, tree, {"frame": frame})
    found += register_problems(tree, file, deployment.checkpoints)
    notes, unreadable = read_notes(folder, prefix)
    return tell(file, deployment, notes), entries(file), [*problems, *found, *unreadable]


def gather(folder: Path, prefix: str) -> tuple[Tree, list[Problem]]:
    """records.yml and records/*.yml as one tree, each key with its own file and lines."""
    from .records import key_of

    whole = Tree(path=f"{prefix}/records.yml".lstrip("/"), value={})
    problems: list[Problem] = []
    for path in [*sorted(folder.glob("records.y*ml")), *sorted(folder.glob("records/*.y*ml"))]:
        shown = f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/")
        tree = read_yaml(path, shown)
        problems += tree.problems
        if path.parent != folder:
            put(whole, key_of(path.stem), tree, (), problems)
        elif isinstance(tree.value, dict):
            for key in tree.value:
                put(whole, key_of(key), tree, (key,), problems)
        elif tree.value is not None:
            problems.append(Problem(path=shown, line=1, text="expected 'key: value' lines, such as 'risks:'"))
    return whole, problems


def put(whole: Tree, key: str, tree: Tree, way: tuple[str, ...], problems: list[Problem]) -> None:
    place = tree.places.get(way, (tree.path, 1))
    if key in whole.value:
        first = ":".join(map(str, whole.place((key,))))
        text = f"is also written in {first}; keep one"
        problems.append(Problem(path=place[0], line=place[1], where=(key,), text=text))
    elif (value := tree.at(way)) is not None:
        whole.value[key] = value
        below = {(key, *w[len(way) :]): p for w, p in tree.places.items() if w[: len(way)] == way and w != way}
        whole.places.update({(key,): place} | below)


def day_labels(written: object) -> tuple[tuple[str, date], ...]:
    from .values import day_of

    found = []
    for label, day in written.items() if isinstance(written, dict) else ():
        try:
            found.append((label, day_of(str(day))))
        except ValueError:
            continue  # told where the key itself is read
    return tuple(found)


def register_problems(tree: Tree, file: RecordsFile, checkpoints: model.Checkpoints) -> Iterable[Problem]:
    """An id that stands twice in a register, a checkpoint or a check that there is none of."""
    names = listed([f"+{after_name(each)}" for each in checkpoints.after]) or "none"
    registers: dict[str, Sequence[Any]] = {
        "risks": file.risks.risks,
        "actions": file.actions.actions,
        "priorities": file.priorities.items,
    }
    for key, items in registers.items():
        inner = "items" if key == "priorities" else key
        way = (key, inner) if tree.at((key, inner)) is not None else (key,)
        yield from twice(tree, way, items)
        for number, each in enumerate(items):
            if each.waits_on and each.waits_on not in checkpoints.after:
                text = f"+{after_name(each.waits_on)} is not a checkpoint; checkpoints are {names}"
                yield tree.problem((*way, number, "waits_on"), text)
    yield from twice(tree, ("checks",), file.checks)
    ids = [each.id for each in checkpoints.people]
    for number, check in enumerate(file.checks):
        if check.id not in ids:
            text = f"'{check.id}' is no check by a person; in deployment.yml are {listed(ids) or 'none'}"
            yield tree.problem(("checks", number, "id"), text)


def twice(tree: Tree, way: Way, items: Iterable[Any]) -> Iterable[Problem]:
    seen: set[str] = set()
    for number, item in enumerate(items):
        if item.id in seen:
            yield tree.problem((*way, number, "id"), f"'{item.id}' stands twice; each has its own id")
        seen |= {item.id} - {""}


def read_notes(folder: Path, prefix: str) -> tuple[dict[str, str], list[Problem]]:
    """Markdown by the name of its file; notes/ before records/."""
    notes: dict[str, str] = {}
    problems: list[Problem] = []
    for path in [*sorted(folder.glob("notes/*.md")), *sorted(folder.glob("records/*.md"))]:
        shown = f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/")
        try:
            notes.setdefault(path.stem, text_of(path.read_bytes(), shown, MAX_NOTE))
        except FileProblems as error:
            problems += error.problems
        except OSError as error:
            problems.append(Problem(path=shown, line=1, text=f"cannot be read: {error.strerror}"))
    return notes, problems
