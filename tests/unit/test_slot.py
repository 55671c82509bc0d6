"""A slot: the same after a restart, one holder a host, and a pause after it was lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

from streams.slot import claim_slot


def test_a_slot_is_free_again_when_its_holder_ends(tmp_path: Path) -> None:
    first, second = claim_slot(None, tmp_path, "weir"), claim_slot(None, tmp_path, "weir")
    assert first.name != second.name
    first.release()
    third = claim_slot(None, tmp_path, "weir")
    assert third.name == first.name
    second.release()
    third.release()


def test_who_was_fenced_stays_away_for_one_session_timeout(tmp_path: Path) -> None:
    slot = claim_slot("a", tmp_path, "weir")
    assert slot.to_wait_s(10) == 0
    slot.note_fenced()
    again = claim_slot("a", tmp_path, "weir")
    assert 9 < again.to_wait_s(10) <= 10
    os.utime(again.fenced, (time.time() - 11, time.time() - 11))
    assert again.to_wait_s(10) == 0
    assert claim_slot("b", tmp_path, "weir").to_wait_s(10) == 0
    assert claim_slot("a", tmp_path, "other").to_wait_s(10) == 0


def test_a_clock_that_was_set_back_does_not_make_the_wait_longer(tmp_path: Path) -> None:
    slot = claim_slot("a", tmp_path, "weir")
    slot.note_fenced()
    os.utime(slot.fenced, (time.time() + 86_400, time.time() + 86_400))
    assert slot.to_wait_s(10) == 10


def test_a_disk_that_cannot_be_written_to_keeps_nobody_from_leaving(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    slot = claim_slot("a", taken, "weir")
    slot.note_fenced()
    assert slot.to_wait_s(10) == 0
