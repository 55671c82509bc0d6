"""The rows as HTTP requests, many at a time, alone and in lists, in an order of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import aiohttp
import msgspec

from streams.contracts import HEADER_MODEL, Reason
from streams.http.answers import OF_THE_MODEL
from tests.kafka.parity.cells import Row
from tests.kafka.parity.models import SCHEMA
from tests.kafka.parity.said import Answer, Refusal, answer_of

AT_ONCE = 24
ALONE = 0.03
"""The share of rows that come alone though they need not. It makes micro-batches of many sizes."""


class _Request(NamedTuple):
    model: str
    rows: list[Row]
    in_list: bool


def ask(url: str, rows: Sequence[Row], models: Sequence[str], seed: int) -> dict[tuple[str, int], Answer | Refusal]:
    """What is said of each row by each model; of one that can only come alone, by one of them in turn."""
    said: dict[tuple[str, int], Answer | Refusal] = {}
    requests = _requests(rows, models, Random(seed))

    async def ask_on(session: aiohttp.ClientSession) -> None:
        for request in requests:  # shared: who is free takes the next
            for row, each in zip(request.rows, await _ask(session, url, request), strict=True):
                said[request.model, row.number] = each

    async def ask_all() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(ask_on(session) for _ in range(AT_ONCE)))

    asyncio.run(ask_all())
    return said


def infer(url: str, rows: Sequence[Row], model: str) -> list[tuple[Any, float | None]]:
    """Prediction and score of each row by the Open Inference Protocol, a tensor a feature."""
    tensors = [
        {"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": [(row.cells or {})[name] for row in rows]}
        for name in SCHEMA.names
    ]
    status, told = asyncio.run(_post(f"{url}/v2/models/{model}/infer", json.dumps({"inputs": tensors}).encode()))
    assert status == 200, told
    columns = {output["name"]: output["data"] for output in told["outputs"]}
    return list(zip(columns["predict"], columns.get("score", [None] * len(rows)), strict=True))


def by_position(url: str, row: Row, model: str) -> Any:
    """The result for a row in the tutorial's form."""
    body = json.dumps({"input": [(row.cells or {})[name] for name in SCHEMA.names]}).encode()
    status, told = asyncio.run(_post(f"{url}/predict", body, model))
    assert status == 200, told
    return told["result"]


def status_of(url: str, row: Row, model: str) -> int:
    """Of an answer about one row."""
    return asyncio.run(_post(f"{url}/predict", row.value, model))[0]


async def _post(url: str, body: bytes, model: str | None = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", **({HEADER_MODEL: model} if model else {})}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status, json.loads(await response.read())


def _requests(rows: Sequence[Row], models: Sequence[str], rng: Random) -> Iterator[_Request]:
    found = []
    as_json = [row for row in rows if _is_json(row.value)]
    listed = {row.number for row in as_json}
    only_alone = [row for row in rows if row.number not in listed]
    found += [_Request(models[turn % len(models)], [row], in_list=False) for turn, row in enumerate(only_alone)]
    for model in models:
        waiting = rng.sample(as_json, len(as_json))
        alone = round(len(waiting) * ALONE)
        found += [_Request(model, [row], in_list=False) for row in waiting[:alone]]
        in_lists = waiting[alone:]
        while in_lists:
            size = rng.choice([1, 2, 7, 30, 100, 400])
            found.append(_Request(model, in_lists[:size], in_list=True))
            del in_lists[:size]
    rng.shuffle(found)
    return iter(found)


def _is_json(value: bytes) -> bool:
    """Whether it can stand in a list without taking the other rows along."""
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


async def _ask(session: aiohttp.ClientSession, url: str, request: _Request) -> list[Answer | Refusal]:
    body = b",".join(row.value for row in request.rows)
    if request.in_list:
        body = b'{"events":[' + body + b"]}"
    headers = {"Content-Type": "application/json", HEADER_MODEL: request.model}
    async with session.post(f"{url}/predict", data=body, headers=headers) as response:
        told = json.loads(await response.read())
        if request.in_list:
            assert response.status == 200, (told, body)
            return [_refused(each["error"]) if "error" in each else answer_of(each, each["event_id"]) for each in told]
        if response.status == 200:
            return [answer_of(told, told["event_id"])]
        assert 400 <= response.status < 500 and "reason" in told, (response.status, told, body)
        return [_refused(told)]


def _refused(told: dict[str, str]) -> Refusal:
    # What a model says of its failure is for the log, not for callers.
    error = None if Reason(told["reason"]) in OF_THE_MODEL else told["detail"]
    return Refusal(told["stage"], told["reason"], error)
