"""The files of an export: every schema, the two documents that use them, and a page to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streams.contract_documents.asyncapi import PlannedTopic, asyncapi
from streams.contract_documents.page import page
from streams.contract_documents.records import RecordContract

ASYNCAPI, OPENAPI, PAGE = "asyncapi.json", "openapi.json", "index.html"


def contract_files(
    records: Sequence[RecordContract], plan: Iterable[PlannedTopic], openapi: Mapping[str, Any], version: str
) -> dict[str, bytes]:
    """By name. The same bytes for the same contracts."""
    topics = asyncapi(records, plan, version)
    files = {f"{record.name}.schema.json": _json(record.document) for record in records}
    files |= {ASYNCAPI: _json(topics), OPENAPI: _json(openapi)}
    return files | {PAGE: page(records, topics, openapi["paths"], version).encode()}


def _json(document: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
