"""Preprocessing as people write it: a TOML file with the fields of `models.preprocessing.declared.Preprocessing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.errors import ModelError
from models.keyed.definitions import NO_KEYED, KeyedFeatures
from models.preprocessing.computed import EVENT_TIME
from models.preprocessing.declared import NO_PREPROCESSING, AnyStep, Preprocessing


@dataclass(frozen=True, slots=True)
class DeclaredPreprocessing:
    """`features`: the columns of training files that events bring; None: all but target and time. `where` is the
    file."""

    preprocessing: Preprocessing = NO_PREPROCESSING
    features: Sequence[str] | None = None
    where: str = "no preprocessing"

    def for_estimator(self, names: Sequence[str] | None) -> Preprocessing:
        """With the columns that an estimator knows by name as those that it takes, where none are declared. Raises
        ModelError where others are."""
        if not self.preprocessing or names is None:
            return self.preprocessing
        if self.preprocessing.columns:
            _require_same(self.preprocessing.columns, names, self.where)
            return self.preprocessing
        return msgspec.structs.replace(self.preprocessing, columns=tuple(names))

    def features_beside(self, target: str | None, time: str | None) -> Sequence[str] | None:
        """`features`. Raises ModelError where target or time is among them: what is to be told would be known."""
        named = [name for name in (target, time) if name is not None and name in (self.features or ())]
        if named:
            raise ModelError(
                f"the declared features have {', '.join(map(repr, named))}, which is target or time",
                where=self.where,
                cause="events do not bring the target, and bring their time beside the features",
                fix=f"leave it out of `features`; a step reads the time as {EVENT_TIME}",
            )
        return self.features


def _require_same(columns: Sequence[str], names: Sequence[str], where: str) -> None:
    if list(columns) != list(names):
        raise ModelError(
            f"`columns` are {', '.join(columns)}; the estimator was fitted on {', '.join(names)}",
            where=where,
            cause="it was fitted on other prepared columns, or in another order",
            fix="name them in the order of fitting, or leave `columns` out: then it gets those that it knows",
        )


NOTHING_PREPROCESSED = DeclaredPreprocessing()


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    steps: tuple[AnyStep, ...] = ()
    columns: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    keyed: KeyedFeatures = NO_KEYED


def read_preprocessing(path: Path | None) -> DeclaredPreprocessing:
    """What a file declares; without a file nothing. Raises ModelError. Whether it fits is found out with rows."""
    if path is None:
        return NOTHING_PREPROCESSED
    try:
        written = msgspec.toml.decode(path.read_bytes(), type=_Written)
        if not written.steps and not written.columns and not written.keyed:
            raise ValueError("it declares neither steps nor columns nor keyed features")
    except (OSError, ValueError, RecursionError) as error:  # of TOML, msgspec and Unicode are ValueErrors
        raise ModelError(
            f"the preprocessing cannot be read: {error}",
            where=str(path),
            cause="no such file, no TOML, or a step or option of another name or type",
            fix='a step is a table, for example: [[steps]], then step = "impute", columns = ["age"], '
            'strategy = "median", a line each; docs/how-to/ml-engineers.md lists them',
        ) from error
    return DeclaredPreprocessing(
        Preprocessing(written.steps, written.columns, written.keyed), written.features, str(path)
    )
