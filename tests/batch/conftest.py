"""What the tests of files have, for runs that are killed."""

from tests.unit.backfill.conftest import folder, weir

__all__ = ["folder", "weir"]
