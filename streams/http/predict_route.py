"""`POST /predict`: an event, a list of events, or an input."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
from aiohttp import web

from streams.cloud_events.attributes import STRUCTURED
from streams.contracts import HEADER_MODEL
from streams.http.answers import Answered, HttpPrediction, Refused, Said, status_of, tersely
from streams.http.asked import BadRequest, Form, asked
from streams.http.asking import Asking
from streams.http.body import JSON, read_json
from streams.http.door_models import DoorModels
from streams.http.problems import Refusal
from streams.http.publishing import Publishing
from streams.settings import HttpSettings

_encode = msgspec.json.Encoder().encode


class Answering:
    """Reads bodies and asks models, within the limits of the settings."""

    def __init__(
        self,
        settings: HttpSettings,
        models: DoorModels,
        publishing: Publishing,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`now_ms` stamps requests, as a record on Kafka has a timestamp."""
        self.models, self.most_events, self.publishing = models, settings.max_events, publishing
        self._settings, self.now_ms = settings, now_ms

    async def predict(self, request: web.BaseRequest) -> web.Response:
        """Raises Refusal."""
        asking, model = self.models.find(request.headers.get(HEADER_MODEL))
        body = await self.body(request, (JSON, STRUCTURED))
        try:
            wanted = asked(body, model.schema.names, self.most_events)
        except BadRequest as error:
            raise Refusal(error.status, str(error)) from None
        publish, at_ms = self.publishing.wanted(request.headers), self.now_ms()
        said = (await self.ask(asking, wanted.values, at_ms)).said if wanted.values else []
        if publish and wanted.form is not Form.INPUT:
            self.publishing.events(asking.name, wanted.values, said, at_ms)
        if wanted.form is Form.EVENTS:
            return _json(said)
        only = said[0]
        if isinstance(only, Refused):
            raise _refusal(only)
        if wanted.form is Form.EVENT:
            return _json(only)
        headers = self.publishing.rows(asking.name, wanted.values, said, at_ms) if publish else None
        return _json({"result": only.prediction}, headers)

    async def body(self, request: web.BaseRequest, kinds: Collection[str] = (JSON,)) -> bytes:
        """Of one of these media types. Raises Refusal."""
        timeout_s = self._settings.read_timeout_ms / 1000
        return await read_json(request, most_bytes=self._settings.max_body_bytes, timeout_s=timeout_s, kinds=kinds)

    async def ask(self, asking: Asking, values: Sequence[bytes], at_ms: int) -> Answered:
        """What is said of each, one at least; they came at that time. Raises Refusal: 503, when it takes too long."""
        try:
            answered = await asking.ask(values, at_ms)
        except TimeoutError:
            detail = f"no answer within {self._settings.deadline_ms} ms"
            raise Refusal(503, detail, retry_after_s=1, reason="model_deadline") from None
        return tersely(answered) if self._settings.terse else answered


def _refusal(refused: Refused) -> Refusal:
    error = refused.error
    status = status_of(error.reason)
    retry_after_s = 1 if status == 503 else None
    return Refusal(status, error.detail, retry_after_s=retry_after_s, stage=error.stage, reason=error.reason)


def _json(
    body: list[Said] | HttpPrediction | dict[str, str | int | float | bool], headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(body=_encode(body), headers=headers, content_type="application/json")
