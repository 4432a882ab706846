"""
Parameters checked before any kernel starts: declared name, type, nothing missing, nothing changed in silence.

Papermill warns about an unknown name and goes on, reads declarations with a line pattern, and pastes a name into the
cell as it stands, so that a name can carry code. Here the cell tagged `parameters` is read with `ast`, a name is checked
against a pattern and the declarations, and only an annotation (or a default of true or false) converts a text: `1.10`,
`007`, `1e5` and `14:00` stay as they were typed.
"""

from __future__ import annotations

import ast
import contextlib
import datetime
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploybook.errors import UsageProblem

__all__ = ["Declaration", "Moment", "check", "code", "declarations"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
LARGEST_CELL = 64 * 1024  # characters of the injected cell; more belongs into a file that the notebook reads
UNKNOWN: Any = object()  # the default is an expression, not a literal
TRUTH = {"True": True, "False": False, "true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One parameter as the notebook declares it. annotation is its source text, "" where there is none."""

    name: str
    annotation: str = ""
    default: Any = UNKNOWN
    required: bool = False


@dataclass(frozen=True)
class Moment:
    """A date, datetime or time together with the name under which the notebook's cell knows its class."""

    value: datetime.date | datetime.time
    maker: str


def declarations(source: str) -> dict[str, Declaration]:
    """
    What the source of the cell tagged `parameters` declares, in its order.

    Accepted: `x = 3`, `x: int = 3`, `x: int` (no default: must be given), `a = b = 1`, `a, b = "x", None`. Other
    statements, such as an import for an annotation, are left alone. Raises UsageProblem where it is not Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UsageProblem(f"the parameters cell is not Python, line {error.lineno}: {error.msg}") from None
    found: list[Declaration] = []
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            annotation, value = ast.unparse(statement.annotation).strip("'\""), statement.value
            found.append(
                Declaration(
                    name=statement.target.id, annotation=annotation, default=_literal(value), required=value is None
                )
            )
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                found += _assigned(target, statement.value)
    return {one.name: one for one in found}


def _assigned(target: ast.expr, value: ast.expr | None) -> list[Declaration]:
    if isinstance(target, ast.Name):
        return [Declaration(name=target.id, default=_literal(value))]
    if not isinstance(target, ast.Tuple):
        return []
    matched = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
    values = value.elts if matched else [None] * len(target.elts)  # type: ignore[union-attr]
    return [one for name, each in zip(target.elts, values, strict=True) for one in _assigned(name, each)]


def _literal(node: ast.expr | None) -> Any:
    try:
        return UNKNOWN if node is None else ast.literal_eval(node)
    except ValueError:
        return UNKNOWN


def check(
    declared: Mapping[str, Declaration], given: Mapping[str, Any], *, notebook: str = "notebook"
) -> dict[str, Any]:
    """
    The given values, each of the type its declaration asks for, in the order of the declarations.

    A text is converted where the annotation asks for another type. All problems are reported together as UsageProblem.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            problems.append(f"{str(name)[:80]!r} is no parameter name; use letters, digits and underscores")
        elif name not in declared:
            problems.append(f"'{name}' is not declared; {_suggest(name, declared)}")
        else:
            try:
                values[name] = _convert(declared[name], value)
                _written(values[name])
            except ValueError as error:
                problems.append(f"'{name}' ({declared[name].annotation or 'any'}): {error}")
    missing = [one for one in declared.values() if one.required and one.name not in given]
    problems += [f"'{one.name}' has no value and no default; give one ({one.annotation})" for one in missing]
    if not problems and len(code(values)) > LARGEST_CELL:
        problems.append(
            f"the values are longer than {LARGEST_CELL} characters; put them into a file the notebook reads"
        )
    if problems:
        raise UsageProblem("\n".join(f"{notebook}: parameter {problem}" for problem in problems))
    return {name: values[name] for name in declared if name in values}


def _suggest(name: str, declared: Mapping[str, Declaration]) -> str:
    near = difflib.get_close_matches(name, declared, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"declared are {', '.join(declared)}" if declared else "the notebook has no cell tagged 'parameters'"


def _convert(declaration: Declaration, value: Any) -> Any:
    """value as the annotation wants it: the first member of a union that it is of, else the first that its text reads as."""
    if not declaration.annotation:
        if isinstance(declaration.default, bool) and (value := TRUTH.get(str(value))) is None:  # "false" would be true
            raise ValueError("neither true nor false")
        return value
    try:
        members = _members(ast.parse(declaration.annotation, mode="eval").body)
    except SyntaxError:
        return value
    for reads in (False, True):
        for member in members:
            with contextlib.suppress(ValueError, KeyError, SyntaxError, OverflowError, RecursionError, MemoryError):
                return _member(member, value, reads=reads)
    raise ValueError(f"{value!r} does not fit")


def _members(node: ast.expr) -> list[ast.expr]:
    """The members of `a | b`, `Optional[a]` and `Union[a, b]`; of another annotation itself."""
    if isinstance(node, ast.BinOp):
        return _members(node.left) + _members(node.right)
    if isinstance(node, ast.Subscript) and (name := _name(node)) in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return [*(each for one in inner for each in _members(one)), *([ast.Constant(None)] if name[0] == "O" else [])]
    return [node]


def _name(node: ast.expr) -> str:
    """The last word of a dotted name, without what stands in brackets: `datetime.date` is "date"."""
    return ast.unparse(node.value if isinstance(node, ast.Subscript) else node).rpartition(".")[2]


def _member(node: ast.expr, value: Any, *, reads: bool) -> Any:
    """value where it is of that type; reads: or where its text says one. Raises ValueError, or what the reading raises."""
    name = _name(node)
    if name == "Literal" and isinstance(node, ast.Subscript):
        allowed = ast.literal_eval(node.slice)
        for one in allowed if isinstance(allowed, tuple) else (allowed,):
            if (type(one), one) == (type(value), value) or (reads and str(one) == value):
                return one
        raise ValueError("not one of those listed")
    if name not in KINDS:
        return value  # a type of the notebook's own: its cells must check it
    kind, read = KINDS[name]
    found = read(value) if reads and isinstance(value, str) else value
    if kind is float and type(found) is int:
        found = float(found)
    if type(found) is not kind:
        raise ValueError("another type")
    return Moment(found, ast.unparse(node)) if isinstance(found, datetime.date | datetime.time) else found


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError("not a whole number")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("not finite")
    return value


KINDS: Mapping[str, tuple[type, Callable[[str], Any]]] = {
    "bool": (bool, TRUTH.__getitem__),
    "int": (int, _whole),
    "float": (float, _finite),
    "str": (str, str),
    "list": (list, ast.literal_eval),
    "dict": (dict, ast.literal_eval),
    "None": (type(None), {"None": None, "": None}.__getitem__),
    "date": (datetime.date, datetime.date.fromisoformat),
    "datetime": (datetime.datetime, datetime.datetime.fromisoformat),
    "time": (datetime.time, datetime.time.fromisoformat),
}


def code(parameters: Mapping[str, Any]) -> str:
    """The source of the injected cell, the same text that papermill writes."""
    return "# Parameters\n" + "".join(f"{name} = {_written(value)}\n" for name, value in parameters.items())


def _written(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str):
        escaped = value.encode("unicode_escape", "surrogatepass").decode("ascii").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_written(str(key))}: {_written(one)}' for key, one in value.items())}}}"
    if isinstance(value, Moment):
        return f'{value.maker}.fromisoformat("{value.value.isoformat()}")'
    raise ValueError(f"a {type(value).__name__} cannot be written into a notebook; give a text, number, list or dict")
