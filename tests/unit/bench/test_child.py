from __future__ import annotations

import pytest

from faststicky.bench.child import BenchError, Child


def test_it_ends_with_its_standard_input():
    with Child("faststicky.bench.backend", "ann") as child:
        assert 0 < int(child.first_line()) < 65536
        assert child.process.poll() is None
    assert child.process.returncode == 0


def test_one_that_cannot_start_is_an_error():
    with Child("faststicky.bench.generator") as child:
        child.tell(b"no plan")
        with pytest.raises(BenchError, match="exit code 1"):
            child.first_line()
    assert child.process.returncode == 1
