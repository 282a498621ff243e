"""One command, from start to end, as an operator sees it."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest

from proxy.running import faststicky, fetch, proxy, until, whoami


@pytest.fixture(scope="module")
def backends():
    with whoami("ann") as ann, whoami("bob") as bob:
        yield ["--backend", ann, "--backend", bob]


ONE = ("--backend", "http://127.0.0.1:1")


def test_users_are_spread_and_stay(tmp_path, backends):
    with proxy(tmp_path, *backends) as running:
        answers = [running.get() for _ in range(10)]
        assert [status for status, _, _ in answers] == [200] * 10
        assert sorted(body for _, body, _ in answers) == ["I'm ann\n"] * 5 + ["I'm bob\n"] * 5
        for _, body, headers in answers:
            cookie = headers["Set-Cookie"].partition(";")[0]
            for _ in range(3):
                status, again, headers = running.get(Cookie=cookie)
                assert (status, again) == (200, body)
                assert "Set-Cookie" not in headers


def test_what_the_admin_server_tells(tmp_path, backends):
    with proxy(tmp_path, *backends, "--workers", "2") as running:
        until(lambda: fetch(f"http://{running.admin}/ready")[0] == 200, "readiness")
        for _ in range(6):
            running.get()
        table = running.api("/api/table")
        assert table["listen"] == [running.listen]
        assert table["source"] == "flags"
        assert [backend["state"] for backend in table["services"][0]["backends"]] == ["up", "up"]
        stats = running.api("/api/stats")
        assert stats["total"]["counters"]["requests"] == 6
        assert sum(worker["counters"]["requests"] for worker in stats["workers"]) == 6
        assert sorted(worker["pid"] for worker in stats["workers"]) == sorted(running.workers())
        status, text, headers = fetch(f"http://{running.admin}/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert running.api("/api/routes")["routes"][0]["rule"] == "PathPrefix(`/`)"
        cookie = running.get()[2]["Set-Cookie"].partition(";")[0].partition("=")[2]
        assert cookie not in str(table) + text


def test_signals(tmp_path, backends):
    for number in (signal.SIGTERM, signal.SIGINT):
        with proxy(tmp_path, *backends) as running:
            workers = running.workers()
            assert len(workers) == 1
            assert running.stop(number) == 0
            assert not running.ready_file.exists()
            assert [line["event"] for line in running.log][-2:] == ["stopping", "stopped"]
            with pytest.raises(ConnectionRefusedError):
                running.connect()
        for pid in workers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_no_backend_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        dead = other.getsockname()[1]
    with proxy(tmp_path, "--backend", f"http://127.0.0.1:{dead}") as running:
        assert running.get()[0] in (502, 503)
        line = until(lambda: [line for line in running.log if line.get("status") in (502, 503)], "the line")[0]
        assert line["level"] == "warning"
        assert line["service"] == "default"


def test_a_refused_request_is_told_with_the_reason(tmp_path, backends):
    with proxy(tmp_path, *backends) as running, running.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
        line = until(lambda: [line for line in running.log if line.get("status") == 400], "the line")[0]
        assert line["level"] == "info"
        assert line["reason"]


def test_a_flood_is_a_few_lines_and_a_number(tmp_path, backends):
    with proxy(tmp_path, "--config", str(_config(tmp_path, "Host(`only.example`)"))) as running:
        for _ in range(60):
            assert running.get()[0] == 404
        until(lambda: running.events("relay events suppressed"), "the summary")
        lines = [line for line in running.log if line.get("status") == 404]
        suppressed = until(lambda: _enough(running, 60), "the numbers")
        assert len(lines) < 60
        assert suppressed > 0


def _enough(running, total: int) -> int:
    lines = sum(line.get("status") == 404 for line in running.log)
    suppressed = sum(line["number"] for line in running.events("relay events suppressed"))
    return suppressed if lines + suppressed == total else 0


def _config(folder, rule: str, *urls: str):
    path = folder / "proxy.toml"
    backends = ", ".join(f'"{url}"' for url in urls or ("http://127.0.0.1:9",))
    path.write_text(f'[services.web]\nbackends = [{backends}]\n[[routes]]\nrule = "{rule}"\nservice = "web"\n')
    return path


def test_a_file_is_read_again_on_sighup_and_the_old_table_outlives_a_mistake(tmp_path):
    with whoami("ann") as ann, whoami("bob") as bob:
        path = _config(tmp_path, "PathPrefix(`/`)", ann)
        with proxy(tmp_path, "--config", str(path)) as running:
            assert running.get()[1] == "I'm ann\n"
            _config(tmp_path, "PathPrefix(`/`)", bob)
            running.process.send_signal(signal.SIGHUP)
            until(lambda: running.get()[1] == "I'm bob\n", "the new table")
            assert running.events("looking at the source of backends now")
            path.write_text("nonsense")
            running.process.send_signal(signal.SIGHUP)
            error = until(lambda: running.api("/api/table")["error"], "the error")
            assert "proxy.toml" in error
            assert running.get()[1] == "I'm bob\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([*ONE, "--listen", "{taken}"], r"--listen: cannot listen on .*: the port is in use; stop"),
        ([*ONE, "--admin", "{taken}"], r"--admin: cannot listen on .*: the port is in use; stop"),
        (["--backend", "ftp://x"], r"--backend: "),
        (["--config", "/nowhere/proxy.toml"], r"file /nowhere/proxy\.toml: .*mend it"),
        (["--docker-endpoint", "unix:///nowhere.sock"], r"no Docker socket at .*give --swarm, --backend URL, --dns"),
        (["--swarm", *ONE], r"--swarm and --backend do not go together; choose one"),
        ([*ONE, "--bakend", "x"], r"--bakend is an option of neither.*did you mean --backend\?"),
        ([*ONE, "--grace", "soon"], r"--grace.*'soon' is not a duration"),
        ([*ONE, "--workers", "0"], r"--workers.*'0' is not a number of workers"),
        ([*ONE, "--state-dir", "/proc/nowhere"], r"--state-dir: .*cannot be written to"),
        ([*ONE, "--trusted-proxies", "10.0.0.0/99"], r"--trusted-proxies.*not a network"),
    ],
)  # fmt: skip
def test_what_cannot_begin_says_why_and_ends_with_2(tmp_path, args, message):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1", "--state-dir", str(tmp_path)]
        keep = [
            word for flag, word in zip(free[::2], free[1::2], strict=True) if flag not in args for word in (flag, word)
        ]
        result = faststicky("run", *keep, *(arg.format(taken=taken) for arg in args))
    assert result.returncode == 2, result.stderr
    assert re.search(message, result.stderr.replace("\n", " ")), result.stderr
    assert "Traceback" not in result.stderr


def test_options_from_the_environment(tmp_path, backends):
    environment = {
        "FASTSTICKY_BACKEND": f"{backends[1]} {backends[3]}",
        "FASTSTICKY_MAX_FIELDS": "1",
        "FASTSTICKY_LOG_LEVEL": "debug",
    }
    with proxy(tmp_path, **environment) as running:
        assert len(running.api("/api/table")["services"][0]["backends"]) == 2
        assert running.get()[0] == 431
        assert any(line["level"] == "debug" for line in running.log)


def test_a_command_line_of_traefik(tmp_path):
    missing = f"unix://{tmp_path}/docker.sock"
    traefik = ["--docker", "--docker.swarmmode", "--docker.watch", "--loglevel=DEBUG", f"--docker.endpoint={missing}"]
    with proxy(
        tmp_path, *traefik, "--accessLog=true", "--metrics.prometheus"
    ) as running:  # there is no Swarm: 503 until there is one
        assert running.get()[0] == 503
        assert fetch(f"http://{running.admin}/ready")[0] == 503
        assert fetch(f"http://{running.admin}/health")[0] == 200
        assert "docker.sock" in running.api("/api/table")["error"]
        assert [line for line in running.log if line["event"].startswith("--metrics.prometheus is ignored: ")]
        until((tmp_path / "output").read_text, "access lines as Traefik writes them")
        assert " - - [" in (tmp_path / "output").read_text()
        assert running.stop() == 0
