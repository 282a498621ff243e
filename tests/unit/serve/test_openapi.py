"""The description is held against real answers."""

from __future__ import annotations

import jsonschema
import pytest

from faststicky.serve.openapi import description
from unit.serve.watched import with_admin


def schema_of(answer: dict) -> dict:
    """The answer's schema, with what it refers to beside it."""
    return {**answer["content"]["application/json"]["schema"], "components": description()["components"]}


def operations():
    for path, methods in description()["paths"].items():
        for method in methods.keys() & {"get", "post", "delete"}:
            yield pytest.param(path, method, id=f"{method} {path}")


@pytest.mark.parametrize(("path", "method"), list(operations()))
def test_every_answer_is_as_described(path, method):
    async def act(admin, client) -> None:
        for name, status in (("t1", 200), ("none", 404)):
            if "{name}" not in path and name == "none":
                continue
            response = await client.request(method, path.replace("{name}", name))
            assert response.status == status
            described = description()["paths"][path][method]["responses"][str(status)]
            assert response.content_type in described["content"]
            if response.content_type == "application/json":
                jsonschema.Draft202012Validator(schema_of(described)).validate(await response.json())
            response.close()

    with_admin(act)


def test_what_is_refused_is_as_described():
    async def act(_admin, client) -> None:
        response = await client.post("/api/backends/t1/drain")
        described = description()["paths"]["/api/backends/{name}/drain"]["post"]["responses"]["401"]
        jsonschema.validate(await response.json(), schema_of(described))

    with_admin(act, token="a-secret-of-many-characters")


def test_every_route_is_described():
    async def act(admin, _client) -> None:
        described = {
            (method.upper(), path)
            for path, methods in description()["paths"].items()
            for method in methods
            if method != "parameters"
        }
        assert {(route.method, route.path) for route in admin.api.routes()} == described

    with_admin(act)


def test_a_wrong_answer_would_be_found():
    schema = schema_of(description()["paths"]["/ready"]["get"]["responses"]["200"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"ready": "yes"}, schema)
