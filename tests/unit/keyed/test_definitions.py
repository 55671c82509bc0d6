"""What may be declared as a keyed feature."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.keyed.definitions import MOST, NO_KEYED, KeyedFeature, KeyedFeatures
from tests.unit.keyed.events import EVERY, SCHEMA


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ({"statistic": "mean"}, "needs `of`"),
        ({"statistic": "count", "of": "amount"}, "takes no `of`"),
        ({"statistic": "rate"}, "needs `window_s`"),
        ({"statistic": "time_since_last", "window_s": 5}, "takes no `window_s`"),
        ({"statistic": "ewma", "of": "amount"}, "needs `half_life_s`"),
        ({"statistic": "count", "half_life_s": 1.0}, "takes no `half_life_s`"),
        ({"statistic": "ewma", "of": "amount", "half_life_s": 0.0}, "at least"),
        ({"statistic": "count", "window_s": 0}, "lies in 1"),
        ({"statistic": "count", "name": ""}, "has a name"),
    ],
)
def test_a_feature_that_makes_no_sense_is_refused(declared: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        KeyedFeature(**{"name": "f", **declared})


@pytest.mark.parametrize(
    ("feature", "word"),
    [
        (KeyedFeature("amount", "count"), "has the name of a feature"),
        (KeyedFeature("f", "sum", of="price"), "no feature 'price' for `of`; there are amount"),
        (KeyedFeature("f", "sum", of="shop"), "`of` names 'shop', a category, not a number or boolean"),
        (KeyedFeature("f", "count", by="amount"), "`by` names 'amount', a number, not a category"),
        (KeyedFeature("f", "count", by="town"), "no feature 'town' for `by`"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(feature: KeyedFeature, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        KeyedFeatures((feature,)).check(SCHEMA)


def test_names_number_and_time_to_live_are_bounded() -> None:
    one = KeyedFeature("f", "count")
    with pytest.raises(ValueError, match="repeat: f"):
        KeyedFeatures((one, one))
    with pytest.raises(ValueError, match=f"more than {MOST}"):
        KeyedFeatures(tuple(KeyedFeature(f"f{n}", "count") for n in range(MOST + 1)))
    with pytest.raises(ValueError, match="shorter than a window"):
        KeyedFeatures((KeyedFeature("f", "count", window_s=61),), ttl_s=60)


def test_definitions_come_back_from_json_and_their_digest_tells_them_apart() -> None:
    back = msgspec.json.decode(msgspec.json.encode(EVERY), type=KeyedFeatures)
    assert back == EVERY
    assert back.digest == EVERY.digest
    assert msgspec.structs.replace(EVERY, ttl_s=91).digest != EVERY.digest
    assert msgspec.structs.replace(EVERY, features=EVERY.features[::-1]).digest != EVERY.digest
    assert not NO_KEYED
    assert EVERY
    assert [column.name for column in EVERY.columns] == [feature.name for feature in EVERY.features]
    assert EVERY.by == (None, "shop")
