"""The OpenAPI document of the API, made from its routes and the types of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from devflow_analytics_dashboard import __version__, answers
from devflow_analytics_dashboard.api import ROUTES, Route

if TYPE_CHECKING:
    from devflow_analytics_dashboard.parameters import Parameter

ERRORS = {
    "400": "A parameter has a value that cannot be used.",
    "401": "The key is missing or wrong.",
    "403": "A page of another origin asked.",
    "404": "There is no such route, or no such session.",
    "405": "The method is neither GET nor HEAD.",
    "421": "The Host header does not name this machine.",
    "431": "Query and headers are too long.",
    "500": "The server failed, which is a bug.",
    "503": "The database does not exist, is locked, or cannot be read.",
}

TAG = {
    "description": "Tells this answer from others. Left out while the database has just changed.",
    "schema": {"type": "string"},
}


def openapi() -> dict[str, Any]:
    """Return the document: version 3.1 of OpenAPI, as values that JSON has."""
    kinds = [answers.Error, answers.Version, *(route.answer for route in ROUTES)]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths = {_path(route.path): _operation(route) for route in ROUTES}
    paths["/api/version"] = _get(
        "version",
        "In which state the database is; cheap enough to ask every second",
        {"200": _json("The answer.", answers.Version)},
    )
    paths["/api/openapi.json"] = _get(
        "openapi",
        "This document",
        {
            "200": {
                "description": "The document.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "DevFlow Analytics",
            "version": __version__,
            "description": "The tool calls that DevFlow Analytics has recorded. Times are in Unix"
            " seconds and durations in milliseconds, unless a name says otherwise.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8321"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key in the address that is printed at the start.",
                }
            },
            "responses": {
                status: _json(description, answers.Error) for status, description in ERRORS.items()
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answer = _json("The answer.", route.answer) | {"headers": {"ETag": TAG}}
    known = {"description": "The answer is the one that If-None-Match names."}
    operation = _get(route.name, route.summary, {"200": answer, "304": known})
    parameters = [_parameter(one) for one in route.parameters]
    if "{" in route.path:
        description = "The session's id, or the end of it."
        schema = {"type": "string"}
        place = {"name": "id", "in": "path", "required": True}
        parameters.append(place | {"description": description, "schema": schema})
    operation["get"]["parameters"] = parameters
    return operation


def _get(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    errors = {status: {"$ref": f"#/components/responses/{status}"} for status in ERRORS}
    return {"get": {"operationId": name, "summary": summary, "responses": responses | errors}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(parameter.schema)
    if parameter.is_repeatable:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": schema,
    }


def _json(description: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _path(path: str) -> str:
    return path.replace(":path}", "}")
