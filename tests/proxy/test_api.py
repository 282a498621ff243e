"""The admin API of a running proxy with traffic, each answer held against the description that the same proxy gives."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from faststicky.observe.live_view import messages
from proxy.running import PATIENCE, Proxy, proxy, until, whoami

TOKEN = "a-secret-of-many-characters"


class Described:
    """What one proxy says of itself."""

    def __init__(self, running: Proxy) -> None:
        self.running = running
        self.document = running.api("/api/openapi.json")
        self.components = {
            "schemas": {name: closed(one) for name, one in self.document["components"]["schemas"].items()}
        }

    def ask(self, method: str, path: str, template: str = "", **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer that is as described: status, type, and no field too few or too many."""
        status, kind, body = ask(self.running, method, path, **headers)
        operation = self.document["paths"][template or path.partition("?")[0]][method.lower()]
        content = operation["responses"][str(status)]["content"]
        assert kind.partition(";")[0] in content
        if "application/json" not in content:
            return status, body.decode()
        answer = json.loads(body)
        self.validate(answer, content["application/json"]["schema"])
        return status, answer

    def validate(self, answer: Any, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator({**schema, "components": self.components}).validate(answer)


def closed(schema: Any) -> Any:
    """The same schema, but nothing may be there that is not described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(one) for key, one in schema.items()}
    return {**made, "additionalProperties": False} if "properties" in schema else made


def ask(running: Proxy, method: str, path: str, **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(running.admin, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> Iterator[Described]:
    """Traffic with sessions, one drained backend, one that does not answer, a route whose service is not reached, a warning."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "token").write_text(TOKEN)
    config = folder / "proxy.toml"
    with whoami("one") as one, whoami("two") as two:
        config.write_text(
            f'[services.web]\nbackends = ["{one}", "{two}"]\n[services.dead]\nbackends = ["http://127.0.0.1:9"]\n'
            '[services.unrouted]\nbackends = ["http://127.0.0.1:9"]\n'
            '[[routes]]\nrule = "PathPrefix(`/`)"\nservice = "web"\n[[routes]]\nrule = "PathPrefix(`/dead`)"\nservice = "dead"\n'
        )
        with proxy(
            folder, "--config", str(config), "--admin-token-file", str(folder / "token"), "--workers", "2"
        ) as running:
            cookie = running.get("/")[2]["Set-Cookie"].partition(";")[0]
            for _ in range(20):
                assert running.get("/", Cookie=cookie)[0] == 200
            assert running.get("/dead")[0] == 502
            yield Described(running)


READS = ["/health", "/ready", "/ping", "/api/services", "/api/routes", "/api/backends", "/api/sessions", "/api/table", "/api/stats",
         "/api/events", "/api/events?after=2", "/api/openapi.json"]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_what_is_read_is_as_described(described: Described, path: str):
    assert described.ask("GET", path)[0] == 200


def test_everything_described_is_tested(described: Described):
    tested = {path.partition("?")[0] for path in READS} | {"/api/live", "/api/backends/{name}/drain"}
    assert tested == set(described.document["paths"])


def test_the_answers_have_the_traffic(described: Described):
    services = {service["name"]: service for service in described.ask("GET", "/api/services")[1]["services"]}
    assert services["web"]["counts"]["requests"] == 21
    assert (services["web"]["outcomes"]["new"], services["web"]["outcomes"]["hit"]) == (1, 20)
    assert services["dead"]["failures"]["502"] == 1
    stats = until(
        lambda: (s := described.ask("GET", "/api/stats")[1])["total"]["counters"]["requests"] == 22 and s, "all counted"
    )
    assert sum(worker["counters"]["requests"] for worker in stats["workers"]) == 22
    table = described.ask("GET", "/api/table")[1]
    assert [(warning["service"], warning["label"]) for warning in table["warnings"]] == [("unrouted", "routes")]

    def refusals() -> list[dict[str, Any]]:
        events = described.ask("GET", "/api/events")[1]["events"]
        return [event for event in events if event["service"] == "dead" and "connect-refused" in event["text"]]

    last = until(refusals, "the event")[-1]["id"] + 100
    assert described.ask("GET", f"/api/events?after={last}")[1]["events"] == []


def test_live_messages_are_as_described(described: Described):
    kinds = described.document["paths"]["/api/live"]["get"]["responses"]["200"]["x-events"]
    connection = http.client.HTTPConnection(described.running.admin, timeout=PATIENCE)
    seen: dict[str, int] = {}
    with contextlib.closing(connection):
        connection.request("GET", "/api/live")
        with connection.getresponse() as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            asked = False
            for kind, content in messages(response):
                described.validate(content, kinds[kind])
                seen[kind] = seen.get(kind, 0) + 1
                if not asked and seen.get("numbers"):
                    asked = described.running.get("/dead")[0] == 502  # which is an event
                if seen.keys() == kinds.keys() and seen["numbers"] > 1:
                    break
    assert list(seen)[:3] == ["state", "history", "numbers"]


def test_draining_and_its_refusals_are_as_described(described: Described):
    name = described.ask("GET", "/api/backends")[1]["backends"][0]["name"]
    template, path, bearer = "/api/backends/{name}/drain", f"/api/backends/{name}/drain", f"Bearer {TOKEN}"
    assert described.ask("POST", path, template)[0] == 401
    assert described.ask("POST", path, template, Authorization="Bearer wrong")[0] == 401
    assert described.ask("POST", path, template, Authorization=bearer, Origin="http://elsewhere.example")[0] == 403
    assert described.ask("POST", "/api/backends/none/drain", template, Authorization=bearer)[0] == 404
    told = (200, {"drained": True, "backends": [name], "kept": True})
    assert described.ask("POST", path, template, Authorization=bearer) == told
    until(lambda: described.ask("GET", "/api/backends")[1]["backends"][0]["state"] == "draining", "draining")
    assert described.ask("GET", "/api/backends")[1]["backends"][0]["why"] == "drained by an operator; keeps its users"
    assert described.ask("DELETE", path, template, Authorization=bearer)[1]["drained"] is False
    until(lambda: described.ask("GET", "/api/backends")[1]["backends"][0]["state"] == "up", "up again")


def test_what_is_not_asked_rightly_is_answered_as_described(described: Described):
    assert described.ask("GET", "/api/events?after=-1")[0] == 400
    for path in READS:
        assert described.ask("GET", path, Host="rebound.example")[0] == 421
        status, kind, body = ask(described.running, "PUT", path)
        assert (status, kind) == (405, "application/json")
        described.validate(json.loads(body), {"$ref": "#/components/schemas/Problem"})
        status, _, body = ask(described.running, "HEAD", path)
        assert (status, body) == (200, b"")
    assert ask(described.running, "HEAD", "/api/live")[0] == 200
    status, _, body = ask(described.running, "GET", "/api/nothing")
    described.validate(json.loads(body), {"$ref": "#/components/schemas/Problem"})
    assert status == 404


def test_a_proxy_that_is_not_ready_says_so_as_described(tmp_path):
    with proxy(tmp_path, "--backend", "http://127.0.0.1:9", "--ready-max-age", "1ms") as running:
        described = Described(running)
        assert until(lambda: described.ask("GET", "/ready")[0] == 503, "an old table")
        assert described.ask("GET", "/health")[0] == 200


def test_a_field_that_is_not_described_would_be_found(described: Described):
    with pytest.raises(jsonschema.ValidationError, match="more"):
        described.validate({"error": "x", "more": 1}, {"$ref": "#/components/schemas/Problem"})
