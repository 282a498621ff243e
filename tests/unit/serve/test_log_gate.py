from __future__ import annotations

import itertools
import logging
import sys
import threading

from faststicky.serve.log_gate import LIMIT, UNTOLD, LogGate


def record(message: str = "worker died", level: int = logging.WARNING, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("faststicky.x", level, "f", 1, message, None, None)
    vars(made).update(extra)
    return made


def test_a_flapping_service_is_cut_and_told():
    now = [0.0]
    gate = LogGate(clock=lambda: now[0])
    passed = [gate.filter(record(service="web")) for _ in range(LIMIT + 25)]
    assert passed == [True] * LIMIT + [False] * 25
    assert gate.filter(record(service="api"))  # another one's
    assert gate.filter(record("other message", service="web"))
    now[0] = 60.0
    first = record(service="web")
    assert gate.filter(first)
    assert first.suppressed == 25
    second = record(service="web")
    assert gate.filter(second)
    assert not hasattr(second, "suppressed")


def test_texts_of_others_are_told_apart():
    gate = LogGate(limit=1)
    for text in ("label one is wrong", "label two is wrong"):
        made = logging.LogRecord("faststicky.x", logging.WARNING, "f", 1, "%s", (text,), None)
        assert gate.filter(made)
        assert not gate.filter(made)


def test_debugging_always_passes_tracebacks_only_as_often_as_the_rest():
    gate = LogGate(limit=1)
    assert [gate.filter(record(exc_info=(None, None, None))) for _ in range(3)] == [True, False, False]
    assert all(gate.filter(record(level=logging.DEBUG)) for _ in range(3))


def test_two_gates_do_not_mix_their_numbers():
    now = [0.0]
    narrow, wide = LogGate(1, lambda: now[0]), LogGate(5, lambda: now[0])
    for _ in range(4):
        made = record()
        narrow.judge(made)
        assert wide.filter(made)
    now[0] = 60.0
    made = record()
    assert narrow.judge(made) == (True, 3)
    assert wide.filter(made)
    assert not hasattr(made, "suppressed")


def test_what_is_older_than_a_minute_is_forgotten():
    now = [0.0]
    gate = LogGate(clock=lambda: now[0])
    for number in range(5000):
        assert gate.filter(record(f"message {number}"))
        now[0] += 0.1
        assert len(gate._seen) <= 1201  # of two minutes, ten in a second
    now[0] += 60.0
    gate.filter(record())
    assert len(gate._seen) == 1


def test_what_was_held_back_is_told_much_later_too():
    now = [0.0]
    gate = LogGate(limit=1, clock=lambda: now[0])
    for _ in range(8):
        gate.filter(record(service="web"))
    for minute in range(1, 50):
        now[0] = 60.0 * minute
        gate.filter(record(service="api"))
    assert gate.judge(record(service="web")) == (True, 7)
    gate.filter(record(service="web"))
    now[0] += UNTOLD
    gate.filter(record(service="api"))
    assert gate.judge(record(service="web")) == (True, 0)


def test_more_different_ones_in_a_minute_than_it_remembers_are_cut_together():
    now = [0.0]
    gate = LogGate(clock=lambda: now[0])
    passed = [gate.filter(record(f"message {number}")) for number in range(6000)]
    assert passed == [True] * (4096 + LIMIT) + [False] * (6000 - 4096 - LIMIT)
    assert len(gate._seen) == 4097
    assert gate.filter(record("message 7"))  # one of those that are told apart
    now[0] = 60.0
    assert gate.judge(record("message 8000")) == (True, 0)
    assert len(gate._seen) == 2


def test_several_threads_log_at_once():
    """The control thread and the main one do; sweeping must not meet what another one adds."""
    interval = sys.getswitchinterval()
    ticking = itertools.count()
    gate = LogGate(clock=lambda: float(next(ticking)))  # a sweep every sixty lines
    failed: list[BaseException] = []

    def log(name: str) -> None:
        try:
            for number in range(3000):
                gate.filter(record(f"message {name} {number}"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failed
