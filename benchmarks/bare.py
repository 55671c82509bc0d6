"""The hand-written loop without the work: the same clients consume and produce the same bytes.

python -m benchmarks.bare SERVERS EVENTS_TOPIC OUTPUT_TOPIC GROUP [BATCH] [WAIT_S]
"""

from __future__ import annotations

import sys

from benchmarks.hand_written import loop


def main() -> None:
    loop(sys.argv[1:], lambda messages: [{"value": message.value(), "key": message.key()} for message in messages])


if __name__ == "__main__":
    main()
