"""The loop that an engineer writes by hand for speed alone: `python -m benchmarks.hand_written SERVERS PREFIX`."""

from __future__ import annotations

import sys

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer
from sklearn.linear_model import LogisticRegression

FEATURES = tuple(f"feature_{n}" for n in range(10))
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
    servers, prefix = sys.argv[1:]
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(5000, len(FEATURES)))
    model = LogisticRegression().fit(rows, (rows[:, 0] + rows[:, 1] > 0).astype(int))
    decode, encode = msgspec.json.Decoder(Event).decode, msgspec.json.Encoder().encode
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": prefix,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
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
    consumer.subscribe([f"{prefix}events"])
    while True:
        messages = consumer.consume(2000, 0.1)
        if not messages:
            continue
        events = [decode(message.value() or b"") for message in messages]
        matrix = np.array([msgspec.structs.astuple(event.features) for event in events])
        scores = model.predict_proba(matrix)[:, 1].tolist()
        for event, score, message in zip(events, scores, messages, strict=True):
            answer = Answer(event.id, event.time, int(score > 0.5), score, "linear")
            while True:
                try:
                    producer.produce(f"{prefix}predictions", encode(answer), message.key())
                    break
                except BufferError:
                    producer.poll(0.01)
        producer.poll(0)
        consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
