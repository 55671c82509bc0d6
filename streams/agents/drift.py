"""The drift agent: observations of all workers in, changes of alerts out.

What it decides is in `streams.decide.drift`.
"""

from __future__ import annotations

from concurrent.futures import Executor

import faust
from faust.types import AgentT, StreamT

from streams.kafka.channel import BatchChannel, UnitOfWork


def add_drift_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that watches for drift."""

    @app.agent(channel, name="drift")
    async def drift(units: StreamT[UnitOfWork]) -> None:
        """Merge observations, feed the detectors, open and close alerts; one decision a batch of observations."""
        async for unit in units:
            await unit.answer(executor)

    return drift
