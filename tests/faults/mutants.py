"""Workers that are wrong on purpose, each in one way: what the campaigns must find out (`test_mutants.py`)."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import lane_mutants, publishing_mutants, state_mutants

MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        lane_mutants.commit_first,
        lane_mutants.decided_before_its_turn,
        lane_mutants.no_seek_after_abort,
        lane_mutants.offsets_one_too_low,
        lane_mutants.offsets_one_too_high,
        lane_mutants.replayed_published_again,
        publishing_mutants.dead_letters_outside_the_transaction,
        publishing_mutants.dropped_on_a_full_queue,
        publishing_mutants.producer_reused,
        publishing_mutants.generation_ignored,
        publishing_mutants.offsets_before_answers,
        state_mutants.state_not_rolled_back,
        state_mutants.replay_left_out,
        state_mutants.snapshot_ahead_of_its_state,
        state_mutants.snapshot_keeps_old_entries,
        state_mutants.snapshot_without_changed_entries,
        state_mutants.window_forgets,
    )
}
"""Each changes the program from now on; to be called before it starts."""
