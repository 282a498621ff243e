"""faststicky: a sticky-session HTTP proxy for Docker Swarm."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("faststicky")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
