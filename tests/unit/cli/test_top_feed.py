"""What `weir top` makes of what comes, and of what does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from streams.cli import top_feed
from streams.cli.top_feed import SILENT, Top
from streams.kafka.feed import Read
from streams.kafka.following import Followed
from streams.page.figures import encode_figures
from streams.settings import Settings
from tests.unit.page.telling import answering, at

TOPICS = ("figures", "alerts", "control")


@pytest.fixture
def read_from(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """What the feed gives; after it nothing, for ever."""
    reads = [Read(afresh=TOPICS, behind=TOPICS)]

    def feed(*_: object) -> Iterator[Read]:
        yield from reads
        while True:
            time.sleep(0.001)
            yield Read()

    monkeypatch.setattr(top_feed, "feed", feed)
    monkeypatch.setattr(top_feed, "topic_id", lambda *_: "")
    monkeypatch.setattr(top_feed, "COMES_S", 0.05)
    return reads


def told(tick: int, count: int) -> Read:
    value = encode_figures(answering(count))
    return Read([Followed("figures", 0, tick, value, None, b"p0", at(tick))])


def test_a_worker_that_tells_while_one_looks_is_there(read_from: list[Read]) -> None:
    read_from.extend([told(0, 0), told(1, 100), told(2, 300)])
    state = Top(Settings(), threading.Event()).state()
    assert state["problem"] is None
    assert [(each["state"], each["answered"]) for each in state["workers"]] == [("ready", 50.0)]


def test_one_that_told_before_and_tells_no_more_is_gone(read_from: list[Read]) -> None:
    read_from.append(told(0, 0))
    state = Top(Settings(), threading.Event()).state()
    assert state["problem"] == SILENT
    assert [each["state"] for each in state["workers"]] == ["gone"]


def test_what_cannot_be_read_is_said(read_from: list[Read]) -> None:
    read_from[:] = [Read(afresh=(), unreadable=dict.fromkeys(TOPICS, "the broker is away"))]
    own = Top(Settings(), threading.Event())
    assert own.state()["problem"] == "the broker is away"
    assert next(iter(own.states(0.01)))["problem"] == "the broker is away"


def test_silence_is_told_once_it_lasts(read_from: list[Read], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_feed, "GONE_MS", 50)
    reads = read_from
    reads.append(told(0, 0))
    states = Top(Settings(), threading.Event()).states(0.001)
    assert next(states)["problem"] is None
    deadline = time.monotonic() + 30
    assert any(each["problem"] == SILENT for each in states if time.monotonic() < deadline)
