"""The predict agent: a batch of events in, predictions, dead letters and observations out."""

from __future__ import annotations

from concurrent.futures import Executor

import faust

from streams.decide.predict import PredictDecider
from streams.kafka.channel import BatchChannel, UnitOfWork


def add_predict_agent(
    app: faust.App, channel: BatchChannel, decider: PredictDecider, executor: Executor
) -> faust.Agent:
    """Register the agent that answers events."""

    @app.agent(channel, name="predict")
    async def predict(units: faust.Stream[UnitOfWork]) -> None:
        """Decode, validate, predict and encode; one decision a batch of events."""
        async for unit in units:
            await unit.answer(decider.decide, executor)

    return predict
