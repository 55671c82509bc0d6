"""What `weir model add` says of a model's memory."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from models import memory_cost
from models.memory_cost import memory_cost_mb

ON_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="measured on Linux with glibc only")


@ON_GLIBC
@pytest.mark.parametrize("megabytes", [0, 20, 80])
def test_it_is_what_stays_and_not_what_was_freed_before(megabytes: int):
    holes = [bytes(50_000) for _ in range(2_000)]
    kept = holes[::20]
    del holes
    found = memory_cost_mb(lambda: [np.ones(1 << 17) for _ in range(megabytes)])
    assert found == pytest.approx(megabytes, abs=3)
    assert len(kept) == 100


def test_where_the_system_does_not_say_there_is_no_figure(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(memory_cost, "STATM", tmp_path / "none")
    assert memory_cost_mb(list) is None
