"""
JSON Schemas of the hand-written files, with the docstring of each key as its description.

`python tests/json_schemas.py` writes them into schemas/, which the wheel brings for editors.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from deploybook.records.deployment import DeploymentFile, Metric, ServiceFile, WorkspaceFile
from deploybook.records.records import RecordsFile

FILES: dict[str, type[BaseModel]] = {
    "deployment": DeploymentFile,
    "service": ServiceFile,
    "deploybook": WorkspaceFile,
    "records": RecordsFile,
}
REQUIRED = {"deployment": ["title", "ticket"]}


class Plain(GenerateJsonSchema):
    """Without generated titles and defaults, which say nothing to a writer; with what is written below each key."""

    def model_schema(self, schema: Any) -> Any:
        made = super().model_schema(schema)
        for name, field in schema["cls"].model_fields.items():
            if said := description(schema["cls"], name):
                made["properties"][field.alias or name]["description"] = said
        return made

    def default_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def description(model: type[BaseModel], key: str) -> str:
    """
    The docstring of a key, '' without one.

    Pydantic would read it too, but from the source of every class at each start: 0.1 s of any command.
    """
    said = (docstrings(each.__module__).get((each.__name__, key)) for each in model.__mro__)
    return next(text for text in said if text is not None)


@cache
def docstrings(module: str) -> dict[tuple[str, str], str]:
    """Class and key, and what is written below the key; '' for nothing."""
    body = ast.parse(inspect.getsource(sys.modules[module])).body if module.startswith("deploybook.") else []
    found = {}
    for each in (one for one in body if isinstance(one, ast.ClassDef)):
        for key, below in pairwise([*each.body, None]):
            match key, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[each.name, name] = inspect.cleandoc(text)
                case ast.AnnAssign(target=ast.Name(id=name)), _:
                    found[each.name, name] = ""
    return found


def json_schema(kind: str) -> dict[str, Any]:
    """Draft 2020-12, keys in the order of the manual. KeyError for an unknown kind."""
    schema = FILES[kind].model_json_schema(schema_generator=Plain)
    # A deployment may write part of a metric that a service declares.
    kinds = schema.get("properties", {}).get("metrics", {}).get("additionalProperties", {}).get("oneOf", [])
    kinds += [Metric.model_json_schema(schema_generator=Plain)] if kinds else []
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"deploybook: {kind}.yml"}
    return head | {key: value for key, value in schema.items() if key != "title"} | {"required": REQUIRED.get(kind, [])}


if __name__ == "__main__":
    for kind in FILES:
        path = Path(__file__).parents[1] / "schemas" / f"{kind}.json"
        path.write_text(json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
