"""Events at a steady rate, each with the time of its sending in its id.

python -m benchmarks.sender SERVERS EVENTS_TOPIC RATE SECONDS
"""

from __future__ import annotations

import itertools
import sys
import time

import msgspec

from benchmarks.workload import Event, Sender, events

TICK_S = 0.001


def stamped(event: Event, now_ns: int) -> Event:
    """The event, whose value is its features alone, with this time as time and in its id."""
    value = b'{"id":"event-%d","time":%d,"features":%b}' % (now_ns // 1000, now_ns // 1_000_000, event.value)
    return event._replace(value=value)


def main() -> None:
    servers, topic = sys.argv[1:3]
    rate, seconds = float(sys.argv[3]), float(sys.argv[4])
    sender = Sender(servers, topic, **{"linger.ms": 1})
    # Made before: the clock of the run pays for sending alone.
    made = list(itertools.islice(events(lambda _number, features: msgspec.json.encode(features)), int(rate * seconds)))
    began = time.perf_counter()
    for number, event in enumerate(made):
        while time.perf_counter() - began < number / rate:
            sender.poll()
            time.sleep(TICK_S)
        sender.send(stamped(event, time.time_ns()))
    sender.flush()
    slip = time.perf_counter() - began - seconds
    print(f"{len(made)} events, {slip:.3f} s late", flush=True)


if __name__ == "__main__":
    main()
