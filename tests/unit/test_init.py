"""The package's version."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import faststicky


def test_the_version_is_that_of_the_distribution():
    assert faststicky.__version__ == importlib.metadata.version("faststicky")


def test_it_is_looked_up_only_when_somebody_asks():
    program = "import sys, faststicky; print('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_nothing_else_is_made_up():
    with pytest.raises(AttributeError, match="__author__"):
        _ = faststicky.__author__
