"""What an operator can do about what the relay reports. By reason; what is not listed has the remedy of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TASK_LOG = "see the log of the task: docker service logs SERVICE"
_REASONS = {
    "no-backend": "none of its tasks takes requests: docker service ps SERVICE, or /api/services for the state of each and "
    "why; hold lets requests wait for one",
    "no-service": "the service has left the table while the request waited: see why it was removed",
    "no-table-yet": "the source of backends has not answered yet: its error is in this log and in /ready",
    "queue-full": "all tasks are at max-concurrent and the queue is full: add tasks, or raise max-concurrent or the queue",
    "queue-timeout": "all tasks were at max-concurrent for too long: add tasks, or raise max-concurrent",
    "connect-refused": "nothing listens at the task's port: if it is only starting, give the service a health check; else "
    "compare the label of the port with what its program uses",
    "connect-timeout": "the task's machine does not answer: see that the proxy shares its network and that its node is up",
    "connect-failed": "the task cannot be reached: see that the proxy shares a network with it",
    "bad-answer": f"the task's answer is not valid HTTP/1.1: mend its program; {_TASK_LOG}",
    "closed": f"the task closed the connection at once; {_TASK_LOG}",
    "closed-before-answer": f"the task closed the connection instead of answering; {_TASK_LOG}",
    "closed-early": f"the task closed the connection in the middle of its answer; {_TASK_LOG}",
    "slow-answer": "the task took longer than --response-timeout for an answer: see what it waits for, or raise the option",
    "slow-upload": "the task took nothing of the request's body for --idle-timeout: see what it does, or raise the option",
    "stalled-answer": "the task sent nothing of its answer's body for --idle-timeout: see what it does, or raise the option",
}
_KINDS = {
    "answered": _TASK_LOG,
    "connect-failed": "the task cannot be reached: see that it runs and shares a network with the proxy",
    "upstream-failed": _TASK_LOG,
    "ejected": "it gets no requests until a connection of the proxy's own succeeds; the lines before say what failed",
    "events-dropped": "the lines that are left name services and reasons; mend what they tell of",
}


def remedy(event: Mapping[str, Any]) -> str:
    """event: as in core.Relay's on_event. Names its service where it has one."""
    reason = str(event.get("reason", "")).partition(":")[0]
    found = _REASONS.get(reason) or _KINDS.get(str(event.get("event", "")), "")
    return found.replace("SERVICE", str(event.get("service") or "SERVICE"))
