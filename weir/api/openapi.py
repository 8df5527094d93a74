"""The API's description: OpenAPI 3.1 from the models of parameters and answers. docs/openapi.json is this, and a test compares them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from weir.api import models
from weir.api import parameters as p
from weir.api.answers.every import EVERY
from weir.api.formats import MEDIA_TYPES
from weir.api.problems import MEDIA_TYPE
from weir.api.views import NewView

VERSION = "1"
_REFERENCE = "#/components/schemas/{model}"

_ERRORS = {
    "400": "A parameter or the filter is wrong.",
    "401": "It is not known who asks.",
    "403": "Nothing may be seen.",
    "404": "There is none.",
    "422": "The tables cannot answer it, or not within their limits.",
    "429": "Too many ask at a time; Retry-After says when to ask again.",
    "503": "The tables do not answer; Retry-After says when to ask again.",
}


def envelope(data: type[BaseModel]) -> dict[str, Any]:
    return {"type": "object", "required": ["data", "meta"], "properties": {"data": _ref(data), "meta": {"type": "object"}}}


ANSWERS: Mapping[str, type[BaseModel]] = {
    "/edges": models.Rows, "/series": models.Rows, "/groups": models.Map, "/flows": models.Rows, "/ownership": models.Rows,
    "/losses": models.Rows, "/fields": models.Listed,
    **{one.path: one.shape for one in EVERY if issubclass(one.shape, (models.Rows, models.Listed))},
}  # fmt: skip
"""Of answers with a `meta` of their own: the whole."""
DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "/explain": models.Explanation, "/status": models.Status, "/parse": models.Parsed, "/complete": models.Completion, "/me": models.Me,
    "/views": models.SavedViews, **{one.path: one.shape for one in EVERY if not issubclass(one.shape, (models.Rows, models.Listed))},
}  # fmt: skip
"""Of the others: what `data` is."""
_SUMMARIES: Mapping[str, tuple[str, type[p.Parameters]]] = {
    "/edges": ("Sums by dimensions: the largest groups, all others as one, and the whole", p.EdgesParameters),
    "/series": ("The same over time", p.SeriesParameters),
    "/groups": ("A map: ends folded into groups, and edges between them", p.GroupsParameters),
    "/flows": ("Raw flows, the newest first, page by page", p.FlowsParameters),
    "/ownership": ("Who held an address, or which addresses a workload held", p.OwnershipParameters),
    "/explain": ("Why a flow has its name, or none", p.ExplainParameters),
    "/losses": ("What could not be counted: where, why, how much", p.LossesParameters),
    "/status": ("Up to when the tables are complete, and who has reported", p.Documents),
    "/fields": ("What filters and answers can speak of", p.FieldsParameters),
    "/parse": ("Whether a filter can be used, and its shortest form", p.ParseParameters),
    "/complete": ("What may stand at the caret of a filter", p.CompleteParameters),
    "/me": ("Who asks, and what he may see", p.Documents),
    **{one.path: (one.summary, one.parameters) for one in EVERY},
    "/views": ("Saved views: one's own, and those shared within the same groups", p.Documents),
}


@cache
def describe() -> dict[str, Any]:
    described = (*ANSWERS.values(), *DOCUMENTS.values(), models.Saved, models.Problem, NewView)
    unique = [(model, "validation") for model in dict.fromkeys(described)]
    _, schemas = models_json_schema(unique, ref_template=_REFERENCE)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {path: {"get": _get(path)} for path in _SUMMARIES}
    paths["/live"] = {"get": _live()}
    paths["/views"]["post"] = _post()
    paths["/views/{number}"] = {"delete": _delete()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "weir",
            "version": VERSION,
            "description": "Who talks to whom, then and now, to the byte.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def parameters_of(model: type[p.Parameters]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": one.get("description", ""),
            "schema": {key: value for key, value in one.items() if key not in ("title", "description")},
        }
        for name, one in schema.get("properties", {}).items()
    ]


def _get(path: str) -> dict[str, Any]:
    summary, model = _SUMMARIES[path]
    content = {MEDIA_TYPES["json"]: {"schema": _ref(ANSWERS[path]) if path in ANSWERS else envelope(DOCUMENTS[path])}}
    if issubclass(model, p.Tables):
        content[MEDIA_TYPES["ndjson"]] = {"schema": {"type": "string"}}
        content["text/csv"] = {"schema": {"type": "string"}}
        content[MEDIA_TYPES["arrow"]] = {"schema": {"type": "string", "contentEncoding": "binary"}}
    return _operation(path.strip("/"), summary, parameters_of(model), {"200": {"description": "The answer.", "content": content}})


def _live() -> dict[str, Any]:
    said = (
        "Server-sent events. `flow`: rows by column, the newest first, with `key`, by which a row that comes twice is known; the first has "
        "what was. `pulse`: complete_until, generation, nodes, silent, lost, unnamed. `problem`: title, status, detail; the stream goes on."
    )
    again = {
        "name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "the id of the last event that came: what was written since comes first",
    }  # fmt: skip
    good = {"200": {"description": said, "content": {"text/event-stream": {"schema": {"type": "string"}}}}}
    return _operation("live", "Raw flows: what was, then what comes", [*parameters_of(p.LiveParameters), again], good)


def _post() -> dict[str, Any]:
    saved = {"description": "It is saved.", "content": {MEDIA_TYPES["json"]: {"schema": envelope(models.Saved)}}}
    operation = _operation("save_view", "Saves a view", [], {"201": saved})
    operation["requestBody"] = {"required": True, "content": {MEDIA_TYPES["json"]: {"schema": _ref(NewView)}}}
    more = {"409": "There are too many views.", "413": "It is too long.", "415": "It is not JSON."}
    operation["responses"] |= {status: _problem(words) for status, words in more.items()}
    return operation


def _delete() -> dict[str, Any]:
    number = {"name": "number", "in": "path", "required": True, "description": "the view's id", "schema": {"type": "integer", "minimum": 0}}
    return _operation("remove_view", "Removes a view of one's own", [number], {"204": {"description": "It is gone."}})


def _operation(name: str, summary: str, parameters: list[dict[str, Any]], good: dict[str, Any]) -> dict[str, Any]:
    errors = {status: _problem(words) for status, words in _ERRORS.items()}
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": {**good, **errors}}


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA_TYPE: {"schema": _ref(models.Problem)}}}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
