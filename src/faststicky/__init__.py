"""faststicky: a sticky-session HTTP proxy for Docker Swarm."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """`__version__`, looked up when somebody asks: it costs a worker half of its start."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("faststicky")
    except PackageNotFoundError:  # run from a source tree that was never installed
        found = "0.0.0"
    globals()["__version__"] = found
    return found
