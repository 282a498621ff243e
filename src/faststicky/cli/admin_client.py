"""The admin API from the command line."""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import orjson

from faststicky.errors import ConfigError, FaststickyError

DEFAULT = "http://127.0.0.1:8080"
TIMEOUT = 10.0  # seconds


class AdminClient:
    """One proxy. url: "http://127.0.0.1:8080", or without the scheme."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urllib.parse.urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname:
            raise ConfigError(f"{url!r} is not an address of an admin server", where="--admin", remedy=f"as {DEFAULT}")
        self.url = f"http://{parts.netloc}"
        self._address = (parts.hostname, parts.port or 80)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, path: str, method: str = "GET") -> Any:
        """The JSON answer. Raises FaststickyError with what the proxy says is wrong."""
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT)
        try:
            connection.request(method, path, headers=self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._refuse(error)
        finally:
            connection.close()
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = {"error": f"{response.status} {body[:200].decode(errors='replace').strip()}"}
        if response.status >= 400:
            raise FaststickyError(str(content.get("error", response.status)), where=f"{method} {self.url}{path}")
        return content

    @contextlib.contextmanager
    def live(self) -> Iterator[http.client.HTTPResponse]:
        """The open answer of /api/live. Raises FaststickyError."""
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/api/live", headers=self._headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                self._refuse(error)
            with response:
                if response.status != 200:
                    raise FaststickyError(f"answered {response.status}", where=f"{self.url}/api/live")
                yield response

    def _refuse(self, error: Exception) -> NoReturn:
        raise FaststickyError(
            f"no answer: {error}", where=self.url, remedy="start the proxy with --admin or --web, or name its address"
        ) from error


def token_of(path: str) -> str:
    """From a file, or the environment variable FASTSTICKY_ADMIN_TOKEN. Raises ConfigError."""
    if not path:
        return os.environ.get("FASTSTICKY_ADMIN_TOKEN", "")
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", where="--token-file", remedy="name the proxy's") from error
