"""Figures of four digits: more would only make messages differ that say the same."""

from __future__ import annotations


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
