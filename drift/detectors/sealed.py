"""State bytes with the River version that wrote them and a checksum, so that no parser meets foreign ones."""

from __future__ import annotations

import zlib

from river.__version__ import __version__ as river_version

from drift.detectors.contract import DetectorState


def sealed(data: bytes) -> DetectorState:
    """A state that only this River version opens."""
    return DetectorState(data=data, checksum=zlib.crc32(data), river=river_version)


def opened(state: DetectorState) -> bytes | None:
    """The bytes; None if another River version wrote them, they are damaged or there are none."""
    intact = state.river == river_version and state.data and zlib.crc32(state.data) == state.checksum
    return state.data if intact else None
