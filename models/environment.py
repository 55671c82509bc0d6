"""What computes answers here: libraries and the processor's vector units, by which their bits may differ."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

import numpy as np


@functools.cache
def versions_of(libraries: tuple[str, ...]) -> dict[str, str]:
    """The installed version of each."""
    return {name: importlib.metadata.version(name) for name in libraries}


@functools.cache
def vector_units(chooses: str) -> str:
    """Processor and its vector units, by which what `chooses` takes one of its ways to compute."""
    units = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return "-".join([platform.machine(), chooses, *units.get("found", ())])
