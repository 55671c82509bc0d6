"""An online model as people declare it: a TOML file with its kind, its rates and its scaler."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from models.errors import ModelError
from models.online.parameters import GaussianNaiveBayes, LogisticRegression, Parameters, Scaler
from models.regular_file import Advice, read_regular

SUFFIX = ".toml"
DEFAULT_RATE = 0.01
_LARGEST = 65_536
_ADVICE = Advice(
    not_regular=("a link may point to another file than the one that was looked at", "give the file itself"),
    unreadable=("no such file, or no permission", "check the path"),
    too_large=("not a declaration of an online model", 'write for example: model = "logistic_regression"'),
)


class OnlineDeclaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`learning_rate` of the weights, `intercept_learning_rate` and `l2` belong to the logistic regression; the
    defaults are River's."""

    model: Literal["logistic_regression", "gaussian_nb"]
    scaler: Literal["standard", "none"] = "standard"
    learning_rate: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None = None
    intercept_learning_rate: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    l2: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None

    def __post_init__(self) -> None:
        given = [self.learning_rate, self.intercept_learning_rate, self.l2]
        if self.model == "gaussian_nb" and any(rate is not None for rate in given):
            raise ValueError("gaussian_nb has no rates: it counts")
        # A row takes learning_rate * l2 of each weight off: more than all of it is a step past 0, and from 2 on further
        # away than it was.
        shrinking = _or(self.learning_rate, DEFAULT_RATE) * _or(self.l2, 0.0)
        if shrinking >= 1:
            raise ValueError(
                f"learning_rate times l2 is {shrinking:g}, and has to be less than 1: each row takes that share of a "
                "weight off; declare a smaller l2, such as 0.01"
            )

    def untrained(self, columns: Sequence[str], labels: int) -> Parameters:
        """The model before its first row. Raises ValueError where it does not fit so many labels."""
        width = len(columns)
        nothing = [0.0] * width
        own = LogisticRegression(
            learning_rate=_or(self.learning_rate, DEFAULT_RATE),
            intercept_learning_rate=_or(self.intercept_learning_rate, DEFAULT_RATE),
            l2=_or(self.l2, 0.0),
            intercept=0.0,
            weights=nothing,
        )
        return Parameters(
            format=1,
            columns=list(columns),
            labels=labels,
            learned=0,
            scaler=Scaler([0] * width, nothing, nothing) if self.scaler == "standard" else None,
            model=own if self.model == "logistic_regression" else GaussianNaiveBayes([]),
        )


def read_declaration(path: Path) -> OnlineDeclaration:
    """Raises ModelError."""
    data = read_regular(path, _LARGEST, _ADVICE)
    try:
        written = tomllib.loads(data.decode())
        known = OnlineDeclaration.__struct_fields__
        for name in written:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ValueError(f"no {name}; " + (f"did you mean {near[0]}?" if near else f"there are {known}"))
        return msgspec.convert(written, OnlineDeclaration)
    except (UnicodeDecodeError, ValueError) as error:  # of TOML and of msgspec are ValueErrors
        raise ModelError(
            f"the online model cannot be read: {error}",
            where=str(path),
            cause="no TOML, or a key of another name or type",
            fix='write for example: model = "logistic_regression", learning_rate = 0.05, scaler = "standard"',
        ) from error


def _or(given: float | None, default: float) -> float:
    return default if given is None else given
