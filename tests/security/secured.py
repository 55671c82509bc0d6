"""A real Kafka with TLS, every SASL mechanism and ACLs, and a token endpoint for OAUTHBEARER."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams.demo.kraft import KafkaCluster
from streams.demo.processes import free_ports
from tests.conftest import SHORT_LIVED
from tests.security.certificates import PASSWORD, Authority

SECRET = "canary-secret-9a41"
"""The password of every user, and the client secret at the token endpoint."""

USERS = ("plain", "scram256", "scram512", "worker")
JAAS = "org.apache.kafka.common.security"


@dataclass(slots=True)
class Secured:
    """`ports` by listener: ssl, sasl, expired, misnamed, and plaintext for the test itself, which may do everything."""

    cluster: KafkaCluster
    ports: dict[str, int]
    folder: Path
    token_endpoint: TokenEndpoint
    admin: AdminClient

    @property
    def bootstrap_servers(self) -> str:
        return self.cluster.bootstrap_servers

    def at(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def grant(self, user: str, rights: Sequence[Right]) -> None:
        futures = self.admin.create_acls([right.binding(user) for right in rights])
        for future in futures.values():
            future.result(30)

    def add_user(self, name: str) -> None:
        """Give a user its SCRAM-SHA-512 password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, info, SECRET.encode())
        self.admin.alter_user_scram_credentials([change])[name].result(30)

    def revoke(self, user: str, rights: Sequence[Right]) -> None:
        futures = self.admin.delete_acls([right.filter(user) for right in rights])
        for future in futures.values():
            future.result(30)


@dataclass(frozen=True, slots=True)
class Right:
    """An operation on a resource, as in the reference page: ``Read``, ``topic``, ``events``."""

    operation: str
    kind: str
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name!r}"

    def as_said(self) -> str:
        """The words that a worker has for it."""
        return f"{self.operation} on {self.kind.replace('-', ' ')} '{self.name}"

    def _parts(self, user: str) -> tuple[Any, ...]:
        pattern = ResourcePatternType.PREFIXED if self.prefixed else ResourcePatternType.LITERAL
        kind = ResourceType[self.kind.upper().replace("-", "_")]
        operation = AclOperation[re.sub(r"(?<=.)(?=[A-Z])", "_", self.operation).upper()]
        return (kind, self.name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)

    def binding(self, user: str) -> AclBinding:
        return AclBinding(*self._parts(user))

    def filter(self, user: str) -> AclBindingFilter:
        return AclBindingFilter(*self._parts(user))


class TokenEndpoint:
    """OAuth 2 client credentials on loopback: unsigned tokens for one client, refusals for others."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                endpoint.asked.append(parse_qs(body))
                kind, _, credentials = self.headers.get("Authorization", "").partition(" ")
                client, _, secret = base64.b64decode(credentials).decode().partition(":") if kind else ("", "", "")
                good = secret == SECRET
                answer = {"access_token": _token(client), "token_type": "Bearer", "expires_in": 3600}
                # A careless endpoint: it repeats the secret that it was given.
                refusal = {"error": "invalid_client", "error_description": f"not {client} with {secret}"}
                content = json.dumps(answer if good else refusal).encode()
                self.send_response(200 if good else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _token(subject: str) -> str:
    now = int(time.time())
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": subject, "iat": now, "exp": now + 3600, "scope": "kafka"})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return f"{'.'.join(encoded)}."


@contextmanager
def secured_kafka(folder: Path, cache: Path) -> Iterator[Secured]:
    """One broker for a module. Its plaintext listener is for the test and the brokers themselves: a super user."""
    authority = Authority(folder / "authority")
    Authority(folder / "stranger", "stranger")
    here = "IP:127.0.0.1,DNS:localhost"
    keys = {
        "ssl": authority.sign("broker", san=here),
        "sasl": authority.sign("broker-sasl", san=here),
        "expired": authority.sign("broker-expired", san=here, expired=True),
        "misnamed": authority.sign("broker-misnamed", san="DNS:elsewhere.example"),
    }
    authority.sign("worker", password=PASSWORD)
    authority.sign("late", expired=True)
    names = [*keys, "controller"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))

    def configure(node: int, port: int) -> dict[str, object]:
        ports["plaintext"] = port
        listeners = {"PLAINTEXT": port, "CONTROLLER": ports["controller"], **{key.upper(): ports[key] for key in keys}}
        protocols = {name: "PLAINTEXT" if name in {"PLAINTEXT", "CONTROLLER"} else "SSL" for name in listeners}
        protocols["SASL"] = "SASL_SSL"
        text = {name: f"{name}://127.0.0.1:{at}" for name, at in listeners.items()}
        given = " ".join(f'user_{user}="{SECRET}"' for user in USERS)
        settings: dict[str, object] = {
            "listeners": ",".join(text.values()),
            "advertised.listeners": ",".join(each for name, each in text.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.quorum.voters": f"{node}@127.0.0.1:{ports['controller']}",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "false",
            "connections.max.reauth.ms": 3_600_000,
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.sasl.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required {given};",
            "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
            "listener.name.sasl.oauthbearer.sasl.jaas.config": (
                f'{JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
            ),
        }
        for key, signed in keys.items():
            settings |= {
                f"listener.name.{key}.ssl.keystore.type": "PEM",
                f"listener.name.{key}.ssl.keystore.location": signed.both,
                f"listener.name.{key}.ssl.truststore.type": "PEM",
                f"listener.name.{key}.ssl.truststore.location": authority.certificate,
            }
        return settings

    options = []
    for user, mechanism in (("scram256", "SCRAM-SHA-256"), ("scram512", "SCRAM-SHA-512"), ("worker", "SCRAM-SHA-512")):
        options += ["--add-scram", f"{mechanism}=[name={user},password={SECRET}]"]
    endpoint = TokenEndpoint()
    try:
        cluster = KafkaCluster(cache=cache, configure=configure, format_options=options, jvm_options=SHORT_LIVED)
        with cluster:
            admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
            yield Secured(cluster, ports, folder, endpoint, admin)
    finally:
        endpoint.close()
