"""What events may bring because a step says what becomes of it: nulls and unseen categories."""

from __future__ import annotations

import msgspec

from models.preprocessing.declared import Preprocessing
from models.preprocessing.encode import OneHot, Ordinal
from models.preprocessing.impute import Impute
from models.schema import InputSchema, Kind, UnseenPolicy


def admitting(schema: InputSchema, preprocessing: Preprocessing) -> InputSchema:
    """The schema, with nulls and unseen categories of a feature allowed where the first step that changes it has a
    place for them. An imputed feature is still the same one to the steps behind."""
    features = {feature.name: feature for feature in schema.features}
    untouched = set(features)
    for step in preprocessing.steps:
        for name in untouched & set(step.reads):
            feature = features[name]
            if isinstance(step, Impute) or (isinstance(step, OneHot | Ordinal) and step.null is not None):
                feature = msgspec.structs.replace(feature, nullable=True)
            if isinstance(step, OneHot | Ordinal) and step.unseen is not None and feature.kind is Kind.CATEGORY:
                feature = msgspec.structs.replace(feature, unseen=UnseenPolicy.ACCEPT)
            features[name] = feature
        if not isinstance(step, Impute):
            untouched -= set() if getattr(step, "into", ()) else set(step.reads)
    return InputSchema(tuple(features.values()))
