"""The runtimes by name. Each is imported when a model needs it: their libraries take a second and 50 MB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from models.manifest import Manifest, Runtime
from models.tiles import RawPredict


class ModelRuntime(Protocol):
    """What the modules `models.runtime_*` are to all other code."""

    TOLERANCE: float
    """How far an answer may be from the recorded one, where libraries or processor are others."""

    ESTIMATOR_FILE: str

    def library_versions(self) -> dict[str, str]: ...

    def platform_name(self) -> str: ...

    def check_versions(self, recorded: Mapping[str, str], where: str) -> None: ...

    def load_raw(self, manifest: Manifest, data: bytes, where: str) -> RawPredict:
        """How to ask the manifest's model. Raises ModelError."""
        ...


def runtime_of(name: Runtime) -> ModelRuntime:
    if name == "onnx":
        from models import runtime_onnx  # noqa: PLC0415

        return runtime_onnx
    if name == "river":
        from models import runtime_river  # noqa: PLC0415

        return runtime_river
    from models import runtime_sklearn  # noqa: PLC0415

    return runtime_sklearn


def same_environment(runtime: ModelRuntime, manifest: Manifest) -> bool:
    """Whether answers must be equal to the bit."""
    return dict(manifest.libraries) == runtime.library_versions() and manifest.platform == runtime.platform_name()
