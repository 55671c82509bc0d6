"""Where a run takes place: a cluster of real brokers and the proxies before them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from streams.demo.kraft import KafkaCluster
from tests.conftest import SHORT_LIVED
from tests.faults.proxy import Proxies

BROKER_READY_S = 180.0
"""A killed broker reads its logs through first, which takes minutes where others are at work."""


class Stage:
    """A context manager; `kafka` is reached directly, `proxies` stand before it."""

    def __init__(self, brokers: int, cache: Path) -> None:
        self.size = brokers
        self.proxies = Proxies(brokers)
        configure = self.proxies.properties
        self.kafka = KafkaCluster(
            brokers, cache=cache, configure=configure, jvm_options=SHORT_LIVED, ready_s=BROKER_READY_S
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.proxies)
            stack.enter_context(self.kafka)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
