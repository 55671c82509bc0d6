"""The control agent: what people propose in, what holds out.

What it decides is in `streams.decide.control`.
"""

from __future__ import annotations

from concurrent.futures import Executor

import faust
from faust.types import AgentT, StreamT

from streams.kafka.channel import BatchChannel, UnitOfWork


def add_control_agent(app: faust.App, channel: BatchChannel, executor: Executor) -> AgentT[UnitOfWork]:
    """Register the agent that accepts or refuses proposals."""

    @app.agent(channel, name="control")
    async def control(units: StreamT[UnitOfWork]) -> None:
        """Decide about proposals in their order; answer, and pass accepted commands on to the drift role's log."""
        async for unit in units:
            await unit.answer(executor)

    return control
