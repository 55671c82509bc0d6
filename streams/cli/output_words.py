"""What becomes of the estimator's numbers, in words."""

from __future__ import annotations

from models.calibration import Calibration, Isotonic, Sigmoid
from models.calibration_fit import CalibrationFit
from models.manifest import Clip, Output


def output_words(output: Output) -> list[str]:
    """A line for each step that is declared, in the order in which they are taken."""
    words = [] if output.calibration is None else [f"calibrated: {_calibration(output.calibration)}"]
    if output.clip is not None:
        words.append(f"clipped {_clip(output.clip)}")
    if output.threshold is not None:
        words.append(f"{output.names[1]} from {output.threshold:g} on")
    if output.decimals is not None:
        words.append(f"published with {output.decimals} decimals")
    if output.class_scores:
        words.append("published with the probability of each class")
    return words


def fit_words(fit: CalibrationFit) -> str:
    """How a calibration was found."""
    left_out = f", {fit.left_out:,} left out" if fit.left_out else ""
    return (
        f"calibration fitted on {fit.rows:,} held-out rows{left_out}: log loss {fit.before:.4f} before, "
        f"{fit.after:.4f} after, on these same rows"
    )


def _calibration(calibration: Calibration) -> str:
    if isinstance(calibration, Sigmoid):
        return f"sigmoid, slope {calibration.slope:.4g}, intercept {calibration.intercept:.4g}"
    if isinstance(calibration, Isotonic):
        return f"isotonic, {len(calibration.scores)} breakpoints"
    return f"temperature {calibration.temperature:.4g}"


def _clip(clip: Clip) -> str:
    low, high = clip
    if low is None:
        return f"to at most {high:g}"
    return f"to at least {low:g}" if high is None else f"to {low:g} … {high:g}"
