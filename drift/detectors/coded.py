"""River detectors kept as the numbers they consist of: exact after a restore, no pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from drift.detectors.contract import Detection, DetectorState, Factory
from drift.detectors.feed import Feed
from drift.detectors.sealed import opened, sealed
from drift.settings import DetectorSpec

_decode_versioned = msgspec.json.Decoder(tuple[int, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Codec:
    """A detector as a struct of numbers; `version` changes with the struct. `reading`: statistic and threshold."""

    version: int
    form: type[msgspec.Struct]
    read: Callable[[Any], msgspec.Struct]
    write: Callable[[Any, Any], None]
    reading: Callable[[Any], tuple[float | None, float | None]] = lambda _: (None, None)
    _decoder: msgspec.json.Decoder[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(self.form))

    def encode(self, detector: Any) -> bytes:
        return msgspec.json.encode([self.version, self.read(detector)])

    def decode_into(self, detector: Any, data: bytes) -> bool:
        """False, with the detector untouched, for another version's bytes or none of ours."""
        try:
            version, numbers = _decode_versioned(data)
            if version != self.version:
                return False
            form = self._decoder.decode(numbers)
        except msgspec.MsgspecError:
            return False
        self.write(detector, form)
        return True


class CodedDetector:
    """A River detector with a codec."""

    def __init__(self, spec: DetectorSpec, factory: Factory, codec: Codec, feed: Feed) -> None:
        self._spec = spec
        self._factory = factory
        self._codec = codec
        self._feed = feed
        self._inner = factory(**spec.parameters)

    @classmethod
    def at_rest(
        cls, spec: DetectorSpec, factory: Factory, codec: Codec, feed: Feed, state: DetectorState
    ) -> CodedDetector | None:
        """None for another version's or a damaged state."""
        detector, data = cls(spec, factory, codec, feed), opened(state)
        return detector if data and codec.decode_into(detector._inner, data) else None

    def update(self, value: float) -> Detection | None:
        self._inner.update(self._feed.checked(self._spec.name, value))
        if not self._inner.drift_detected:
            return None
        return Detection(self._spec.name, self._spec.parameters, *self._codec.reading(self._inner))

    def copy(self) -> CodedDetector:
        twin = CodedDetector(self._spec, self._factory, self._codec, self._feed)
        self._codec.decode_into(twin._inner, self._codec.encode(self._inner))
        return twin

    def dump(self) -> DetectorState:
        return sealed(self._codec.encode(self._inner))
