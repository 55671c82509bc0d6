"""The page of the door: it needs nothing from elsewhere, and what it says to send is answered."""

from __future__ import annotations

import html
import re
import shlex
from itertools import pairwise

from streams.http.description_page import description_page
from streams.http.open_api import open_api
from tests.unit.http.door_kit import House, Visitor
from tests.unit.pipeline.fakes import ToyModel


def test_every_request_that_the_page_shows_is_answered() -> None:
    house = House()

    async def check(visitor: Visitor) -> None:
        page = await visitor.get("/docs")
        assert page.status == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        shown = re.findall(r"<pre><code>(curl .*?)</code></pre>", page.text, re.DOTALL)
        assert len(shown) == 3, "an event, a list, the values alone"
        for command in shown:
            _curl, address, *options = shlex.split(html.unescape(command))
            assert address == f"http://127.0.0.1:{visitor.port}/predict"
            headers = dict(each.split(": ", 1) for flag, each in pairwise(options) if flag == "-H")
            answer = await visitor.request("POST", "/predict", headers=headers, data=options[-1])
            assert answer.status == 200, answer.text

    house.visit(check)


def test_every_route_is_on_the_page_and_nothing_is_fetched() -> None:
    house = House()
    described = [(each.method, each.path, each.scope) for each in house.routes]
    page = description_page(open_api(described, [ToyModel()], "1"), "http://127.0.0.1:1")
    for route in house.routes:
        assert f"<code>{route.method} {route.path}</code>" in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["openapi.json"]
    assert "<script" not in page
    house.executor.shutdown()


def test_what_a_schema_says_cannot_leave_its_place() -> None:
    model = ToyModel()
    document = open_api([], [model], "1")
    event = document["components"]["schemas"]["Event.toy"]
    event["example"]["features"]["</code><script>alert(1)</script>'"] = "'; rm -rf /"
    page = description_page(document, "http://h")
    assert "<script" not in page
    assert "rm -rf /" in page
    (command, *_) = re.findall(r"<pre><code>(curl .*?)</code></pre>", page, re.DOTALL)
    assert len(shlex.split(html.unescape(command))) == 8, "one argument, whatever it holds"
