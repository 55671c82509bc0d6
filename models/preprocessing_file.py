"""Preprocessing as people write it: a TOML file with the fields of `models.preprocessing.declared.Preprocessing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.errors import ModelError
from models.keyed.definitions import NO_KEYED, KeyedFeatures
from models.preprocessing.declared import NO_PREPROCESSING, AnyStep, Preprocessing


@dataclass(frozen=True, slots=True)
class DeclaredPreprocessing:
    """`features`: the columns of training files that events bring; None: all but target and time. `where` is the
    file."""

    preprocessing: Preprocessing = NO_PREPROCESSING
    features: Sequence[str] | None = None
    where: str = "no preprocessing"

    def for_estimator(self, names: Sequence[str] | None) -> Preprocessing:
        """With the columns that an estimator knows by name as those that it takes, where none are declared."""
        if not self.preprocessing or self.preprocessing.columns or names is None:
            return self.preprocessing
        return msgspec.structs.replace(self.preprocessing, columns=tuple(names))


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
    except (OSError, UnicodeDecodeError, ValueError) as error:  # of TOML and of msgspec are ValueErrors
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
