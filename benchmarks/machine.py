"""Where figures were taken."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

LIBRARIES = ("confluent-kafka", "msgspec", "numpy", "onnxruntime", "scikit-learn")


def machine() -> dict[str, str | int | float]:
    """Processor, system, versions, and the load of the last minute: other people's work spoils wall-clock figures."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }
