"""The contracts as one HTML file that needs no network: topics, records, fields, examples, code to copy. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from streams.contract_documents.fields import Field, fields_of
from streams.contract_documents.page_style import COPY, STYLE
from streams.contract_documents.records import RecordContract
from streams.contract_documents.snippets import SNIPPETS
from streams.telemetry.escape import printable
from streams.trial.drawing.markup import element, words

LONGEST = 20_000
"""Characters of an example."""

WAYS = {"receive": "you write, Weir reads", "send": "Weir writes, you read"}


def page(records: Sequence[RecordContract], topics: Mapping[str, Any], paths: Mapping[str, Any], version: str) -> str:
    """`topics`: the AsyncAPI document; `paths`: those of the OpenAPI document."""
    title = f"Contracts of Weir {version}"
    links = [(record.name, record.title) for record in records] + [("http", "HTTP"), ("code", "Code")]
    names = [element("a", words(title), href=f"#{name}") for name, title in links]
    body = [
        element("h1", words(title)),
        element(
            "p",
            "Each event becomes exactly one prediction or one dead letter. The same as files: the JSON Schemas, "
            "AsyncAPI and OpenAPI documents beside this one.",
            class_="soft",
        ),
        element("nav", *names, aria_label="Records"),
        element("h2", "Topics"),
        _topics(topics),
        *(_record(record) for record in records),
        element("h2", "HTTP", id="http"),
        _paths(paths),
        element("h2", "Code", id="code"),
        *(_snippet(name, language, text) for name, language, text in SNIPPETS),
    ]
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", words(title)),
        f"<style>{STYLE}</style>",
    ]
    main = element("main", *body)
    html = element("html", element("head", *head), element("body", main, f"<script>{COPY}</script>"), lang="en")
    return f"<!DOCTYPE html>\n{html}\n"


def _topics(topics: Mapping[str, Any]) -> str:
    rows = []
    for operation in topics["operations"].values():
        role = operation["channel"]["$ref"].rpartition("/")[2]
        name = operation["messages"][0]["$ref"].rpartition("/")[2]
        channel, message = topics["channels"][role], topics["components"]["messages"][name]
        binding = channel["bindings"]["kafka"]
        payload = message.get("payload", message.get("headers", {})).get("$ref", "").rpartition("/")[2]
        settings = binding["topicConfiguration"]
        kept = ", ".join(settings["cleanup.policy"])
        if "retention.ms" in settings:
            kept += f" after {settings['retention.ms'] // 86_400_000} days"
        rows.append(
            element(
                "tr",
                element("td", element("code", words(channel["address"]))),
                element("td", element("a", words(message["title"]), href=f"#{payload}")),
                element("td", words(WAYS[operation["action"]])),
                element("td", _said(message["bindings"]["kafka"]["key"]["description"])),
                element("td", str(binding["partitions"]), class_="number"),
                element("td", words(kept)),
            )
        )
    return _table(("topic", "record", "who", "key", "partitions", "kept"), rows)


def _record(record: RecordContract) -> str:
    parts = [
        element("h2", words(record.title), id=record.name),
        element("p", _said(record.schema.get("description", "")), class_="soft"),
        _table(("field", "type", "", ""), [_field(field) for field in fields_of(record.schema)]),
        *(_code(_pretty(example), "An example") for example in record.examples),
    ]
    return element("section", *parts)


def _field(field: Field) -> str:
    return element(
        "tr",
        element("td", element("code", words(field.name))),
        element("td", words(field.kind)),
        element("td", "required" if field.required else ""),
        element("td", _said(field.about)),
    )


def _paths(paths: Mapping[str, Any]) -> str:
    rows = [
        element(
            "tr",
            element("td", element("code", words(f"{method.upper()} {path}"))),
            element("td", words(operation["summary"])),
            element("td", _said(operation.get("description", "Open to everybody."))),
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    return _table(("request", "answers", "takes"), rows)


def _said(text: str) -> str:
    """Words, of which what is in backticks is code."""
    parts = re.split(r"`+([^`]+)`+", text)
    return "".join(element("code", words(part)) if place % 2 else words(part) for place, part in enumerate(parts))


def _snippet(name: str, language: str, text: str) -> str:
    return element("section", element("h3", words(name)), _code(text, language))


def _code(text: str, about: str) -> str:
    shown = escape(printable(text, limit=LONGEST, keep="\n"), quote=False)
    button = element("button", "copy", type="button")
    return element("figure", element("figcaption", words(about), button), element("pre", element("code", shown)))


def _table(headings: Sequence[str], rows: Sequence[str]) -> str:
    head = element("tr", *(element("th", words(name), scope="col") if name else "<th></th>" for name in headings))
    table = element("table", element("thead", head), element("tbody", *rows))
    return element("div", table, class_="wide", tabindex="0")


def _pretty(example: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
