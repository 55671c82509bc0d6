"""What the tests of files have, for runs that are killed."""

from tests.unit.backfill.conftest import folder, small_pieces, weir

__all__ = ["folder", "small_pieces", "weir"]
