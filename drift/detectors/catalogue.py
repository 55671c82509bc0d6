"""River's detectors under the names of the settings."""

from __future__ import annotations

from collections.abc import Mapping

from river.drift import ADWIN, PageHinkley
from river.drift.binary import DDM, EDDM, HDDMA, HDDMW

from drift.detectors.block_codecs import PAGE_HINKLEY, SEEDED_KSWIN, SeededKswin
from drift.detectors.coded import Codec
from drift.detectors.contract import Factory
from drift.detectors.error_codecs import DDM_CODEC, EDDM_CODEC, HDDM_A_CODEC
from drift.detectors.window_codecs import FHDDM_CODEC, HDDM_W_CODEC, RisingFhddm

RIVER_DETECTORS: Mapping[str, Factory] = {"ADWIN": ADWIN, "PageHinkley": PageHinkley, "KSWIN": SeededKswin}
"""For block values; a rise and a fall both are a change."""

ERROR_DETECTORS: Mapping[str, Factory] = {
    "ADWIN": ADWIN,
    "DDM": DDM,
    "EDDM": EDDM,
    "FHDDM": RisingFhddm,
    "HDDM_A": HDDMA,
    "HDDM_W": HDDMW,
}
"""For the error stream; a rise is a change. ADWIN, and HDDM with `two_sided_test`, also tell a fall.
EDDM alarms falsely while it is young, and is young again after each alarm: up to 100 times in 20,000 answers."""

ANSWER_BY_ANSWER = frozenset(ERROR_DETECTORS) - frozenset(RIVER_DETECTORS)
"""Those that know errors only: they get every answer of a block, the others one value a block."""

CODECS: Mapping[Factory, Codec] = {
    PageHinkley: PAGE_HINKLEY,
    SeededKswin: SEEDED_KSWIN,
    DDM: DDM_CODEC,
    EDDM: EDDM_CODEC,
    HDDMA: HDDM_A_CODEC,
    HDDMW: HDDM_W_CODEC,
    RisingFhddm: FHDDM_CODEC,
}
"""How each but ADWIN is kept; what is not here is replayed."""
