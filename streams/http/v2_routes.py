"""The Open Inference Protocol (V2): metadata, health, versions, infer. Its errors are ``{"error": …}``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version as distribution_version
from typing import Any

import msgspec
from aiohttp import web

from models.prediction import Model
from streams.contracts import Reason
from streams.http.answers import HttpPrediction, Refused, status_of
from streams.http.asked import BadRequest
from streams.http.asking import Asking
from streams.http.keys import Scope
from streams.http.predict_route import Answering
from streams.http.problems import Refusal
from streams.http.routes import Route
from streams.http.routing import VARIABLES
from streams.http.tensors import DATATYPES, InferAnswer, events_of, infer_request, outputs_of
from streams.telemetry.progress import Progress

MODEL = "/v2/models/{model}"
VERSION = MODEL + "/versions/{version}"


class V2:
    """Handlers over the models of the door. The version that answers is the only one that is there."""

    def __init__(self, answering: Answering, progress: Progress) -> None:
        self._answering, self._progress = answering, progress

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2", Scope.READ, self._server),
            Route("GET", "/v2/health/live", None, self._live),
            Route("GET", "/v2/health/ready", None, self._ready),
            *(Route("GET", path, Scope.READ, self._model) for path in (MODEL, VERSION)),
            *(Route("GET", f"{path}/ready", Scope.READ, self._model_ready) for path in (MODEL, VERSION)),
            *(Route("POST", f"{path}/infer", Scope.PREDICT, self._infer) for path in (MODEL, VERSION)),
        ]

    async def _server(self, _request: web.BaseRequest) -> web.Response:
        return _json({"name": "weir", "version": distribution_version("weir-streaming"), "extensions": []})

    async def _live(self, _request: web.BaseRequest) -> web.Response:
        return _json({"live": True})

    async def _ready(self, _request: web.BaseRequest) -> web.Response:
        ready = self._progress.ready().ok
        return _json({"ready": ready}, status=200 if ready else 503)

    async def _model(self, request: web.BaseRequest) -> web.Response:
        _, model = self._find(request)
        return _json(
            {
                "name": model.name,
                "versions": [model.version],
                "platform": "weir",
                "inputs": [
                    {"name": feature.name, "datatype": DATATYPES[feature.kind], "shape": [-1]}
                    for feature in model.schema.features
                ],
                "outputs": _described_outputs(model),
            }
        )

    async def _model_ready(self, request: web.BaseRequest) -> web.Response:
        _, model = self._find(request)
        return _json({"name": model.name, "ready": True})

    async def _infer(self, request: web.BaseRequest) -> web.Response:
        asking, model = self._find(request)
        body = await self._answering.body(request)
        try:
            wanted = infer_request(body)
            events = events_of(wanted, model.schema, self._answering.most_events)
        except BadRequest as error:
            raise Refusal(error.status, str(error)) from None
        publishing, at_ms = self._answering.publishing, self._answering.now_ms()
        publish = publishing.wanted(request.headers)
        answered = await self._answering.ask(asking, events, at_ms)
        _require_version(request, answered.model)  # another may have been promoted while the request was read or waited
        answers: list[HttpPrediction] = []
        for row, said in enumerate(answered.said):
            if isinstance(said, Refused):
                raise _refusal(row, said)
            if _pinned(request) not in (None, said.version):
                detail = f"row {row}: {said.reason}: the version before stood in, and this one was asked for"
                raise Refusal(503, detail, retry_after_s=1)
            answers.append(said)
        outputs = outputs_of(answers, answered.model.classes)
        headers = publishing.rows(asking.name, events, answers, at_ms) if publish else None
        return _json(InferAnswer(answered.model.name, answered.model.version, outputs, wanted.id), headers=headers)

    def _find(self, request: web.BaseRequest) -> tuple[Asking, Model]:
        asking, model = self._answering.models.find(request[VARIABLES]["model"])
        _require_version(request, model)
        return asking, model


def _pinned(request: web.BaseRequest) -> str | None:
    return request[VARIABLES].get("version")


def _require_version(request: web.BaseRequest, model: Model) -> None:
    if _pinned(request) not in (None, model.version):
        raise Refusal(404, "this version of the model does not answer here", close=request.can_read_body)


def _described_outputs(model: Model) -> list[dict[str, Any]]:
    if not model.classes:
        return [{"name": "predict", "datatype": "FP64", "shape": [-1]}]
    return [
        {"name": "predict", "datatype": "BYTES", "shape": [-1]},
        {"name": "score", "datatype": "FP64", "shape": [-1]},
    ]


def _refusal(row: int, refused: Refused) -> Refusal:
    """The protocol has no error for one row: the first that is rejected says why there is no answer."""
    error = refused.error
    status = status_of(error.reason)
    late = error.reason is Reason.MODEL_DEADLINE
    return Refusal(status, error.detail, retry_after_s=1 if late else None, row=row, reason=error.reason)


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json")
