"""JSON Schemas of the hand-written files, with the docstring of each key as its description."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from .deployment import DeploymentFile, Metric, ServiceFile, WorkspaceFile
from .records import RecordsFile

FILES: dict[str, type[BaseModel]] = {
    "deployment": DeploymentFile,
    "service": ServiceFile,
    "deploybook": WorkspaceFile,
    "records": RecordsFile,
}
REQUIRED = {"deployment": ["title", "ticket"]}


class Plain(GenerateJsonSchema):
    """Without generated titles and defaults, which say nothing to a writer."""

    def default_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(kind: str) -> dict[str, Any]:
    """Draft 2020-12, keys in the order of the manual. KeyError for an unknown kind."""
    schema = FILES[kind].model_json_schema(schema_generator=Plain)
    described(FILES[kind], schema)
    for name, part in schema.get("$defs", {}).items():
        described(shape_named(name), part)
    # A deployment may write part of a metric that a service declares.
    kinds = schema.get("properties", {}).get("metrics", {}).get("additionalProperties", {}).get("oneOf", [])
    kinds += [Metric.model_json_schema(schema_generator=Plain)] if kinds else []
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"deploybook: {kind}.yml"}
    return head | {key: value for key, value in schema.items() if key != "title"} | {"required": REQUIRED.get(kind, [])}


def shape_named(name: str) -> type[BaseModel] | None:
    from . import deployment, records

    found = getattr(deployment, name, None) or getattr(records, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def described(shape: type[BaseModel] | None, schema: dict[str, Any]) -> None:
    """Adds the text under each field as its description."""
    for kind in shape.__mro__ if shape else ():
        if kind.__module__.startswith("deploybook.") and kind.__doc__ != BaseModel.__doc__:
            for name, text in docstrings(kind).items():
                schema.get("properties", {}).get(name, {}).setdefault("description", text)


def docstrings(shape: type) -> dict[str, str]:
    """field -> the string that stands under it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: str(text.value.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
