"""`weir` with workers that observe nothing: what their answers take less is what drift costs the predict path."""

from __future__ import annotations

from typing import Any

from streams.cli import main
from streams.decide.observing import ObservationWriter
from streams.records import OutboxRecord


def nothing(_self: ObservationWriter, *_batch: Any) -> list[OutboxRecord]:
    return []


if __name__ == "__main__":
    ObservationWriter.observations = nothing  # type: ignore[assignment, method-assign]
    main()
