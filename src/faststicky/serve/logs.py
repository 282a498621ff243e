"""The process's log: lines for people on a terminal, one JSON object a line everywhere else.

Everything is logged as a short constant message with its details as `extra`; both forms come from the same call:

    12:03:04 ERROR   worker died  worker=0 pid=4711 cause="signal SIGKILL"
    {"time":"2026-11-22T12:03:04.123Z","level":"error","event":"worker died","worker":0,"pid":4711,"cause":"signal..."}

A thread writes, behind a bounded queue: a log driver that stops reading must not stop the proxy. Lines that find the
queue full are counted, and the number is told as soon as there is room.
"""

from __future__ import annotations

import datetime
import json
import logging
import logging.handlers
import queue
import sys
from typing import IO, Any

import orjson

from faststicky.serve.log_gate import LogGate
from faststicky.settings import LogFormat, LogLevel

QUEUE_SIZE = 10_000  # lines
COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}  # SGR codes

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def details(record: logging.LogRecord) -> dict[str, Any]:
    """What a call gave as `extra`, in its order."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC, RFC 3339), level, event, then the details."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **details(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class TextFormatter(logging.Formatter):
    """Time of day, level and message, then key=value; colour by level if `colour`."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = f"{record.levelname:<7}"
        if self._colour and (code := COLOURS.get(record.levelname)):
            level = f"\x1b[{code}m{level}\x1b[0m"
        parts = [f"{key}={_quoted(value)}" for key, value in details(record).items()]
        line = f"{time} {level} {_printable(record.getMessage())}" + ("  " + " ".join(parts) if parts else "")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _printable(text: str) -> str:
    """Without control characters: what a client sends must not write on the operator's terminal."""
    return text if text.isprintable() else json.dumps(text, ensure_ascii=True)[1:-1]


def _quoted(value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    if text and text.isprintable() and not any(char in text for char in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


class _QueueHandler(logging.handlers.QueueHandler):
    """Counts what does not fit instead of printing a traceback for it."""

    def __init__(self, lines: queue.Queue[Any]) -> None:
        super().__init__(lines)
        self.lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # the listener is a thread of this process: nothing has to be made picklable

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            if self.lost:
                note = logging.LogRecord(__name__, logging.WARNING, __file__, 0, "log lines lost", None, None)
                note.lines = self.lost
                self.queue.put_nowait(note)
                self.lost = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


class LogWriter:
    """Owns the package's handlers from `start` to `stop`; `stop` writes what is queued."""

    def __init__(self, level: LogLevel, form: LogFormat = "auto", stream: IO[str] | None = None) -> None:
        """stream: standard error by default. form "auto": text on a terminal, JSON otherwise."""
        stream = stream if stream is not None else sys.stderr
        text = form == "text" or (form == "auto" and stream.isatty())
        output = logging.StreamHandler(stream)
        output.setFormatter(TextFormatter(colour=stream.isatty()) if text else JsonFormatter())
        self._lines: queue.Queue[Any] = queue.Queue(QUEUE_SIZE)
        self._handler = _QueueHandler(self._lines)
        self._handler.addFilter(LogGate())
        self._handler.setLevel(level.upper())
        self._listener = logging.handlers.QueueListener(self._lines, output)
        # The page tells what is well again (serve/recent.py) even where the log tells errors only
        self._level = min(logging.INFO, getattr(logging, level.upper()))
        self._logger = logging.getLogger("faststicky")

    def start(self) -> LogWriter:
        """From now on `logging.getLogger("faststicky...")` is written; other libraries only from warnings on."""
        self._logger.setLevel(self._level)
        logging.getLogger().addHandler(self._handler)
        self._listener.start()
        return self

    def stop(self) -> None:
        """Returns when everything is written."""
        logging.getLogger().removeHandler(self._handler)
        self._listener.stop()
        self._logger.setLevel(logging.NOTSET)

    def __enter__(self) -> LogWriter:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
