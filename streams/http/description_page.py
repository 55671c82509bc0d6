"""The OpenAPI document as a page: what to send, what comes back, and a request to copy. Needs no network. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from streams.http.open_api import EVENT
from streams.trial.drawing.markup import element, html_document, words
from streams.trial.drawing.style import PAGE_STYLE, STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of the page: it runs nothing and fetches nothing."""

_STYLE = """
.weir pre { background: var(--band); padding: 10px 12px; overflow-x: auto; border-radius: 4px; margin: 6px 0 12px;
  font: 12px/1.45 ui-monospace, 'DejaVu Sans Mono', monospace; }
.weir h2 code, .weir td code { font-size: 14px; } .weir section { margin-bottom: 20px; }
.weir a { color: var(--first); }
"""


def description_page(document: Mapping[str, Any], address: str) -> str:
    """HTML of the door's OpenAPI document. `address`: of the door, for requests to copy."""
    info = document["info"]
    title = f"{info['title']} {info['version']} over HTTP"
    rows = [
        element(
            "tr",
            element("td", element("code", words(f"{method.upper()} {path}"))),
            element("td", words(operation["summary"])),
            element("td", words(operation.get("description", "Open to everybody."))),
        )
        for path, method, operation in _operations(document)
    ]
    body = [
        element("h1", words(title)),
        element("p", "The same as a document: ", element("a", "openapi.json", href="openapi.json"), class_="soft"),
        element("div", element("table", *rows), class_="wide"),
        element("h2", "Ask"),
        *(_asking(name, schema, address) for name, schema in _events(document)),
        element("h2", "Schemas"),
        *(
            element("details", element("summary", element("code", words(name))), _pre(_indented(schema)))
            for name, schema in document["components"]["schemas"].items()
        ),
    ]
    return html_document(title, STYLE + PAGE_STYLE + _STYLE, body)


def _asking(model: str, event: Mapping[str, Any], address: str) -> str:
    example = event["example"]
    forms = (
        ("An event", example),
        ("A list of events", {"events": [example]}),
        ("The values alone, in the order of the schema", {"input": list(example["features"].values())}),
    )
    blocks = [element("h3", words(model))]
    for title, body in forms:
        blocks += [element("p", words(title)), _pre(_curl(address, model, body))]
    return element("section", *blocks)


def _curl(address: str, model: str, body: object) -> str:
    said = (
        "curl",
        f"{address}/predict",
        "-H",
        "Content-Type: application/json",
        "-H",
        f"weir-model: {model}",
        "-d",
        json.dumps(body, ensure_ascii=False),
    )
    return shlex.join(said)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _events(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, schema in document["components"]["schemas"].items():
        if name.startswith(EVENT):
            yield name.removeprefix(EVENT), schema


def _pre(text: str) -> str:
    lines = (words(line) for line in text.splitlines())
    return element("pre", element("code", "\n".join(lines)))


def _indented(schema: object) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
