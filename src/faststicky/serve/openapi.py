"""The API's description (OpenAPI 3.1), made from the types of its answers."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from faststicky import __version__
from faststicky.serve import api_types as types

_REF = "#/components/schemas/{name}"
_ANYTHING = {"type": "object"}

# path: summary, type of the answer, other statuses (with the same type if they have no other)
_READS: dict[str, tuple[str, type | None]] = {
    "/health": ("Alive, whatever it knows.", types.Health),
    "/api/services": ("Services with their backends and numbers.", types.Services),
    "/api/backends": ("Backends of all services.", types.Backends),
    "/api/routes": ("Rules, and the services they lead to.", types.Routes),
    "/api/sessions": ("Who is stuck where: distinct users, and what became of their cookies.", types.Sessions),
    "/api/table": ("The table in force: services, routes, warnings about labels.", None),
    "/api/stats": ("Counters of each worker and in total.", None),
}
_ALL = (
    types.Health, types.Readiness, types.Services, types.Backends, types.Routes, types.Sessions, types.Events,
    types.Draining, types.Problem,
)  # fmt: skip


@functools.cache
def description() -> dict[str, Any]:
    """What /api/openapi.json answers."""
    _, components = msgspec.json.schema_components(_ALL, ref_template=_REF)
    paths: dict[str, Any] = {
        path: {"get": {"summary": text, "responses": {"200": _json(kind)}}} for path, (text, kind) in _READS.items()
    }
    paths["/ping"] = {
        "get": {
            "summary": "For load balancers.",
            "responses": {"200": {"description": "OK", "content": {"text/plain": {"schema": {"const": "OK"}}}}},
        }
    }
    paths["/ready"] = {
        "get": {
            "summary": "200 when a table is in force in every worker and not older than --ready-max-age, else 503.",
            "responses": {"200": _json(types.Readiness), "503": _json(types.Readiness)},
        }
    }
    after = {
        "name": "after",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0},
        "description": "Only those after this id.",
    }
    paths["/api/events"] = {
        "get": {
            "summary": "What happened lately, oldest first.",
            "parameters": [after],
            "responses": {"200": _json(types.Events), "400": _json(types.Problem)},
        }
    }
    paths["/api/live"] = {
        "get": {
            "summary": "Server-sent events: state, history, numbers (every two seconds), event.",
            "responses": {
                "200": {
                    "description": "until the client closes",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                "503": _json(types.Problem),
            },
        }
    }
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "Name or ID of a backend: web.3, web.3@node2.",
    }
    refused = {status: _json(types.Problem) for status in ("401", "403", "404")}
    paths["/api/backends/{name}/drain"] = {
        "parameters": [name],
        "post": {
            "summary": "No new sessions to it; those that it has stay.",
            "security": [{}, {"token": []}],
            "responses": {"200": _json(types.Draining), **refused},
        },
        "delete": {
            "summary": "New sessions again.",
            "security": [{}, {"token": []}],
            "responses": {"200": _json(types.Draining), **refused},
        },
    }
    paths["/api/openapi.json"] = {"get": {"summary": "This description.", "responses": {"200": _json(None)}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "faststicky", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Content of --admin-token-file."}
            },
        },
    }


_ABOUT = (
    "Reading needs nothing. Draining needs the token of --admin-token-file; without that option it can be done from "
    "the proxy's own machine only. Every answer may also be 421 for a Host that is not this server's."
)


def _json(kind: type | None) -> dict[str, Any]:
    schema = _ANYTHING if kind is None else {"$ref": _REF.format(name=kind.__name__)}
    return {"description": kind.__name__ if kind else "object", "content": {"application/json": {"schema": schema}}}
