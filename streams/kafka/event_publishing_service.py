"""The publishing of answered events as a Faust service: it starts before the door and ends behind it."""

from __future__ import annotations

import asyncio
from typing import Any

from mode import Service

from streams.kafka.event_publishing import EventPublishing


class EventPublishingService(Service):
    """To stop it is to publish what waits, for a moment."""

    mundane_level = "debug"

    def __init__(self, publishing: EventPublishing, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._publishing = publishing

    async def on_start(self) -> None:
        self._publishing.start()

    async def on_stop(self) -> None:
        await asyncio.to_thread(self._publishing.close)
