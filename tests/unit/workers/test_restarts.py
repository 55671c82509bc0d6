"""When a process is started again, and what a supervisor says about those that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError
from streams.settings.tables import WorkerSettings
from streams.telemetry.progress import Verdict
from streams.workers.members import Member, alive, described, together
from streams.workers.plan import check_plan, slot_of, socket_of
from streams.workers.restarts import HOPELESS_AFTER, MOST_S, SETTLED_S, Ends

YES, NO = Verdict(ok=True, reason="yes"), Verdict(ok=False, reason="no model is loaded yet")


def ended(times: int, lived_s: float = 1.0) -> Ends:
    ends = Ends()
    for _ in range(times):
        ends = ends.after(-9, lived_s)
    return ends


NEVER = Ends()


def member(number: int, ends: Ends = NEVER, *, running: bool = True) -> Member:
    return Member(number, f"a.{number}", Path("x"), 100 + number if running else None, ends, ends.hopeless(0))


def test_pauses_grow_up_to_a_bound_and_begin_anew_after_a_good_start() -> None:
    pauses = [ended(times).pause_s for times in range(9)]
    assert pauses[:2] == [0.0, 0.2]
    assert pauses == sorted(pauses)
    assert pauses[-1] == MOST_S
    again = ended(8).after(1, SETTLED_S)
    assert (again.total, again.pause_s) == (9, ended(1).pause_s)


def test_who_ends_again_and_again_is_hopeless_until_it_lives() -> None:
    assert not ended(HOPELESS_AFTER - 1).hopeless(0)
    assert ended(HOPELESS_AFTER).hopeless(SETTLED_S - 1)
    assert not ended(HOPELESS_AFTER).hopeless(SETTLED_S)
    assert not ended(100, lived_s=SETTLED_S).hopeless(0)


def test_alive_unless_one_is_hopeless() -> None:
    assert alive([member(0), member(1, ended(1), running=False)], stopping=False).ok
    verdict = alive([member(0), member(1, ended(HOPELESS_AFTER))], stopping=False)
    assert not verdict.ok
    assert "worker 1 ended 5 times in a row, last with -9" in verdict.reason
    assert alive([member(1, ended(HOPELESS_AFTER))], stopping=True).ok


def test_ready_when_all_are() -> None:
    both = [member(0), member(1)]
    assert together(both, {0: YES, 1: YES}, stopping=False, good="all") == Verdict(ok=True, reason="all")
    assert together(both, {0: YES, 1: NO}, stopping=False, good="").reason == "worker 1: no model is loaded yet"
    assert together(both, {0: YES}, stopping=False, good="").reason == "worker 1 does not answer yet"
    gone = [member(0), member(1, running=False)]
    assert together(gone, {0: YES}, stopping=False, good="").reason == "worker 1 is not running"
    assert not together(both, {0: YES, 1: YES}, stopping=True, good="").ok


def test_the_status_shows_each_worker_and_who_does_not_answer() -> None:
    shown = described([member(0), member(1, ended(2))], {0: {"live": True, "ready": True, "reason": None}}, YES)
    assert (shown["live"], shown["ready"], shown["reason"]) == (True, False, "worker 1: does not answer")
    first, second = shown["workers"]
    assert (first["slot"], first["pid"], first["ready"]) == ("a.0", 100, True)
    assert (second["ends"], second["last_exit_code"], second["ready"]) == (2, -9, False)


def test_slots_are_no_other_workers_and_paths_of_sockets_are_short() -> None:
    assert [slot_of("predict-1", number) for number in range(3)] == ["predict-1", "predict-1.1", "predict-1.2"]
    path = socket_of(Path(".weir"), "g" * 200, "s" * 100)
    assert len(str(path)) < 60
    assert path != socket_of(Path(".weir"), "g" * 200, "s" * 99)


def test_names_that_are_too_long_are_refused_before_anything_starts() -> None:
    check_plan(Settings(), "a" * 98, 10)
    with pytest.raises(SettingsError, match=r"worker\.slot"):
        check_plan(Settings(), "a" * 98, 11)
    with pytest.raises(SettingsError, match=r"worker\.state_dir"):
        check_plan(Settings(worker=WorkerSettings(state_dir=Path("/" + "d" * 100))), "a", 2)
