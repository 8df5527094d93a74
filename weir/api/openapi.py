"""The API's description: OpenAPI 3.1 from the parameters' models. docs/openapi.json is this, and a test compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weir.api.parameters import Parameters
from weir.api.problems import MEDIA_TYPE

VERSION = "1"

_VALUE: dict[str, Any] = {
    "description": "A value; integers beyond 2^53 are text.",
    "type": ["string", "number", "boolean", "null", "array"],
}
_COLUMNS: dict[str, Any] = {"type": "object", "description": "Lists of equal length, by column.", "additionalProperties": {"type": "array"}}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence that says the way out."},
        "parameter": {"type": "string"},
        "start": {"type": "integer", "description": "Where in the filter, in characters."},
        "end": {"type": "integer"},
        "expected": {"type": "array", "items": {"type": "string"}},
    },
}
_ERRORS = {
    "400": "A parameter or the filter is wrong.",
    "401": "It is not known who asks.",
    "403": "Nothing may be seen.",
    "404": "There is none.",
    "422": "The tables cannot answer it.",
    "429": "Too many ask at a time.",
    "503": "The tables do not answer; Retry-After says when to ask again.",
}


def describe(questions: Sequence[tuple[str, str, type[Parameters]]]) -> dict[str, Any]:
    """`questions`: path, summary, parameters."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "weir",
            "version": VERSION,
            "description": "Who talks to whom, then and now, to the byte.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": {path: {"get": _operation(path, summary, model)} for path, summary, model in questions},
        "components": {
            "schemas": {
                "Answer": {"type": "object", "required": ["data", "meta"], "properties": {"data": _COLUMNS, "meta": {"type": "object"}}},
                "Problem": _PROBLEM,
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(path: str, summary: str, model: type[Parameters]) -> dict[str, Any]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": one.pop("description", ""),
            "schema": {key: value for key, value in one.items() if key != "title"},
        }
        for name, one in schema["properties"].items()
    ]
    good = {"description": "The answer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    bad = {"$ref": "#/components/schemas/Problem"}
    errors = {status: {"description": words, "content": {MEDIA_TYPE: {"schema": bad}}} for status, words in _ERRORS.items()}
    return {"operationId": path.strip("/") or "root", "summary": summary, "parameters": parameters, "responses": {"200": good, **errors}}
