"""One HTTP request to a node of the lab, as a browser on the nodes' network would send it."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client

from .lab import Lab


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def cookies(self) -> dict[str, str]:
        """Name to value of what Set-Cookie set."""
        pairs = (field.split(";")[0].partition("=") for field in self.headers.get_all("Set-Cookie", []))
        return {name: value for name, _, value in pairs}


def get(lab: Lab, node: int, port: int = 8080, path: str = "/", *, cookie: str = "", timeout: float = 10) -> Answer:
    """Raises OSError when nobody answers."""
    headers = {"Cookie": cookie} if cookie else {}
    with lab.inside():
        connection = http.client.HTTPConnection(lab.address(node), port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())


def try_get(lab: Lab, node: int, port: int = 8080, path: str = "/", *, cookie: str = "") -> Answer | None:
    """None when nobody answers."""
    try:
        return get(lab, node, port, path, cookie=cookie, timeout=3)
    except (OSError, http.client.HTTPException):
        return None
