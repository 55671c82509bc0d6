"""What was decided, by the records of `control`."""

from __future__ import annotations

import pytest

from streams.page.decided import MOST_SETTINGS, Decided

PROMOTED = b'{"active": "2", "previous": "1", "revision": 4, "command": "promote"}'


def test_each_setting_has_its_revision() -> None:
    decided = Decided()
    assert (decided.revision("churn"), decided.baseline_revision("churn")) == (0, 0)
    decided.take(b"model/churn", PROMOTED)
    decided.take(b"baseline/churn", b'{"command": "rebaseline", "model": "churn", "revision": 7}')
    assert (decided.revision("churn"), decided.baseline_revision("churn")) == (4, 7)
    served = decided.served("churn")
    assert served is not None
    assert (served.active, served.previous) == ("2", "1")


def test_silences_in_force_are_told() -> None:
    decided = Decided()
    for signal, until in (("age", 500), ("income", 100)):
        value = b'{"command":"silence","model":"churn","signal":"%s","until":%d,"author":"nina","revision":1}'
        decided.take(f"silence/churn/{signal}".encode(), value % (signal.encode(), until))
    assert [(each["signal"], each["author"]) for each in decided.silences(200)] == [("age", "nina")]
    decided.take(b"silence/churn/age", None)
    assert decided.silences(200) == []


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"answer/1", b"model/churn", b"baseline/m", b"silence/m"])
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"{}"])
def test_what_cannot_be_read_is_passed_over(key: bytes | None, value: bytes | None) -> None:
    decided = Decided()
    decided.take(key, value)
    assert (decided.models, decided.silences(0)) == ([], [])


def test_it_is_bounded() -> None:
    decided = Decided()
    for number in range(2 * MOST_SETTINGS):
        decided.take(b"model/m%d" % number, PROMOTED)
    assert len(decided.models) == MOST_SETTINGS
