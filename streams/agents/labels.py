"""The label agents: labels as people publish them to the partition of their answers; there the two are joined.

What they decide is in `streams.decide.label_intake` and `streams.decide.labels`.
"""

from __future__ import annotations

from concurrent.futures import Executor

import faust
from faust.types import AgentT, StreamT

from streams.kafka.channel import BatchChannel, UnitOfWork


def add_label_intake_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that passes labels on."""

    @app.agent(channel, name="label-intake")
    async def label_intake(units: StreamT[UnitOfWork]) -> None:
        """Decode labels, and hand each to the partition that its answer is in."""
        async for unit in units:
            await unit.answer(executor)

    return label_intake


def add_labels_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that joins."""

    @app.agent(channel, name="labels")
    async def labels(units: StreamT[UnitOfWork]) -> None:
        """Join answers and labels by event id, whichever comes first; tell drift what came of them."""
        async for unit in units:
            await unit.answer(executor)

    return labels
