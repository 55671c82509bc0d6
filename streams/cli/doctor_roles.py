"""Which groups the roles of `weir worker` are."""

from __future__ import annotations

import typer

from streams.cli.worker import ROLES
from streams.settings import Settings

GROUPS = {"predict": ("predict",), "drift": ("drift", "control"), "labels": ("label-intake", "labels"), "http": ()}


def roles_of(text: str) -> tuple[str, ...]:
    """Of the option. Raises typer.BadParameter."""
    roles = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in roles if name not in ROLES]
    if unknown or not roles:
        raise typer.BadParameter(f"it takes {', '.join(ROLES)}, with commas between", param_hint="--role")
    return roles


def groups_of(settings: Settings, roles: tuple[str, ...]) -> list[str]:
    """By role, those that work with these settings."""
    groups = [group for role in roles for group in GROUPS.get(role, (role,))]
    if not settings.labels.enabled:
        groups = [group for group in groups if group not in GROUPS["labels"]]
    return [group for group in groups if group != "learner" or settings.learns]
