"""A proposal is put on the revision that its author saw, and nobody waits for an answer beyond a stop."""

from __future__ import annotations

import threading
import time

from streams.control_records import decode_proposal
from streams.kafka.proposals import propose
from streams.kafka.reading import read_topic
from streams.serving_commands import Rollback
from tests.kafka.topics import Topics


def test_a_stop_ends_the_wait_and_the_proposal_stays(topics: Topics) -> None:
    config = {"bootstrap.servers": topics.bootstrap_servers}
    control = topics.create("control")
    stop = threading.Event()
    stop.set()
    began = time.monotonic()
    proposed = propose(config, control, "churn", Rollback("nina"), 600, expected_revision=4, stop=stop)
    assert time.monotonic() - began < 60
    assert proposed.last is None
    (record,) = read_topic(config, control)
    assert decode_proposal(proposed.id, record.value or b"").expected_revision == 4
