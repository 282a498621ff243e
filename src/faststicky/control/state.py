"""The last good snapshot on disk, so that a proxy that starts while Docker is away has a table.

Never fatal: without the file, or with a broken one, the proxy waits for its source as on its first day. The file holds
no key and no token, but addresses and the cluster's ID: mode 0600.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import msgspec

from faststicky.control.private_file import write_private
from faststicky.model import Snapshot

log = logging.getLogger("faststicky.control")

VERSION = 1
NAME = "snapshot.json"


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the file. saved_at: seconds since 1970, of the last change."""

    version: int
    saved_at: float
    snapshot: Snapshot


class _Header(msgspec.Struct):
    version: int = 0


class StateFile:
    """`snapshot.json` in the state directory; without a directory nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self.path = directory / NAME if directory is not None else None
        self._complained = False

    def load(self, source: str) -> Saved | None:
        """What was saved from the source of this name. None, with one warning if a file is there but of no use."""
        if self.path is None:
            return None
        try:
            data = self.path.read_bytes()
            version = msgspec.json.decode(data, type=_Header).version
            if version != VERSION:
                log.warning(
                    "%s has version %d, not %d: not used; the next good table replaces it", self.path, version, VERSION
                )
                return None
            saved = msgspec.json.decode(data, type=Saved)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s cannot be read (%s): not used; mend --state-dir", self.path, error.strerror or error)
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.warning("%s is damaged (%s): not used; the next good snapshot replaces it", self.path, error)
            return None
        return saved if saved.snapshot.source == source else None  # of another source it would route wrongly

    def save(self, snapshot: Snapshot) -> bool:
        """Keep `snapshot`. False, with one warning until it works again, when that is not possible."""
        if self.path is None:
            return False
        saved = Saved(version=VERSION, saved_at=time.time(), snapshot=snapshot)
        try:
            write_private(self.path, msgspec.json.encode(saved))
        except OSError as error:
            if not self._complained:
                self._complained = True
                why = error.strerror or error
                log.warning(
                    "%s cannot be written (%s): after a restart there is no table until Docker answers; mend --state-dir",
                    self.path,
                    why,
                )
            return False
        self._complained = False
        return True
