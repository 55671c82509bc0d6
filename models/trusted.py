"""skops bytes to an estimator: only types known to be harmless are ever imported, whatever the file asks for."""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import Any

import skops.io

from models.errors import ModelError
from models.estimator_parts import check_trees

MAX_UNPACKED_BYTES = 4 << 30

# Beside what skops itself trusts (public scikit-learn estimators, numpy and scipy functions). Data holders without
# side effects; the two kinds of tree are checked node by node after loading.
TRUSTED = (
    "numpy.dtype",
    "builtins.object",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(
        f"sklearn.gaussian_process.kernels.{kernel}"
        for kernel in ("ConstantKernel", "DotProduct", "Matern", "Product", "RBF", "Sum", "WhiteKernel")
    ),
    *(
        f"sklearn.metrics._classification.{metric}"
        for metric in (
            "accuracy_score",
            "balanced_accuracy_score",
            "f1_score",
            "log_loss",
            "precision_score",
            "recall_score",
        )
    ),
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)


def load_trusted(data: bytes, where: str) -> Any:
    """The estimator in `data`. Raises ModelError for anything but a sound skops file of trusted types."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:
        raise ModelError(
            "not a skops file",
            where=where,
            cause="a pickle or another format under this name; pickles are never read when serving",
            fix="save it with skops.io.dump, or add the pickle with --trust if you made it yourself",
        ) from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise ModelError(
            f"unpacks to {unpacked} bytes, over the cap of {MAX_UNPACKED_BYTES}",
            where=where,
            cause="a zip bomb, or a model too large to serve",
            fix="serve a smaller model",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # another version of scikit-learn: checked by name against the manifest
            refused = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
            if refused:
                raise ModelError(
                    f"types that are not trusted: {', '.join(refused)}",
                    where=where,
                    cause="code from outside scikit-learn, numpy and scipy; or what may call anything, such as "
                    "functools.partial in HistGradientBoosting with categorical_features",
                    fix="express the step with scikit-learn's own transformers and save again; HistGradientBoosting "
                    "without categorical_features is taken",
                )
            estimator = skops.io.loads(data, trusted=list(TRUSTED))
        check_trees(estimator)
    except ModelError:
        raise
    except Exception as error:  # a crafted file can make the parser raise anything
        raise ModelError(
            f"the estimator does not load: {type(error).__name__}: {str(error)[:300]}",
            where=where,
            cause="a damaged or crafted file, or one from another version of scikit-learn or skops",
            fix="save the estimator again with this version",
        ) from error
    return estimator


def save_estimator(estimator: Any) -> bytes:
    """skops bytes of a fitted estimator in memory. Raises ModelError for what skops cannot hold."""
    try:
        data = skops.io.dumps(estimator)
    except Exception as error:  # skops raises many kinds
        raise ModelError(
            f"skops cannot save the estimator: {str(error)[:300]}",
            where=type(estimator).__name__,
            cause="it holds lambdas, open files or other things that are no data",
            fix="express them with scikit-learn's own transformers",
        ) from error
    assert isinstance(data, bytes)
    return data
