"""The learner's agent: features and labels in, nothing out but what it knows.

What it decides is in `streams.decide.learner`.
"""

from __future__ import annotations

from concurrent.futures import Executor

import faust
from faust.types import AgentT, StreamT

from streams.kafka.channel import BatchChannel, UnitOfWork


def add_learner_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that learns."""

    @app.agent(channel, name="learner")
    async def learner(units: StreamT[UnitOfWork]) -> None:
        """Predict, then learn: each event whose label came, in the order of the log."""
        async for unit in units:
            await unit.answer(executor)

    return learner
