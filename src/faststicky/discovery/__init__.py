"""Where backends come from. One file a source; each returns complete snapshots (source.py)."""
