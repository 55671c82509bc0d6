"""What `weir model compare` says, and in whose name a challenge is decided."""

from __future__ import annotations

import getpass

import pytest
import typer

from drift.challenge import Challenge, Contest, PairCounts
from drift.comparison import Comparison
from drift.conduct import Conducted
from streams.cli.challenge_report import report_of, words_of
from streams.cli.proposing import author_of
from streams.serving_commands import ServedVersions


def words(comparison: Comparison) -> list[str]:
    served = ServedVersions("1", None, comparison.contest.challenge)
    return words_of(report_of("fraud", served, comparison), comparison)


def test_before_the_first_pair_it_says_so_and_what_was_missed() -> None:
    contest = Contest("1", Challenge("2", 1, failures=0.1), 1)
    told = words(Comparison(contest))
    assert told[1:] == ["  no labelled pair was counted yet"]
    told = words(Comparison(contest, conduct=Conducted(90, 10, batches=3)))
    assert told[1:] == [
        "  missed 10 of 100 rows that it was asked about, in 3 batches",
        "  no labelled pair was counted yet",
    ]


def test_with_pairs_it_tells_from_when_to_when() -> None:
    contest = Contest("1", Challenge("2", 1), 1)
    told = words(Comparison(contest, PairCounts(1, 0, 2), first=0, last=1000))
    assert told[1] == "  3 labelled pairs, from 1970-01-01T00:00:00.000Z to 1970-01-01T00:00:01.000Z"


def test_nobody_speaks_in_the_name_of_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert author_of("ann") == "ann"
    for given in ("policy", None):
        monkeypatch.setattr(getpass, "getuser", lambda: "policy")
        with pytest.raises(typer.BadParameter, match="the drift worker"):
            author_of(given)
