"""Pairs in the log of observations lead to one verdict at one place, however the log is cut."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.challenge import PAIRS, Challenge, Contest, PairCounts, Pairs
from drift.comparison import Comparison, load_comparison, observed
from drift.conduct import Conduct, Conducted
from drift.observation import Observation


def entered(version: str = "2", champion: str = "1", revision: int = 1, **more: Any) -> Observation:
    contest = Contest(champion, Challenge(version, **{"since": revision, **more}), revision)
    return Observation("m", "", "", "events", -1, -1, -1, 0, stream=PAIRS, contest=contest)


def ended() -> Observation:
    return Observation("m", "", "", "events", -1, -1, -1, 0, stream=PAIRS)


def pairs(offset: int, better: int = 0, worse: int = 0, equal: int = 0, **more: Any) -> Observation:
    own = {"version": "2", "champion": "1", "partition": 0, "time": 1000 + offset, **more}
    counts = Pairs(own["champion"], PairCounts(better, worse, equal))
    place = (own["partition"], offset, offset, own["time"])
    return Observation("m", own["version"], "", "joins", *place, stream=PAIRS, pairs=counts)


def conducted(offset: int, answered: int, missed: int, version: str = "2") -> Observation:
    conduct = Conduct("1", answered, missed)
    return Observation("m", version, "", "events", 0, offset, offset, -1, stream=PAIRS, conduct=conduct)


def after(*observations: Observation, known: Comparison | None = None) -> Comparison | None:
    for observation in observations:
        known = observed(known, observation)
    return known


def test_pairs_count_from_where_the_challenge_entered_the_log_to_where_it_ended() -> None:
    comparison = after(pairs(0, 5), entered(), pairs(1, 2, 1, 4), pairs(2, 1), ended(), pairs(3, 9))
    assert comparison is not None
    assert comparison.counts == PairCounts(3, 1, 4)
    assert (comparison.first, comparison.last) == (1001, 1002)
    assert comparison.ended


def test_nothing_is_told_without_a_challenge() -> None:
    assert after(pairs(0, 5), ended()) is None


@pytest.mark.parametrize("other", [{"version": "3"}, {"champion": "0"}])
def test_pairs_of_other_versions_do_not_count(other: dict[str, Any]) -> None:
    """Labels of answers from before a promotion still come."""
    comparison = after(entered(), pairs(0, 5, **other))
    assert comparison is not None
    assert comparison.counts.total == 0


def test_a_range_of_offsets_counts_once() -> None:
    comparison = after(entered(), pairs(4, 2), pairs(4, 2), pairs(3, 1), pairs(3, 1, partition=1))
    assert comparison is not None
    assert comparison.counts == PairCounts(3)


def test_another_share_goes_on_with_the_counts_and_another_error_begins_anew() -> None:
    begun = after(entered(), pairs(0, 5))
    wider = after(entered(revision=2, since=1, share=0.1, policy="promote"), known=begun)
    assert wider is not None
    assert wider.counts.better == 5
    assert wider.contest.challenge.share == 0.1
    anew = after(entered(revision=3, error=0.05), known=wider)
    assert anew is not None
    assert anew.counts.total == 0


@pytest.mark.parametrize(
    "other",
    [{"version": "3"}, {"champion": "0"}, {"error": 0.05}, {"pairs": 7}],
)
def test_another_challenge_of_the_same_revision_begins_anew(other: dict[str, Any]) -> None:
    """Where the topic `control` was made anew, revisions begin again."""
    begun = after(entered(pairs=20), pairs(0, 30), conducted(1, 900, 100))
    assert begun is not None
    assert begun.decided == "better"
    anew = entered(**{"pairs": 20, **other})
    assert anew.contest is not None
    assert after(anew, known=begun) == Comparison(anew.contest)


def test_after_its_end_one_of_the_same_revision_begins_anew() -> None:
    comparison = after(entered(), pairs(0, 5), ended(), entered(), pairs(0, 0, 2))
    assert comparison is not None
    assert (comparison.counts, comparison.ended) == (PairCounts(0, 2), False)


def test_what_an_older_release_counted_of_its_conduct_is_read_and_is_no_evidence() -> None:
    comparison = after(entered(failures=0.01))
    assert comparison is not None
    whole = msgspec.json.decode(comparison.dump()["comparison"])
    whole["conduct"] = {"champion": "1", "answered": 9, "missed": 991, "by_champion": [9], "by_challenger": [9]}
    known = load_comparison({"comparison": msgspec.json.encode(whole)})
    assert known.conduct == Conducted(9, 991, (9,), (9,))
    later = after(conducted(1, 100, 0), known=known)
    assert later is not None
    assert later.out_of_band == ""


def test_conduct_counts_once_and_only_of_the_two_that_are_compared() -> None:
    log = [conducted(0, 9, 9), entered(), conducted(1, 5, 1), conducted(1, 5, 1), conducted(2, 5, 1, version="3")]
    comparison = after(*log, conducted(3, 5, 0), ended(), conducted(4, 9, 9))
    assert comparison is not None
    assert comparison.conduct == Conducted(10, 1, batches=2, missed_batches=1 / 6)
    assert comparison.out_of_band == "", "no band was declared"


def test_a_verdict_holds_though_later_pairs_speak_against_it() -> None:
    later = after(entered(pairs=20), pairs(0, 20), pairs(1, 0, 900))
    assert later is not None
    assert (later.decided, later.by, later.judgement().verdict) == ("better", PairCounts(20), "worse")
    comparison = after(entered(pairs=20), pairs(0, 20), pairs(1, 0, 20))
    assert comparison is not None
    assert comparison.decided == "better"
    assert comparison.by == PairCounts(20)
    assert comparison.judgement().verdict == "undecided"


LOG = st.lists(
    st.one_of(
        st.builds(lambda b, w, e, p: ("pairs", b, w, e, p), *[st.integers(0, 12)] * 3, st.integers(0, 2)),
        st.builds(lambda a, m: ("conducted", a, m), st.integers(0, 99), st.integers(0, 99)),
        st.sampled_from([("entered",), ("ended",)]),
    ),
    max_size=25,
)


@given(LOG, st.data())
def test_a_restart_anywhere_changes_nothing(log: list[tuple[Any, ...]], data: st.DataObject) -> None:
    observations = []
    for n, each in enumerate(log):
        match each:
            case ("pairs", *counts, partition):
                observations.append(pairs(n, *counts, partition=partition))
            case ("conducted", answered, missed):
                observations.append(conducted(n, answered, missed))
            case ("entered",):
                observations.append(entered(revision=n, failures=0.4, policy="promote"))
            case _:
                observations.append(ended())
    at = data.draw(st.integers(0, len(observations)))
    whole = after(*observations)
    before = after(*observations[:at])
    resumed = None if before is None else load_comparison(before.dump())
    assert resumed == before
    assert after(*observations[at:], known=resumed) == whole


def test_observations_of_before_stay_as_they_were_on_the_wire() -> None:
    old = Observation("m", "1", "p", "events", 0, 0, 1, 5)
    assert b"pairs" not in msgspec.json.encode(old)
    assert b"contest" not in msgspec.json.encode(old)
