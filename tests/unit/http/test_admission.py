"""Every route of both webs with the scope that it takes, and who is let in on the admin port."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from streams.app import create_app
from streams.http.admin import AdminWeb
from streams.http.admin_routes import CALLER, AdminRoute, worker_routes
from streams.http.admission import admin_guard, identify_by
from streams.http.keys import Scope, new_key
from streams.http.problems import Refusal
from streams.http.service import AdminService
from streams.settings import AdminSettings, HttpSettings, Settings
from streams.telemetry.progress import Progress
from tests.unit.http.door_kit import Said, key_file

KEYS = {scope: new_key(f"of-{scope}", (scope,)) for scope in Scope}
LINES = [msgspec.json.encode(record) for _, record in KEYS.values()]
HEALTH = {"/livez", "/readyz", "/startupz"}

ADMIN_SCOPES = {
    "GET /livez": None,
    "GET /readyz": None,
    "GET /startupz": None,
    "GET /metrics": Scope.READ,
    "GET /status": Scope.READ,
    "GET /": Scope.READ,
    "GET /page": Scope.READ,
    "GET /page/stream": Scope.READ,
    "GET /page/runbooks/{name}": Scope.READ,
    "GET /page/{name}": Scope.READ,
    "POST /page/orders": Scope.ADMIN,
}
"""Every route and what it takes. A new one is entered here on purpose; those of the door are in test_door."""

LOOPBACK, ANYWHERE = "127.0.0.1", "0.0.0.0"


async def act(request: web.Request) -> web.Response:
    """An action for the tests: what the operators' own ones look like."""
    if request.query.get("refuse"):
        raise Refusal(409, "stale")
    if request.query.get("fail"):
        raise RuntimeError("secret in /srv")
    return web.Response(text=request[CALLER].identity)


ACTION = AdminRoute("POST", "/act", Scope.ADMIN, act)


class Office:
    """The admin web of a worker whose settings say so, with one action more."""

    def __init__(self, host: str, keys: Path | None = None, *, allow_anonymous: bool = False) -> None:
        settings = Settings(
            http=replace(HttpSettings(), keys_file=keys),
            admin=AdminSettings(host=host, allow_anonymous=allow_anonymous),
        )
        progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
        routes = [*worker_routes(CollectorRegistry(), progress, dict, lambda: 0.0), ACTION]
        # Bound to loopback whatever the settings say: only the guard is to know better.
        self.web = AdminWeb(routes, admin_guard(settings, identify_by(settings)))

    def visit(self, check: Callable[[Ask], Awaitable[None]]) -> None:
        async def run() -> None:
            port = await self.web.start(LOOPBACK, 0, chosen=True)
            try:
                async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                    await check(Ask(session, port))
            finally:
                await self.web.stop()

        asyncio.run(run())


class Ask:
    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.session, self.port = session, port

    async def __call__(self, method: str, path: str, key: str | None = None, **headers: str) -> Said:
        own = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.session.request(method, path, headers={**own, **headers}) as response:
            return Said(response.status, response.headers, await response.text())

    async def statuses(self, key: str | None = None, **headers: str) -> tuple[int, int, int]:
        """Of a probe, of what is read, and of an action."""
        asked = (("GET", "/livez"), ("GET", "/metrics"), ("POST", "/act"))
        probe, read, acted = [(await self(*each, key, **headers)).status for each in asked]
        return probe, read, acted


def test_every_route_of_a_worker_s_admin_port_takes_the_scope_it_should() -> None:
    (service,) = [each for each in create_app(Settings())._extra_services if isinstance(each, AdminService)]
    assert {f"{route.method} {route.path}": route.scope for route in service.routes} == ADMIN_SCOPES
    for route in service.routes:
        assert (route.scope is None) == (route.path in HEALTH), "only health is open"
        assert route.method == "GET" or route.scope is Scope.ADMIN, "who changes something is an administrator"


def test_beyond_loopback_nothing_but_health_goes_without_a_key(tmp_path: Path) -> None:
    async def check(ask: Ask) -> None:
        assert await ask.statuses() == (200, 401, 401)
        assert await ask.statuses("weir_nonsense") == (200, 401, 401)
        predict, read, admin = (KEYS[scope][0] for scope in Scope)
        assert await ask.statuses(predict) == (200, 403, 403)
        assert await ask.statuses(read) == (200, 200, 403)
        assert await ask.statuses(admin) == (200, 200, 200)
        assert await ask.statuses(admin, Host="weir.example") == (200, 200, 200)
        assert (await ask("POST", "/act", admin)).text == "key:of-admin"
        for scope in (None, *Scope):
            key = KEYS[scope][0] if scope else None
            assert (await ask("GET", "/nothing", key)).status == 404
            assert (await ask("DELETE", "/metrics", key)).status == 405

    Office(ANYWHERE, key_file(tmp_path, *LINES)).visit(check)


def test_beyond_loopback_without_any_keys_only_health_is_served() -> None:
    async def check(ask: Ask) -> None:
        assert await ask.statuses() == (200, 401, 401)
        said = await ask("GET", "/metrics", KEYS[Scope.ADMIN][0])
        assert (said.status, "http.keys_file" in said.json["detail"]) == (401, True)

    Office(ANYWHERE).visit(check)


def test_anonymous_may_read_where_somebody_said_so_and_never_act(tmp_path: Path) -> None:
    async def check(ask: Ask) -> None:
        assert await ask.statuses() == (200, 200, 401)
        assert await ask.statuses(Host="weir.example") == (200, 200, 401)

    for host in (LOOPBACK, ANYWHERE):
        Office(host, allow_anonymous=True).visit(check)
        Office(host, key_file(tmp_path, *LINES), allow_anonymous=True).visit(check)


def test_on_loopback_a_name_that_a_stranger_made_lead_here_is_refused(tmp_path: Path) -> None:
    async def keyless(ask: Ask) -> None:
        for host in ("localhost", "127.0.0.1:6066", "[::1]"):
            assert await ask.statuses(Host=host) == (200, 200, 200)
        for host in ("evil.example", "localhost.evil.example:6066", ""):
            assert await ask.statuses(Host=host) == (200, 421, 421), host

    async def keyed(ask: Ask) -> None:
        assert await ask.statuses() == (200, 200, 401)
        assert await ask.statuses(Host="evil.example") == (200, 421, 401)
        assert await ask.statuses(KEYS[Scope.ADMIN][0], Host="proxy.example") == (200, 200, 200)

    Office(LOOPBACK).visit(keyless)
    Office(LOOPBACK, key_file(tmp_path, *LINES)).visit(keyed)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://proxy.example"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_another_page_cannot_act_with_what_the_browser_knows(headers: dict[str, str], status: int) -> None:
    async def check(ask: Ask) -> None:
        sent = {name: value.format(port=ask.port) for name, value in headers.items()}
        assert (await ask("POST", "/act", **sent)).status == status
        assert (await ask("GET", "/metrics", **sent)).status == 200

    Office(LOOPBACK).visit(check)


def test_a_browser_is_asked_for_a_key_as_a_password(tmp_path: Path) -> None:
    async def check(ask: Ask) -> None:
        assert (await ask("GET", "/status")).headers["WWW-Authenticate"].startswith('Basic realm="weir"')
        for user, password, status in (("ann", KEYS[Scope.READ][0], 200), ("", "x", 401)):
            basic = base64.b64encode(f"{user}:{password}".encode()).decode()
            assert (await ask("GET", "/status", Authorization=f"Basic {basic}")).status == status
        for nonsense in ("Basic", "Basic %%%", "Basic /w==", "Digest x"):
            assert (await ask("GET", "/status", Authorization=nonsense)).status == 401

    Office(ANYWHERE, key_file(tmp_path, *LINES)).visit(check)


def test_every_request_for_an_action_is_in_the_audit_log_whatever_came_of_it(tmp_path: Path) -> None:
    read, admin = KEYS[Scope.READ][0], KEYS[Scope.ADMIN][0]

    async def check(ask: Ask) -> None:
        for path, key in (("/act", admin), ("/act", read), ("/act?k=s3", None), ("/act?refuse=1", admin)):
            await ask("POST", path, key)
        failed = await ask("POST", "/act?fail=1", admin)
        assert (failed.status, "secret" in failed.text) == (500, False)
        await ask("GET", "/metrics", read)

    with capture_logs() as logs:
        Office(ANYWHERE, key_file(tmp_path, *LINES)).visit(check)
    audited = [each for each in logs if each["event"] == "admin action"]
    assert [(each["who"], each["result"], each["status"]) for each in audited] == [
        ("key:of-admin", "done", 200),
        ("key:of-read", "refused", 403),
        ("nobody known", "refused", 401),
        ("key:of-admin", "refused", 409),
        ("key:of-admin", "failed", 500),
    ]
    assert {(each["what"], each["origin"]) for each in audited} == {("POST /act", "127.0.0.1")}
    shown = repr(audited)
    assert not any(secret in shown for key, record in KEYS.values() for secret in (key, record.salt, "s3"))
