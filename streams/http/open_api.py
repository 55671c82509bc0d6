"""The OpenAPI 3.1 document of the door, with the schemas of the models that answer now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.cloud_events.attributes import REQUIRED, SPEC_VERSION, STRUCTURED
from streams.contract_documents.examples import example_features
from streams.http.answers import EventError, HttpPrediction
from streams.http.keys import Scope
from streams.http.tensors import InferAnswer, InferRequest

JSON = "application/json"
REF = "#/components/schemas/{name}"
EVENT = "Event."
"""Before a model's name: the schema of its events."""

TITLES = {
    "/livez": "Whether a restart would help",
    "/readyz": "Whether requests are answered",
    "/startupz": "Whether the start is done",
    "/predict": "An event, a list of events, or an input",
    "/metrics": "Prometheus metrics",
    "/openapi.json": "This document",
    "/docs": "This document as a page",
    "/v2": "The server, by the Open Inference Protocol",
    "/v2/health/live": "As /livez, without the reason",
    "/v2/health/ready": "As /readyz, without the reason",
    "/v2/models/{model}": "What a model takes and gives",
    "/v2/models/{model}/ready": "Whether a model answers",
    "/v2/models/{model}/infer": "Tensors in, tensors out",
}


class Described(Protocol):
    """A model as far as the document tells of it."""

    @property
    def name(self) -> str: ...

    @property
    def schema(self) -> InputSchema: ...


def open_api(
    routes: Iterable[tuple[str, str, Scope | None]], models: Sequence[Described], version: str
) -> dict[str, Any]:
    """The document. `routes`: method, path and scope of each; `models`: the first one is asked by default."""
    _, components = msgspec.json.schema_components(
        [HttpPrediction, EventError, InferRequest, InferAnswer], ref_template=REF
    )
    schemas: dict[str, Any] = {**components, "Refused": _object({"error": _ref("EventError")}), "Problem": PROBLEM}
    for model in models:
        schemas[EVENT + model.name] = event_schema(model) | {"example": example_event(model)}
    paths: dict[str, Any] = {}
    for method, path, scope in routes:
        paths.setdefault(path, {})[method.lower()] = _operation(path, scope, models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Weir", "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def event_schema(model: Described) -> dict[str, Any]:
    """JSON Schema of an event for a model."""
    features = model.schema.features
    return _object(
        {
            "id": {"type": "string", "minLength": 1},
            "time": {"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}, {"type": "null"}]},
            "features": _object({each.name: _feature(each) for each in features}),
        },
        required=["id", "features"],
    )


def example_event(model: Described) -> dict[str, Any]:
    """An event that the model's schema allows: values in the middle of their range, the first category."""
    return {"id": "order-1", "features": example_features(model.schema)}


PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "stage": {"type": "string"},
        "reason": {"type": "string"},
    },
    "required": ["type", "title", "status"],  # terse ones have no detail
}


def _operation(path: str, scope: Scope | None, models: Sequence[Described]) -> dict[str, Any]:
    title = TITLES.get(path.replace("/versions/{version}", ""), path)
    names = [name for name in ("model", "version") if f"{{{name}}}" in path]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    operation: dict[str, Any] = {"summary": title, "responses": {"200": {"description": "Done"}}}
    if parameters:
        operation["parameters"] = parameters
    if scope is not None:
        operation["security"] = [{"key": []}]
        operation["description"] = f"Takes a key with the scope `{scope}`, where there are keys."
    if scope is None or path in {"/metrics", "/docs"}:
        return operation
    if path == "/predict":
        operation |= _predict(models)
    elif path.endswith("/infer"):
        operation["requestBody"] = _content(_ref("InferRequest")) | {"required": True}
        operation["responses"]["200"] |= _content(_ref("InferAnswer"))
    v2 = path.startswith("/v2")
    problem = _object({"error": {"type": "string"}}) if v2 else _ref("Problem")
    kind = JSON if v2 else "application/problem+json"
    operation["responses"]["default"] = {"description": "No answer, and why", "content": {kind: {"schema": problem}}}
    return operation


def _predict(models: Sequence[Described]) -> dict[str, Any]:
    forms = []
    for model in models:
        event = _ref(EVENT + model.name)
        count = len(model.schema.features)
        forms += [
            event,
            _object({"events": {"type": "array", "items": event}}),
            _object({"input": {"type": "array", "minItems": count, "maxItems": count}}),
        ]
    one_of_many = {"anyOf": [_ref("HttpPrediction"), _ref("Refused")]}
    answers = [_ref("HttpPrediction"), {"type": "array", "items": one_of_many}, _object({"result": {}})]
    body = _content({"anyOf": forms} if forms else {}) | {"required": True}
    envelopes = [_cloud_event(_ref(f"Event.{model.name}")) for model in models]
    body["content"][STRUCTURED] = {"schema": {"anyOf": envelopes} if envelopes else {}}
    return {
        "requestBody": body,
        "responses": {"200": {"description": "In the form that was asked in"} | _content({"anyOf": answers})},
    }


def _cloud_event(event: dict[str, str]) -> dict[str, Any]:
    """In structured mode; id and time of the envelope are the event's."""
    attributes = {name: {"type": "string", "minLength": 1} for name in REQUIRED}
    attributes["specversion"] = {"type": "string", "enum": [SPEC_VERSION]}
    return _object({**attributes, "data": event})


def _feature(feature: Feature) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": {Kind.NUMBER: "number", Kind.BOOLEAN: "boolean"}.get(feature.kind, "string")}
    if feature.minimum is not None:
        schema["minimum"] = feature.minimum
    if feature.maximum is not None:
        schema["maximum"] = feature.maximum
    if feature.kind is Kind.CATEGORY and feature.unseen is UnseenPolicy.REJECT:
        schema["enum"] = list(feature.categories)
    return {"anyOf": [schema, {"type": "null"}]} if feature.nullable else schema


def _object(properties: dict[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else list(required),
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": REF.format(name=name)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {JSON: {"schema": schema}}}
