"""A short round of what `python -m tests.fuzz` does by the hundred thousand."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given

from tests.fuzz.__main__ import main
from tests.fuzz.mutate import mutations
from tests.fuzz.strategies import BYTES
from tests.fuzz.targets import SEEDS, TARGETS

targets = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@targets
def test_every_seed(target) -> None:
    for seed in SEEDS:
        target(seed)


@targets
@given(data=BYTES)
def test_what_nearly_fits(target, data: bytes) -> None:
    target(data)


@targets
def test_what_is_near_the_seeds(target) -> None:
    for data in itertools.islice(mutations(random.Random(7)), 1_000):
        target(data)


def test_a_target_that_there_is_not_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mutate", "--cases", "1", "--only", "nothing"])
    assert ended.value.code == 2
    assert "predict" in capsys.readouterr().err
