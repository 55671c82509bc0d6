"""What a learner begins as. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from models.manifest import Output
from models.online.parameters import Parameters
from models.preprocessing.preparation import Preparation
from models.schema import InputSchema
from streams.learning.state import Base


@dataclass(frozen=True, slots=True)
class LearnerBase:
    """A published version of the runtime `river`, which takes features by `schema`, and what `preparation` makes of
    these and of what is computed beside them."""

    of: Base
    schema: InputSchema
    preparation: Preparation
    output: Output
    parameters: Parameters
