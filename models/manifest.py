"""`manifest.json`: everything about a model but its parameters. Decoding is strict; an unknown format is refused."""

from __future__ import annotations

import hashlib
import math
import re
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from models.calibration import Calibration, check_method, method_of
from models.errors import ModelError
from models.fallback import NO_FALLBACK, Fallback
from models.keyed.steps import KeyedSteps
from models.prediction import Label
from models.preprocessing.declared import NO_PREPROCESSING, Preprocessing
from models.preprocessing.preparation import Preparation
from models.schema import InputSchema

FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


Runtime: TypeAlias = Literal["sklearn", "onnx", "river"]
"""What computes the estimator's numbers."""


class Task(StrEnum):
    """What the model answers."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Parity(StrEnum):
    """How equal a row's answers are, wherever it stands in a batch."""

    BITS = "bits"  # the same bits
    TOLERANCE = "tolerance"  # equal but for rounding in the last digits


Clip: TypeAlias = tuple[float | None, float | None]
"""The lowest and the highest number to publish."""


class Output(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """From the estimator's numbers to published answers: calibrate, clip, choose the label, round.

    `labels` are the published labels, one a class, in the estimator's class order. `threshold` (binary): the second
    class from this calibrated probability on; None: the likelier class, the first on a tie. `decimals` rounds published
    numbers only: labels and drift see the full ones, calibrated and clipped. `class_scores`: publish the probability of
    each class. `clip` (regression): the lowest and the highest number, None for no bound.
    """

    task: Task
    labels: tuple[Label, ...] = ()
    threshold: float | None = None
    decimals: int | None = None
    class_scores: bool = False
    calibration: Calibration | None = None
    clip: Clip | None = None

    def __post_init__(self) -> None:
        if self.task is Task.REGRESSION and self.labels:
            raise ValueError("a regression has no labels")
        if self.task is Task.BINARY and len(self.labels) != 2:
            raise ValueError(f"a binary classifier has two labels, not {len(self.labels)}")
        if self.task is Task.MULTICLASS and len(self.labels) < 3:
            raise ValueError("a classifier of several classes has three labels or more")
        if len(set(self.names)) != len(self.labels):
            raise ValueError("labels repeat")
        if any(isinstance(label, float) and not math.isfinite(label) for label in self.labels):
            raise ValueError("a label is finite, as JSON has no other numbers")
        if self.threshold is not None and not (self.task is Task.BINARY and 0.0 <= self.threshold <= 1.0):
            raise ValueError("a threshold lies in 0 to 1 and belongs to a binary classifier")
        if self.decimals is not None and not 0 <= self.decimals <= 15:
            raise ValueError("decimals lie in 0 to 15")
        if self.calibration is not None:
            check_method(method_of(self.calibration), self.task)
        if self.clip is not None:
            if self.task is not Task.REGRESSION:
                raise ValueError("clip belongs to a regression")
            _check_clip(self.clip, self.decimals)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as text: the names of the classes."""
        return tuple(label_name(label) for label in self.labels)


def _check_clip(clip: Clip, decimals: int | None) -> None:
    bounds = [bound for bound in clip if bound is not None]
    if not bounds or not all(map(math.isfinite, bounds)) or (len(bounds) == 2 and bounds[0] >= bounds[1]):
        raise ValueError(f"clip is the lowest and a higher highest number, one of them may be none, not {list(clip)}")
    if decimals is not None and any(round(bound, decimals) != bound for bound in bounds):
        raise ValueError(f"clip has more than {decimals} decimals: rounding would leave its bounds")


class ParitySample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of the model's inputs (coded, null for NaN) and what the estimator gave for them once they were prepared: a
    probability a class, or one number a row."""

    rows: list[list[float | None]]
    expected: list[list[float]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of one model. `created` is RFC 3339; `files` are names and their sha256 in hex. `preprocessing` lies
    between the schema's features and what the estimator takes; it is left out where there is none."""

    name: str
    version: str
    created: str
    schema: InputSchema
    output: Output
    parity_sample: ParitySample
    libraries: dict[str, str]
    platform: str
    parity: Parity = Parity.BITS
    tile_rows: int = 0
    null_category: Literal["none", "nan"] = "none"
    estimator: str = "estimator.skops"
    reference: str = "reference.json"
    files: dict[str, str] = {}
    runtime: Runtime = "sklearn"
    fallback: Fallback = NO_FALLBACK
    preprocessing: Preprocessing | msgspec.UnsetType = msgspec.UNSET
    format: int = FORMAT

    def __post_init__(self) -> None:
        for what, name in (("name", self.name), ("version", self.version)):
            if not is_safe_name(name):
                raise ValueError(f"{what} {name!r} is not {NAME_RULE}")
        for file in (self.estimator, self.reference, *self.files):
            if not is_safe_name(file):
                raise ValueError(f"file name {file!r} is not {NAME_RULE}")
        if self.tile_rows < 0:
            raise ValueError("tile_rows is 0 (whole batch) or more")
        sample, columns = self.parity_sample, len(self.preparation.inputs)
        if not sample.rows or len(sample.rows) != len(sample.expected):
            raise ValueError("the parity sample needs rows, and an answer for each")
        if any(len(row) != columns for row in sample.rows):
            raise ValueError(f"a parity row has not {columns} values, one an input")
        if self.preprocessing:
            self.preprocessing.keyed.check(self.schema)
        self.fallback.check(self.schema, self.output.labels)

    @property
    def preparation(self) -> Preparation:
        """From features to what the estimator takes. Made anew each time."""
        return Preparation(self.schema, self.preprocessing or NO_PREPROCESSING)

    @property
    def keyed(self) -> KeyedSteps | None:
        """How keyed features are computed, where there are some. Made anew each time."""
        declared = (self.preprocessing or NO_PREPROCESSING).keyed
        return KeyedSteps(declared, self.schema) if declared else None

    @property
    def digest(self) -> str:
        """What tells this version, files included, from any other: a sha256 in hex."""
        return hashlib.sha256(encode_manifest(self)).hexdigest()


NAME_RULE = "letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64"


def is_safe_name(name: str) -> bool:
    """Whether `name` can be one component of a path, on any system, without leaving its directory."""
    return _NAME.fullmatch(name) is not None


def label_name(label: Label) -> str:
    """A label as text: strings as they are, the rest as JSON writes it."""
    return label if isinstance(label, str) else msgspec.json.encode(label).decode()


class _Format(msgspec.Struct):
    format: int


_decode_format = msgspec.json.Decoder(_Format).decode
_decode_manifest = msgspec.json.Decoder(Manifest).decode


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Raises ModelError for an unknown format, unknown or missing fields, wrong types and broken rules."""
    try:
        found = _decode_format(data).format
        if found != FORMAT:
            raise ModelError(
                f"manifest format {found} is not known",
                where=where,
                cause=f"written by another release of Weir; this one reads format {FORMAT}",
                fix="serve it with the release that added it, or add the model again with this one",
            )
        return _decode_manifest(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(
            f"the manifest does not hold: {error}",
            where=where,
            cause="edited by hand, or cut off",
            fix="add the model again with `weir model add`",
        ) from error


def encode_manifest(manifest: Manifest) -> bytes:
    """Readable JSON; floats keep all their bits. Raises ValueError for a number JSON cannot hold."""
    if not all(math.isfinite(value) for row in manifest.parity_sample.expected for value in row):
        raise ValueError("the parity sample holds an answer that is not finite")
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
