"""The loop that an engineer writes by hand for speed alone. Frozen: it is what a worker is measured by.

    python -m benchmarks.hand_written SERVERS EVENTS_TOPIC OUTPUT_TOPIC GROUP [BATCH] [WAIT_S]

It consumes in batches, decodes with msgspec, predicts once a batch and produces with librdkafka. No validation, no
transaction, no dead letters, no duplicates, no drift, no metrics; offsets are committed once a second, in passing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, Message, Producer
from sklearn.linear_model import LogisticRegression

from benchmarks.workload import FEATURES, training_rows

Features = msgspec.defstruct("Features", [(name, float) for name in FEATURES])


class Event(msgspec.Struct):
    id: str
    time: int
    features: Features  # type: ignore[valid-type]


class Answer(msgspec.Struct):
    id: str
    time: int
    prediction: int
    score: float
    model: str


def main() -> None:
    model = LogisticRegression().fit(*training_rows())
    decode, encode = msgspec.json.Decoder(Event).decode, msgspec.json.Encoder().encode

    def answer(messages: Sequence[Message]) -> list[dict[str, Any]]:
        events = [decode(message.value() or b"") for message in messages]
        matrix = np.array([msgspec.structs.astuple(event.features) for event in events])
        scores = model.predict_proba(matrix)[:, 1].tolist()
        return [
            {"value": encode(Answer(event.id, event.time, int(score > 0.5), score, "linear")), "key": message.key()}
            for event, score, message in zip(events, scores, messages, strict=True)
        ]

    loop(sys.argv[1:], answer)


def loop(arguments: Sequence[str], answer: Callable[[Sequence[Message]], list[dict[str, Any]]]) -> None:
    """Consume batches and produce what `answer` makes of them, until killed."""
    servers, source, target, group, batch, wait_s = [*arguments, *("1000", "0.5")[len(arguments) - 4 :]]
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 100_000,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "linger.ms": 5,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 1_000_000,
            "compression.type": "lz4",
            "enable.idempotence": True,
        }
    )
    consumer.subscribe([source])
    committed_at = time.monotonic()
    while True:
        messages = consumer.consume(int(batch), float(wait_s))
        if messages:
            produce(producer, target, answer(messages))
        producer.poll(0)
        if time.monotonic() - committed_at > 1:
            committed_at = time.monotonic()
            if messages:
                consumer.commit(asynchronous=True)


def produce(producer: Producer, topic: str, records: list[dict[str, Any]]) -> None:
    """Queue all of them, those that find the queue full later."""
    while producer.produce_batch(topic, records) < len(records):
        producer.poll(0.01)
        records = [record for record in records if record.pop("_error", None) is not None]


if __name__ == "__main__":
    main()
