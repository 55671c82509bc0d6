"""The tables of `pipeline.toml`: keys, types, defaults and bounds. Names here are relied on by operators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta, Struct, field

from streams.settings.secret import SecretStr, masked

Count: TypeAlias = Annotated[int, Meta(ge=1)]
Blocks: TypeAlias = Annotated[int, Meta(ge=1, le=20)]
"""Fewer than a signal's history holds."""
Change: TypeAlias = Annotated[float, Meta(gt=0, le=100)]
Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=86_400_000)]
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
Host: TypeAlias = Annotated[str, Meta(min_length=1)]
Text: TypeAlias = Annotated[str, Meta(min_length=1)]
KafkaName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,200}\Z", description="1 to 200 letters, digits, '.', '_' or '-'")
]
SlotName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,100}\Z", description="1 to 100 letters, digits, '.', '_' or '-'")
]
Scalar: TypeAlias = str | int | float | bool

HOST_PORT = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}"
Servers: TypeAlias = Annotated[
    str, Meta(pattern=rf"^{HOST_PORT}(\s*,\s*{HOST_PORT})*\Z", description="host:port, or several with commas between")
]

Url: TypeAlias = Annotated[
    str, Meta(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]+\S*\Z", description="an http or https address")
]
Extensions: TypeAlias = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z]+=[^,]*(,[A-Za-z]+=[^,]*)*\Z", description="name=value, or several with commas between"),
]

TopicRole: TypeAlias = Literal[
    "events",
    "predictions",
    "dead_letters",
    "labels",
    "joins",
    "observations",
    "alerts",
    "state",
    "control",
    "examples",
    "figures",
]
TOPIC_ROLES: tuple[TopicRole, ...] = get_args(TopicRole)


class KafkaSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach Kafka. `group` is the prefix of consumer groups and transactional ids."""

    bootstrap_servers: Servers = "127.0.0.1:9092"
    group: KafkaName = "weir"
    session_timeout_ms: Annotated[int, Meta(ge=1_000, le=1_800_000)] = 10_000
    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    sasl_oauthbearer_token_endpoint_url: Url | None = None
    sasl_oauthbearer_client_id: str | None = None
    sasl_oauthbearer_client_secret: SecretStr | None = None
    sasl_oauthbearer_client_secret_file: Path | None = None
    sasl_oauthbearer_scope: str | None = None
    sasl_oauthbearer_extensions: Extensions | None = None
    sasl_oauthbearer_ca_location: Path | None = None
    ssl_ca_location: Path | None = None
    ssl_certificate_location: Path | None = None
    ssl_key_location: Path | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: Path | None = None
    ssl_endpoint_identification_algorithm: Literal["https", "none"] = "https"
    client: dict[str, Scalar] = field(default_factory=dict)

    def __repr__(self) -> str:
        # kafka.client may hold secrets in plain text.
        return f"KafkaSettings({masked('kafka', self)})"


class TopicSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Topic names as configured, without the prefix. Use `name` to talk to Kafka."""

    prefix: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9._-]{0,48}\Z", description="at most 48 letters, digits, '.', '_' or '-'")
    ] = ""
    events: KafkaName = "events"
    predictions: KafkaName = "predictions"
    dead_letters: KafkaName = "dead-letters"
    labels: KafkaName = "labels"
    joins: KafkaName = "joins"
    observations: KafkaName = "observations"
    alerts: KafkaName = "alerts"
    state: KafkaName = "state"
    control: KafkaName = "control"
    examples: KafkaName = "examples"
    figures: KafkaName = "figures"

    def name(self, role: TopicRole) -> str:
        """The topic's name on the broker: prefix included."""
        return f"{self.prefix}{getattr(self, role)}"

    @property
    def names(self) -> dict[TopicRole, str]:
        """Every role's name on the broker."""
        return {role: self.name(role) for role in TOPIC_ROLES}


ModelNames: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(\s*,\s*[A-Za-z0-9][A-Za-z0-9._-]{0,63})*\Z",
        description="a model's name, or several with commas between",
    ),
]


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which model answers. Without `version` it is the one that was promoted, else the registry's active one.
    `challenger_budget_ms`: how long a batch of answers waits for what a challenger says of it.
    `also`: further models that answer the same events, each in the version that was promoted.
    `trusted_keys`: a file with Ed25519 public keys (PEM); only what one of them signed is served then."""

    registry: Path = Path("registry")
    name: Annotated[str, Meta(min_length=1)] | None = None
    version: Annotated[str, Meta(min_length=1)] | None = None
    also: ModelNames | None = None
    unknown_features: Literal["ignore", "reject"] = "ignore"
    isolation: Literal["thread", "process"] = "thread"
    deadline_ms: Annotated[int, Meta(ge=1, le=600_000)] = 2_000
    challenger_budget_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    trusted_keys: Path | None = None

    @property
    def further(self) -> tuple[str, ...]:
        """The names in `also`."""
        return tuple(name.strip() for name in self.also.split(",")) if self.also else ()


UriReference: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,256}\Z",
        description="a URI or the path of one, at most 256 characters",
    ),
]


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The lanes of one worker. `slot`: this worker's place in the group; unset, the lowest free one on this host.
    `progress_deadline_ms`: without a commit for so long while records wait, `/livez` says no. `cloudevents_source`:
    predictions are CloudEvents of this source."""

    slot: SlotName | None = None
    linger_ms: Annotated[int, Meta(ge=0, le=10_000)] = 5
    max_batch_records: Annotated[int, Meta(ge=1, le=100_000)] = 8_192
    max_batch_bytes: Annotated[int, Meta(ge=1_024, le=1_073_741_824)] = 8_388_608
    snapshot_interval_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 5_000
    state_dir: Path = Path(".weir")
    dedupe_window: Annotated[int, Meta(ge=0, le=10_000_000)] = 50_000
    keyed_keys: Annotated[int, Meta(ge=1, le=10_000_000)] = 50_000
    progress_deadline_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 60_000
    cloudevents_source: UriReference | None = None


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What one event may be; beyond it, a dead letter."""

    value_bytes: Annotated[int, Meta(ge=2, le=1_073_741_824)] = 1_048_576
    depth: Annotated[int, Meta(ge=2, le=500)] = 32
    id_length: Annotated[int, Meta(ge=1, le=65_536)] = 256
    max_ahead_s: Annotated[int, Meta(ge=0)] = 300
    strict_json: bool = False


class DetectorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A drift detector by its name and the parameters of its constructor."""

    name: Annotated[str, Meta(min_length=1)] = "ADWIN"
    parameters: dict[str, Scalar] = field(default_factory=lambda: {"clock": 1})


class SignalDetectorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The detector of the signals that a pattern matches."""

    name: Annotated[str, Meta(min_length=1)]
    parameters: dict[str, Scalar] = {}


class DriftSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A block closes after `block_events` or `block_ms`, whichever comes first. The changes are the smallest worth an
    alert, which takes `persistence` blocks to fire and `recovery` blocks to resolve."""

    block_events: Count = 200
    block_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 1_000
    allowed_lateness_ms: Milliseconds = 5_000
    max_hold_ms: Milliseconds = 60_000
    false_page_days: Annotated[float, Meta(gt=0, le=36_500)] = 30.0
    shift_sd: Change = 0.2
    share_change: Share = 0.05
    quality_change: Share = 0.02
    correlation_change: Share = 0.2
    persistence: Blocks = 3
    recovery: Blocks = 5
    volume_window_ms: Milliseconds = 60_000
    detector: DetectorSettings = DetectorSettings()
    signals: dict[str, SignalDetectorSettings] = {}


class LabelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether answers are joined with labels; how long an answer waits for its label, and how many wait at most, of all
    partitions together. `burn_in`: outcomes of a model version that later ones are compared with."""

    enabled: bool = True
    window_s: Count = 86_400
    max_waiting: Count = 1_000_000
    burn_in: Count = 1_000


class LearningSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the model, the one that a learner begins as; without it nothing learns. The features of
    `max_waiting` answered events at most are kept until their labels come."""

    version: Annotated[str, Meta(min_length=1)] | None = None
    max_waiting: Count = 100_000


class HttpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where requests are answered, by whom, and how much of them; port 0 takes any free one. `publish`: whether events
    that were answered are published to `events`, too. `gather_ms`: how long a
    request waits under load for others to be answered with. `deadline_ms`: from the body to the answer."""

    host: Host = "127.0.0.1"
    port: Port = 8_080
    keys_file: Path | None = None
    jwt_keys_file: Path | None = None
    jwt_keys_url: Url | None = None
    jwt_audience: Text | None = None
    jwt_issuer: Text | None = None
    jwt_scope_prefix: str = ""
    allow_anonymous: bool = False
    terse: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    publish: bool = False
    rate_per_s: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 50
    max_body_bytes: Annotated[int, Meta(ge=2, le=1_073_741_824)] = 1_048_576
    max_events: Annotated[int, Meta(ge=1, le=100_000)] = 1_024
    max_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 256
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_024
    gather_ms: Annotated[int, Meta(ge=0, le=1_000)] = 2
    deadline_ms: Annotated[int, Meta(ge=1, le=600_000)] = 5_000
    read_timeout_ms: Annotated[int, Meta(ge=1, le=600_000)] = 5_000
    write_timeout_ms: Annotated[int, Meta(ge=1, le=600_000)] = 5_000
    idle_timeout_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 15_000

    @property
    def identifies(self) -> bool:
        """Whether callers are known by keys or tokens, and not by their address alone."""
        return any(each is not None for each in (self.keys_file, self.jwt_keys_file, self.jwt_keys_url))


class AdminSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where health, metrics and status are served; port 0 takes any free one. `allow_anonymous`: everybody may read."""

    host: Host = "127.0.0.1"
    port: Port = 6_066
    allow_anonymous: bool = False
