"""`POST /predict`: an event, a list of events, or an input."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import web

from streams.contracts import HEADER_MODEL
from streams.http.answers import Answered, HttpPrediction, Refused, Said, status_of, tersely
from streams.http.asked import BadRequest, Form, asked
from streams.http.asking import Asking
from streams.http.body import read_json
from streams.http.door_models import DoorModels
from streams.http.problems import Refusal
from streams.settings import HttpSettings

_encode = msgspec.json.Encoder().encode


class Answering:
    """Reads bodies and asks models, within the limits of the settings."""

    def __init__(
        self,
        settings: HttpSettings,
        models: DoorModels,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`now_ms` stamps requests, as a record on Kafka has a timestamp."""
        self.models, self.most_events = models, settings.max_events
        self._settings, self._now_ms = settings, now_ms

    async def predict(self, request: web.BaseRequest) -> web.Response:
        """Raises Refusal."""
        asking, model = self.models.find(request.headers.get(HEADER_MODEL))
        body = await self.body(request)
        try:
            wanted = asked(body, model.schema.names, self.most_events)
        except BadRequest as error:
            raise Refusal(error.status, str(error)) from None
        said = (await self.ask(asking, wanted.values)).said if wanted.values else []
        if wanted.form is Form.EVENTS:
            return _json(said)
        only = said[0]
        if isinstance(only, Refused):
            raise _refusal(only)
        return _json({"result": only.prediction} if wanted.form is Form.INPUT else only)

    async def body(self, request: web.BaseRequest) -> bytes:
        """Raises Refusal."""
        timeout_s = self._settings.read_timeout_ms / 1000
        return await read_json(request, most_bytes=self._settings.max_body_bytes, timeout_s=timeout_s)

    async def ask(self, asking: Asking, values: Sequence[bytes]) -> Answered:
        """What is said of each, one at least. Raises Refusal: 503, when it takes too long."""
        try:
            answered = await asking.ask(values, self._now_ms())
        except TimeoutError:
            detail = f"no answer within {self._settings.deadline_ms} ms"
            raise Refusal(503, detail, retry_after_s=1, reason="model_deadline") from None
        return tersely(answered) if self._settings.terse else answered


def _refusal(refused: Refused) -> Refusal:
    error = refused.error
    status = status_of(error.reason)
    retry_after_s = 1 if status == 503 else None
    return Refusal(status, error.detail, retry_after_s=retry_after_s, stage=error.stage, reason=error.reason)


def _json(body: list[Said] | HttpPrediction | dict[str, str | int | float | bool]) -> web.Response:
    return web.Response(body=_encode(body), content_type="application/json")
