"""The predict agent: a batch of events in, predictions, dead letters and observations out.

What it decides is in `streams.decide.predict`.
"""

from __future__ import annotations

from concurrent.futures import Executor

import faust
from faust.types import AgentT, StreamT

from streams.kafka.channel import BatchChannel, UnitOfWork


def add_predict_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that answers events."""

    @app.agent(channel, name="predict")
    async def predict(units: StreamT[UnitOfWork]) -> None:
        """Decode, validate, predict and encode; one decision a batch of events."""
        async for unit in units:
            await unit.answer(executor)

    return predict
