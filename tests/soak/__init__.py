"""`make soak`: an hour of normal and hostile traffic through a real `faststicky run`, and a verdict.

    python -m soak [--seconds N] [--rate N] [--folder PATH]      with PYTHONPATH=tests

Users that do nothing wrong (users.py) and clients that do everything wrong (attacks.py, floods.py) share the same workers and
the same backends; other backends are as bad (bad_backend.py), and the table is changed all the time (table.py). No user may
notice anything (ledger.py); memory, descriptors and live counters must stay where they are (watch.py, verdict.py).
"""
