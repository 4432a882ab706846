"""Finding and reading the hand-written files of a workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import model
from ..errors import FileProblems, Problem, UsageProblem

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
MARKS = ("deploybook.yml", "mkdocs.yml")


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The folder of a workspace. Nothing is read until it is asked for."""

    root: Path

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    def folder(self, slug: str) -> Path:
        return self.deployments / slug

    def shown(self, path: Path) -> str:
        """The path as the user would type it at the top of the workspace."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """deploybook.yml: what is the same for all deployments. channels: name to its options, secrets as references. keep: exports, hold."""

    title: str = ""
    url: str = ""
    zone: Any = None
    channels: dict[str, Any] = field(default_factory=dict)
    notify: tuple[str, ...] = ()
    hours: str = ""
    daily: str = ""
    catch_up: str = "all"
    max_age: Any = None
    origin: str = ""
    keep: Any = None


def find_workspace(start: Path) -> Workspace:
    """The workspace that `start` stands in, found upwards; UsageProblem where there is none."""
    start = start.absolute()
    found = (folder for name in MARKS for folder in (start, *start.parents) if (folder / name).is_file())
    if folder := next(found, None):
        return Workspace(root=folder)
    remedy = "Write 'deploybook init DIR', or use -C."
    raise UsageProblem(f"{start} is in no workspace: no deploybook.yml here or above. {remedy}")


def read_workspace(root: Path) -> Workspace:
    """The workspace at `root` itself; UsageProblem where no deploybook.yml or mkdocs.yml is there."""
    if any((root / name).is_file() for name in MARKS):
        return Workspace(root=root.absolute())
    remedy = "Write 'deploybook init DIR', or choose another folder with -C."
    raise UsageProblem(f"{root} holds no deploybook.yml. {remedy}")


def slugs(workspace: Workspace) -> tuple[str, ...]:
    """Every deployment by the name of its folder, in order."""
    found = (path.parent.name for path in workspace.deployments.glob("*/deployment.yml"))
    return tuple(sorted(name for name in found if SLUG.fullmatch(name)))


def read_settings(workspace: Workspace) -> Settings:
    """What deploybook.yml says beside the defaults of deployments; FileProblems with all its mistakes."""
    from . import deployment as shapes
    from .values import told

    tree = defaults(workspace)
    file, problems, _ = read_file(shapes.WorkspaceFile, tree)
    problems += [
        tree.problem(("notify", number), f"'{name}' is no channel; write it under 'channels'")
        for number, name in enumerate(file.notify)
        if name not in file.channels
    ]
    refuse(tree.problems + problems)
    return told(Settings, file, zone=file.timezone, catch_up=file.catch_up or "all")


def written(workspace: Workspace, key: str, *, service: str = "") -> Any:
    """What a new deployment would take for this key from its service or from deploybook.yml, as written; else None."""
    layers = [defaults(workspace)]
    if service:
        path = service_path(workspace, service)
        if path is None:
            raise UsageProblem(unknown_service(workspace, service))
        layers.insert(0, read_layer(workspace, path))
    return next((value for tree in layers if (value := tree.at((key,)))), None)


def read_deployment(workspace: Workspace, slug: str) -> model.Deployment:
    """
    The deployment, its service and the workspace's defaults taken together.

    Raises FileProblems with every mistake of every file it is made from, UsageProblem for an unknown deployment.
    """
    deployment, problems = deployment_and_problems(workspace, slug)
    refuse(problems)
    assert deployment is not None
    return deployment


def deployment_and_problems(workspace: Workspace, slug: str) -> tuple[model.Deployment | None, list[Problem]]:
    """The deployment as far as it can be told, and all mistakes; what `check` prints."""
    from . import deployment as shapes
    from .settle import Desk, merge, settle

    near = read_layer(workspace, deployment_path(workspace, slug))
    if near.problems and near.value is None:
        return None, near.problems
    base = defaults(workspace)
    problems = near.problems + base.problems
    tree = near
    if isinstance(name := near.at(("service",)), str):
        service = service_path(workspace, name)
        if service is None:
            problems.append(near.problem(("service",), unknown_service(workspace, name)))
        else:
            layer = read_layer(workspace, service)
            problems += layer.problems + layer_problems(layer, base, shapes.ServiceFile)
            tree = merge(tree, layer)
    problems += layer_problems(base, None, shapes.WorkspaceFile)
    tree = merge(tree, base)
    file, found, frame = read_file(shapes.DeploymentFile, tree)
    desk = Desk(tree, file, frame)
    deployment = settle(desk, slug)
    return deployment, [*problems, *found, *desk.problems]


def read_file(kind: Any, tree: Any) -> tuple[Any, list[Problem], Any]:
    """The tree as `kind`, its mistakes, and the frame that its times are read by."""
    from .problems import read_shape
    from .settle import frame_of_tree
    from .values import NO_ZONE

    frame = frame_of_tree(tree)
    return *read_shape(kind, tree, {"frame": replace(frame, zone=frame.zone or NO_ZONE)}), frame


def layer_problems(layer: Any, base: Any, kind: Any) -> list[Problem]:
    """Mistakes of a service or of deploybook.yml that no deployment would show, such as an unknown key at its top."""
    from .settle import merge

    return read_file(kind, merge(layer, base) if base else layer)[1]


def defaults(workspace: Workspace) -> Any:
    """deploybook.yml as a tree."""
    return read_layer(workspace, workspace.root / "deploybook.yml")


def check_layers(workspace: Workspace) -> list[Problem]:
    """All mistakes of deploybook.yml, of every service, and of folder names under deployments/."""
    from . import deployment as shapes

    base = defaults(workspace)
    found = base.problems + layer_problems(base, None, shapes.WorkspaceFile)
    for path in sorted((workspace.root / "services").glob("*.y*ml")):
        layer = read_layer(workspace, path)
        found += layer.problems + layer_problems(layer, base, shapes.ServiceFile)
    for path in sorted(workspace.deployments.glob("*/deployment.yml")):
        if not SLUG.fullmatch(path.parent.name):
            text = f"'{path.parent.name}' cannot name a deployment; write small letters, digits and '-', at most 64"
            found.append(Problem(path=workspace.shown(path), line=1, text=text))
    return sorted(set(found))


def deployment_path(workspace: Workspace, slug: str) -> Path:
    from .problems import suggestion

    path = workspace.folder(slug) / "deployment.yml"
    if not SLUG.fullmatch(slug) or not path.is_file():
        hint = suggestion(slug, slugs(workspace), "there are")
        raise UsageProblem(f"'{slug}' is no deployment of this workspace; {hint}")
    return path


def read_layer(workspace: Workspace, path: Path) -> Any:
    """One file as a tree; an absent deploybook.yml is an empty one, anything but 'key: value' lines is a mistake."""
    from .yaml import Tree, read_yaml

    shown = workspace.shown(path)
    if not path.is_file():
        return Tree(path=shown, value={})
    tree = read_yaml(path, shown)
    if tree.value is not None and not isinstance(tree.value, dict):
        tree.problems.append(Problem(path=shown, line=1, text="expected 'key: value' lines"))
        tree.value = None
    if not tree.problems and tree.value is None:
        tree.value = {}
    return tree


def service_path(workspace: Workspace, name: str) -> Path | None:
    names = (f"{name}.yml", f"{name}.yaml") if SLUG.fullmatch(name.lower().replace("_", "-")) else ()
    paths = (workspace.root / "services" / name for name in names)
    return next((path for path in paths if path.is_file()), None)


def unknown_service(workspace: Workspace, name: str) -> str:
    from .problems import suggestion

    known = sorted(path.stem for path in (workspace.root / "services").glob("*.y*ml"))
    return f"there is no services/{name}.yml; {suggestion(name, known, 'services are')}"


def refuse(problems: Iterable[Problem]) -> None:
    if found := sorted(set(problems)):
        raise FileProblems(found)
