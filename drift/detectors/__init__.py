"""Change detectors by name: River's, with their defects kept from users, and detectors of one's own."""

from drift.detectors.bench import DetectorBench, benches_of
from drift.detectors.catalogue import ANSWER_BY_ANSWER, ERROR_DETECTORS, RIVER_DETECTORS
from drift.detectors.contract import (
    ChangeDetector,
    Detection,
    Detector,
    DetectorState,
    Factory,
    UnfitValue,
    UnknownDetector,
)
from drift.detectors.feed import BLOCK_VALUES, ERRORS, PRIME, Feed
from drift.detectors.replayed import RESTORE_WINDOW

__all__ = [
    "ANSWER_BY_ANSWER",
    "BLOCK_VALUES",
    "ERRORS",
    "ERROR_DETECTORS",
    "PRIME",
    "RESTORE_WINDOW",
    "RIVER_DETECTORS",
    "ChangeDetector",
    "Detection",
    "Detector",
    "DetectorBench",
    "DetectorState",
    "Factory",
    "Feed",
    "UnfitValue",
    "UnknownDetector",
    "benches_of",
]
