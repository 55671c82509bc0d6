"""What events may bring because a step says what becomes of it: nulls and unseen categories."""

from __future__ import annotations

from models.preprocessing.declared import Preprocessing
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema


def admitting(schema: InputSchema, preprocessing: Preprocessing) -> InputSchema:
    """The schema, with nulls and unseen categories of a feature allowed where the first step that changes it has a
    place for them."""
    features = {feature.name: feature for feature in schema.features}
    unchanged = set(features)
    for step in preprocessing.steps:
        for name in unchanged & set(step.reads):
            features[name] = step.admitting(features[name])
        unchanged -= set(step.changes)
    return InputSchema(tuple(features.values()))


def without_place(schema: InputSchema, preparation: Preparation, preprocessing: Preprocessing) -> list[str]:
    """Columns of the estimator that nulls or unseen categories reach only because of what was let in beyond `schema`:
    training had none there. `preparation` is that of the wider schema."""
    narrow = Preparation(schema, preprocessing).outputs.features
    return [
        wide.name
        for wide, own in zip(preparation.outputs.features, narrow, strict=True)
        if _lets_in(wide) != _lets_in(own)
    ]


def _lets_in(feature: Feature) -> tuple[bool, str]:
    return feature.nullable, feature.unseen
