"""The one error of this package."""

from __future__ import annotations


class ModelError(Exception):
    """A model, its artifact, its training data or the registry cannot be used.

    Carries what went wrong, where, the likely cause and a way to fix it; `str()` is all four in one line.
    """

    def __init__(self, what: str, *, where: str, cause: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} · where: {self.where} · likely cause: {self.cause} · fix: {self.fix}"

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return {"what": self.what, "where": self.where, "cause": self.cause, "fix": self.fix}
