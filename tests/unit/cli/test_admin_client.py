from __future__ import annotations

import pytest

from faststicky.cli.admin_client import AdminClient, token_of
from faststicky.errors import ConfigError, FaststickyError
from unit.serve.served import served


def test_answers_and_refusals():
    with served() as (_admin, url):
        client = AdminClient(url.removeprefix("http://"))
        assert client.url == url
        assert client.ask("/health")["status"] == "OK"
        with pytest.raises(FaststickyError, match=r"POST http://.*: no backend is called 'web.9'"):
            client.ask("/api/backends/web.9/drain", "POST")
        with pytest.raises(FaststickyError, match="Not Found"):
            client.ask("/elsewhere")
        with client.live() as response:
            assert response.readline() == b"event: state\n"


def test_nobody_there():
    client = AdminClient("http://127.0.0.1:1")
    with pytest.raises(FaststickyError, match=r"no answer.*--admin or --web"):
        client.ask("/health")
    with pytest.raises(FaststickyError, match="no answer"), client.live():
        pass


@pytest.mark.parametrize("url", ["https://a", "http://", "ftp://a"])
def test_addresses(url):
    with pytest.raises(ConfigError, match="--admin"):
        AdminClient(url)


def test_tokens(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTSTICKY_ADMIN_TOKEN", "from-the-environment")
    assert token_of("") == "from-the-environment"
    path = tmp_path / "token"
    path.write_text("from-the-file\n")
    assert token_of(str(path)) == "from-the-file"
    with pytest.raises(ConfigError, match="--token-file"):
        token_of(str(tmp_path / "none"))
