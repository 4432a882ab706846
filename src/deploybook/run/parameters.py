"""
Parameters checked before any kernel starts: declared name, type, nothing missing, nothing changed in silence.

Papermill warns about an unknown name and goes on, reads declarations with a line pattern, and pastes a name into the
cell as it stands, so that a name can carry code. Here the cell tagged `parameters` is read with `ast`, a name is checked
against a pattern and the declarations, and a value must survive being written as a literal and read back.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploybook.errors import UsageProblem

__all__ = ["Declaration", "check", "code", "declarations", "from_text"]

NAME = re.compile(r"^[a-z_][a-z0-9_]{0,63}\Z")
LARGEST_CELL = 64 * 1024  # characters of the injected cell; more belongs into a file that the notebook reads
UNKNOWN: Any = object()  # the default is an expression, not a literal
KINDS: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "list": list,
    "dict": dict,
    "None": type(None),
}
MOMENTS: dict[str, Any] = {"date": datetime.date, "datetime": datetime.datetime, "time": datetime.time}
WORDS = {"True": True, "False": False, "true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One parameter as the notebook declares it. annotation is its source text, "" where there is none."""

    name: str
    annotation: str = ""
    default: Any = UNKNOWN
    required: bool = False

    def describe(self) -> str:
        if self.annotation:
            return self.annotation
        return "any" if self.default is None or self.default is UNKNOWN else type(self.default).__name__


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
    found: dict[str, Declaration] = {}
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            default = UNKNOWN if statement.value is None else _literal(statement.value)
            found[statement.target.id] = Declaration(
                name=statement.target.id,
                annotation=_annotation(statement.annotation),
                default=default,
                required=statement.value is None,
            )
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                found.update(_assigned(target, statement.value))
    return found


def _assigned(target: ast.expr, value: ast.expr) -> dict[str, Declaration]:
    if isinstance(target, ast.Name):
        return {target.id: Declaration(name=target.id, default=_literal(value))}
    if not isinstance(target, ast.Tuple | ast.List):
        return {}
    matched = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
    values = value.elts if matched else [None] * len(target.elts)  # type: ignore[attr-defined]
    found: dict[str, Declaration] = {}
    for name, element in zip(target.elts, values, strict=True):
        if isinstance(name, ast.Name):
            found[name.id] = Declaration(name=name.id, default=UNKNOWN if element is None else _literal(element))
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNKNOWN


def _annotation(node: ast.expr) -> str:
    """The annotation's text; one written in quotes is read as what it says."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ast.unparse(node)


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
        if not isinstance(name, str) or not NAME.match(name):
            problems.append(f"{str(name)[:80]!r} is no parameter name; use lower-case letters, digits and underscores")
        elif name not in declared:
            problems.append(f"'{name}' is not declared; {_suggest(name, declared)}")
        else:
            try:
                values[name] = _convert(declared[name], value)
                code({name: values[name]})
            except ValueError as error:
                problems.append(f"'{name}' ({declared[name].describe()}): {error}")
    missing = [name for name, one in declared.items() if one.required and name not in given]
    problems += [f"'{name}' has no value and no default; give one ({declared[name].annotation})" for name in missing]
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
    if declaration.annotation:
        return _annotated(declaration.annotation, value)
    if isinstance(declaration.default, bool) and not isinstance(value, bool):
        if str(value) in WORDS:  # a text "false" would be true
            return WORDS[str(value)]
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def from_text(declared: Mapping[str, Declaration], texts: Mapping[str, str]) -> dict[str, Any]:
    """
    Values typed on a command line, for `check`: a number or constant only where writing it back gives the same text.

    `1.10`, `007`, `1e5`, `14:00` and `nan` stay text. So does everything for a parameter whose default is a text;
    an annotated parameter is left to its annotation.
    """

    def read(name: str, text: str) -> Any:
        declaration = declared.get(name)
        if declaration and (declaration.annotation or isinstance(declaration.default, str | bool)):
            return text
        constants: dict[str, Any] = {"True": True, "False": False, "None": None}
        if text in constants:
            return constants[text]
        for number in (int, float):
            try:
                value = number(text)
            except ValueError:
                continue
            if str(value) == text and math.isfinite(value):
                return value
        return text

    return {name: read(name, text) for name, text in texts.items()}


def _annotated(annotation: str, value: Any) -> Any:
    """value as the annotation wants it; the first member of a union that fits, a text last converted to it."""
    try:
        members = _members(ast.parse(annotation, mode="eval").body)
    except SyntaxError:
        return value
    for exact in (True, False):
        for member in members:
            try:
                return _member(member, value, exact=exact)
            except (ValueError, OverflowError):
                continue
    raise ValueError(f"{value!r} does not fit")


def _members(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _members(node.left) + _members(node.right)
    if isinstance(node, ast.Subscript) and _last(node.value) in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        members = [member for one in inner for member in _members(one)]
        return [*members, ast.Constant(None)] if _last(node.value) == "Optional" else members
    return [node]


def _last(node: ast.expr) -> str:
    """The last word of a dotted name: `datetime.date` is "date"."""
    return ast.unparse(node).rpartition(".")[2]


def _member(node: ast.expr, value: Any, *, exact: bool) -> Any:
    if isinstance(node, ast.Subscript) and _last(node.value) == "Literal":
        allowed = ast.literal_eval(node.slice)
        allowed = allowed if isinstance(allowed, tuple) else (allowed,)
        for one in allowed:
            if (type(one), one) == (type(value), value) or (not exact and str(one) == value):
                return one
        raise ValueError("not one of those listed")
    name = _last(node.value if isinstance(node, ast.Subscript) else node)
    if name in MOMENTS:
        return _moment(name, ast.unparse(node), value, exact=exact)
    kind = KINDS.get(name)
    if kind is None:
        return value  # a type of the notebook's own: its cells must check it
    if type(value) is kind or (kind is float and type(value) is int):
        return float(value) if kind is float else value
    if exact or not isinstance(value, str):
        raise ValueError("another type")
    return _read(kind, value)


def _read(kind: type, text: str) -> Any:
    if kind is bool and text in WORDS:
        return WORDS[text]
    if kind is type(None) and text in ("None", ""):
        return None
    if kind is int and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if kind is float and math.isfinite(float(text)):
        return float(text)
    if kind in (list, dict):
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, MemoryError, RecursionError):
            raise ValueError("not a literal") from None
        if isinstance(value, kind):
            return value
    raise ValueError("another type")


@dataclass(frozen=True)
class Moment:
    """A date, datetime or time together with the name under which the notebook's cell knows its class."""

    value: datetime.date | datetime.time
    maker: str


def _moment(name: str, maker: str, value: Any, *, exact: bool) -> Moment:
    kind = MOMENTS[name]
    if type(value) is kind:
        return Moment(value, maker)
    if exact or not isinstance(value, str):
        raise ValueError("another type")
    return Moment(kind.fromisoformat(value), maker)


def code(parameters: Mapping[str, Any]) -> str:
    """The source of the injected cell, the same text that papermill writes."""
    return "# Parameters\n" + "".join(f"{name} = {_written(value)}\n" for name, value in parameters.items())


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float('{value}')"
    if isinstance(value, str):
        escaped = value.encode("unicode_escape", "surrogatepass").decode("ascii").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(_written(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_written(str(key))}: {_written(one)}' for key, one in value.items())}}}"
    if isinstance(value, Moment):
        return f'{value.maker}.fromisoformat("{value.value.isoformat()}")'
    raise ValueError(f"a {type(value).__name__} cannot be written into a notebook; give a text, number, list or dict")
