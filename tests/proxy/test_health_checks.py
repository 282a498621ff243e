"""Active health checks, as users of a running proxy feel them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from proxy.running import Proxy, proxy, until

FILE = """
[services.web]
backends = [{backends}]
health = {{ path = "/health", interval = "100ms", rise = 1, fall = 2 }}
"""


class Application:
    """Answers everything with its name, its health as it is told."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.health = 200
        self.checks = 0


@contextlib.contextmanager
def application(name: str) -> Iterator[Application]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            checked = self.path == "/health"
            app.checks += checked
            self.send_response(app.health if checked else 200)
            self.send_header("Content-Length", str(len(app.name)))
            self.end_headers()
            self.wfile.write(app.name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    app = Application(name, server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def states(running: Proxy) -> dict[str, str]:
    (service,) = running.api("/api/table")["services"]
    return {backend["name"].rpartition(":")[2]: backend["state"] for backend in service["backends"]}


def port(app: Application) -> str:
    return app.url.rpartition(":")[2]


def spread(running: Proxy) -> set[str]:
    return {running.get()[1] for _ in range(6)}


def test_who_is_not_well_gets_no_requests_and_a_newcomer_none_before_it_is(tmp_path):
    config = tmp_path / "proxy.toml"
    with application("ann") as ann, application("bob") as bob, application("cat") as cat:
        config.write_text(FILE.format(backends=f'"{ann.url}", "{bob.url}"'))
        with proxy(tmp_path, "--config", str(config)) as running:
            assert spread(running) == {"ann", "bob"}
            until(lambda: ann.checks and bob.checks, "checks")
            bob.health = 503
            until(lambda: states(running)[port(bob)] == "down", "bob is down")
            until(lambda: spread(running) == {"ann"}, "the table is in force")
            bob.health = 200
            until(lambda: spread(running) == {"ann", "bob"}, "bob is back")

            cat.health = 404
            config.write_text(FILE.format(backends=f'"{ann.url}", "{bob.url}", "{cat.url}"'))
            until(lambda: port(cat) in states(running) and cat.checks > 2, "cat is listed and asked")
            assert states(running) == {port(ann): "up", port(bob): "up", port(cat): "down"}
            assert spread(running) == {"ann", "bob"}
            cat.health = 200
            until(lambda: spread(running) == {"ann", "bob", "cat"}, "cat has its share")

            told = [line["event"] for line in running.log if "health check" in line["event"]]
            assert told[0] == (
                f"backend {bob.url.removeprefix('http://')} of service web is down: "
                "health check GET /health: 503, 2 of 2; see its log, or the path of its health check"
            )
            assert len(told) == 4
