"""JSON Schemas of the hand-written files, with the docstring of each key as its description."""

from __future__ import annotations

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
    # A deployment may write part of a metric that a service declares.
    kinds = schema.get("properties", {}).get("metrics", {}).get("additionalProperties", {}).get("oneOf", [])
    kinds += [Metric.model_json_schema(schema_generator=Plain)] if kinds else []
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"deploybook: {kind}.yml"}
    return head | {key: value for key, value in schema.items() if key != "title"} | {"required": REQUIRED.get(kind, [])}
