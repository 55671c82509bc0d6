"""From what is declared about a model's answers to what its manifest says: it fits the model, or is refused."""

from __future__ import annotations

from collections.abc import Sequence

from models.calibration import Calibration, Method, check_method
from models.calibration_fit import CalibrationFit, fit_calibration
from models.declared_output import DeclaredOutput, HeldOut
from models.errors import ModelError
from models.estimator_task import make_output
from models.manifest import Output, Task
from models.prediction import Label
from models.tiles import RawPredict


def output_of(
    declared: DeclaredOutput,
    held_out: HeldOut | None,
    task: Task,
    classes: Sequence[Label],
    raw: RawPredict,
    *,
    tuned: float | None,
    where: str,
) -> tuple[Output, CalibrationFit | None]:
    """`raw` answers coded rows. `tuned` is the threshold that the estimator brings along. Raises ModelError."""
    if declared.calibration is not None and tuned is not None and declared.threshold is None:
        raise ModelError(
            f"the estimator's threshold {tuned} is not one of calibrated scores",
            where=where,
            cause="it was tuned on the scores as they are, and calibration is declared",
            fix="declare the threshold of the calibrated score",
        )
    calibration, fit = _calibration(declared.calibration, held_out, task, classes, raw, where)
    output = make_output(
        task,
        classes,
        declared.labels,
        threshold=tuned if declared.threshold is None else declared.threshold,
        decimals=declared.decimals,
        class_scores=declared.class_scores,
        clip=declared.clip,
        calibration=calibration,
        where=where,
    )
    return output, fit


def _calibration(
    wanted: Method | Calibration | None,
    held_out: HeldOut | None,
    task: Task,
    classes: Sequence[Label],
    raw: RawPredict,
    where: str,
) -> tuple[Calibration | None, CalibrationFit | None]:
    if not isinstance(wanted, str):
        if held_out is not None:
            raise ModelError(
                "rows to calibrate on, but nothing to fit",
                where=where,
                cause="no calibration is declared, or its numbers are given",
                fix='calibration = "sigmoid" or "isotonic" (two classes), "temperature" (several)',
            )
        return wanted, None
    _check_fits(wanted, task, where)
    if held_out is None:
        raise ModelError(
            f"calibration {wanted!r} has no rows to be fitted on",
            where=where,
            cause="rows that the model was fitted on make it look better than it is, so others are needed",
            fix="calibration_data names a file of rows held apart, with the target; or give the method's numbers",
        )
    fit = fit_calibration(wanted, classes, raw, held_out, where)
    return fit.calibration, fit


def _check_fits(method: Method, task: Task, where: str) -> None:
    """Before rows are asked for that would not help."""
    try:
        check_method(method, task)
    except ValueError as error:
        raise ModelError(
            str(error), where=where, cause="another task than was thought", fix="choose another calibration, or none"
        ) from error
