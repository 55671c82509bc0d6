"""The committed AsyncAPI document against AsyncAPI's own schema."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs/contracts/asyncapi.json").read_text("utf-8"))


def test_the_document_is_asyncapi(asyncapi: dict[str, Any]) -> None:
    Draft7Validator(asyncapi).validate(DOCUMENT)


def test_the_schema_sees_what_is_wrong(asyncapi: dict[str, Any]) -> None:
    validator = Draft7Validator(asyncapi)
    for path, value in [
        (("operations", "receiveEvent", "action"), "publish"),
        (("channels", "events", "bindings", "kafka", "partitions"), 0),
        (("channels", "events", "bindings", "kafka", "topicConfiguration", "segment.bytes"), 1),
        (("components", "schemas", "label", "required"), "event_id"),
    ]:
        broken = copy.deepcopy(DOCUMENT)
        place = broken
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        assert not validator.is_valid(broken), path
