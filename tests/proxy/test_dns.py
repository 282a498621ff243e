"""Backends by name, with the system's resolver."""

from __future__ import annotations

from proxy.running import faststicky, proxy, whoami


def test_a_name_in_place_of_a_backend(tmp_path):
    with whoami("ann") as ann:
        port = ann.rpartition(":")[2]
        with proxy(tmp_path, "--dns", f"localhost:{port}") as running:
            status, body, headers = running.get()
            assert (status, body) == (200, "I'm ann\n")
            assert "Set-Cookie" in headers
            assert running.api("/api/table")["source"] == f"dns localhost:{port}"


def test_names_in_a_file_beside_backends(tmp_path):
    with whoami("ann") as ann, whoami("bob") as bob:
        config = tmp_path / "proxy.toml"
        config.write_text(f'[services.web]\nbackends = ["{bob}"]\ndns = "localhost:{ann.rpartition(":")[2]}"\n')
        with proxy(tmp_path, "--config", str(config)) as running:
            assert {running.get()[1] for _ in range(4)} == {"I'm ann\n", "I'm bob\n"}


def test_what_is_no_name():
    done = faststicky("run", "--dns", "web")
    assert done.returncode == 2
    assert "--dns" in done.stderr
    assert "write NAME:PORT" in done.stderr
