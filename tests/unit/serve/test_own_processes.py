from __future__ import annotations

import os

from faststicky.serve.own_processes import open_files, resident

GONE = 2**22 + 1  # above any process ID


def test_this_process():
    assert 5_000_000 < resident([os.getpid()]) < 10_000_000_000
    assert resident([os.getpid(), os.getpid()]) > resident([os.getpid()])
    before = open_files([os.getpid()])
    reading, writing = os.pipe()
    assert open_files([os.getpid()]) == before + 2
    os.close(reading)
    os.close(writing)


def test_one_that_has_ended():
    assert (resident([GONE]), open_files([GONE])) == (0, 0)
