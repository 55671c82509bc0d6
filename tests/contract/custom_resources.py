"""Resources of KEDA and of the Prometheus operator against their definitions (schemas/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "schemas").glob("*.json")}


def breaches(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with it, fields that its definition does not have included."""
    schema = SCHEMAS[manifest["kind"]]
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(manifest)]
