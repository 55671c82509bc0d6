"""The models that the door answers with. There are none until they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.prediction import Model
from streams.http.asking import Asking
from streams.http.problems import Refusal

RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class DoorModel:
    """`served` gives the version that answers the next batch; None: none can yet."""

    asking: Asking
    served: Callable[[], Model | None]


class DoorModels:
    """By name; the first one is who is asked where a request names none."""

    def __init__(self) -> None:
        self._models: Mapping[str, DoorModel] = {}

    def opened(self, models: Mapping[str, DoorModel]) -> None:
        """They are loaded: from now on requests are answered."""
        self._models = models

    def served(self) -> list[Model]:
        """The versions of now."""
        return [model for each in self._models.values() if (model := each.served()) is not None]

    def find(self, name: str | None) -> tuple[Asking, Model]:
        """How to ask a model, and its version of now. Raises Refusal: 404, or 503 while it is loaded."""
        if not self._models:
            raise Refusal(503, "no model is loaded yet", retry_after_s=RETRY_S)
        found = self._models.get(name) if name is not None else next(iter(self._models.values()))
        if found is None:
            raise Refusal(404, "there is no model of this name here")
        model = found.served()
        if model is None:
            raise Refusal(503, "no version of this model is loaded yet", retry_after_s=RETRY_S)
        return found.asking, model
