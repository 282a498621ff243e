"""The API's description (OpenAPI 3.1), made from the types of its answers."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from faststicky import __version__
from faststicky.serve import api_types as types

_REF = "#/components/schemas/{name}"

# path: summary, type of the answer
_READS: dict[str, tuple[str, type]] = {
    "/health": ("Alive, whatever it knows.", types.Health),
    "/api/services": ("Services with their backends and numbers.", types.Services),
    "/api/backends": ("Backends of all services.", types.Backends),
    "/api/routes": ("Rules, and the services they lead to.", types.Routes),
    "/api/sessions": ("Who is stuck where: distinct users, and what became of their cookies.", types.Sessions),
    "/api/table": ("The table in force: services, routes, warnings about labels.", types.Table),
    "/api/stats": ("Counters of each worker and in total.", types.Stats),
}
LIVE: dict[str, type] = {
    "state": types.LiveState, "history": types.LiveHistory, "numbers": types.LiveNumbers, "event": types.Event,
}  # fmt: skip
"""What the messages of /api/live hold."""


@functools.cache
def description() -> dict[str, Any]:
    """What /api/openapi.json answers."""
    every = (
        *(kind for _, kind in _READS.values()), types.Readiness, types.Events, types.Draining, types.Problem, *LIVE.values(),
    )  # fmt: skip
    _, components = msgspec.json.schema_components(every, ref_template=_REF)
    paths: dict[str, Any] = {path: {"get": _get(text, {"200": _json(kind)})} for path, (text, kind) in _READS.items()}
    plain = {"description": "OK", "content": {"text/plain": {"schema": {"const": "OK"}}}}
    paths["/ping"] = {"get": _get("For load balancers.", {"200": plain})}
    paths["/ready"] = {
        "get": _get(
            "200 when a table is in force in every worker and not older than --ready-max-age, else 503.",
            {"200": _json(types.Readiness), "503": _json(types.Readiness)},
        )
    }
    paths["/api/events"] = {
        "get": {
            **_get("What happened lately, oldest first.", {"200": _json(types.Events), "400": _json(types.Problem)}),
            "parameters": [_AFTER],
        }
    }
    paths["/api/live"] = {
        "get": _get(
            "Server-sent events: state, history, numbers (every two seconds), event.",
            {"200": _stream(), "503": _json(types.Problem)},
        )
    }
    paths["/api/backends/{name}/drain"] = {
        "parameters": [_NAME],
        "post": _change("No new sessions to it; those that it has stay."),
        "delete": _change("New sessions again."),
    }
    document = {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
    paths["/api/openapi.json"] = {"get": _get("This description.", {"200": document})}
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
    "the proxy's own machine only. Whatever is refused is answered with a Problem; a method that a path does not have with 405."
)
_AFTER = {
    "name": "after",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**17 - 1},
    "description": "Only those after this id.",
}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "Name or ID of a backend: web.3, web.3@node2.",
}


def _get(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {**responses, "421": _MISDIRECTED}}


def _change(summary: str) -> dict[str, Any]:
    refused = {status: _json(types.Problem) for status in ("401", "403", "404")}
    return {"security": [{}, {"token": []}], **_get(summary, {"200": _json(types.Draining), **refused})}


def _stream() -> dict[str, Any]:
    """OpenAPI 3.1 has no words for the messages of a stream (3.2 has): what each kind holds is in `x-events`."""
    return {
        "description": "Until the client closes.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "x-events": {kind: {"$ref": _REF.format(name=shape.__name__)} for kind, shape in LIVE.items()},
    }


def _json(kind: type) -> dict[str, Any]:
    return {
        "description": kind.__name__,
        "content": {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}},
    }


_MISDIRECTED = {**_json(types.Problem), "description": "The Host is none of this server's names; see --admin-host."}
