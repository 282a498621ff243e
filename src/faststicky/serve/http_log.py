"""What aiohttp's server says, in this program's words: a client that speaks no HTTP is no error of ours, and no traceback."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError


class _Translation(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.client = record.args[0] if isinstance(record.args, tuple) and record.args else ""
            record.error = " ".join(str(error).split())
            record.msg, record.args, record.exc_info = "malformed request to the admin server or the feed", (), None
        elif record.levelno >= logging.WARNING:
            record.remedy = "report this"
        return True


def http_log() -> logging.Logger:
    """For web.AppRunner."""
    logger = logging.getLogger("faststicky.serve.http")
    if not logger.filters:
        logger.addFilter(_Translation())
    return logger
