"""What each role reads."""

from __future__ import annotations

from streams.settings.tables import TopicRole

SOURCES: dict[str, TopicRole] = {
    "predict": "events",
    "label-intake": "labels",
    "labels": "joins",
    "drift": "observations",
    "control": "control",
    "learner": "examples",
}
"""By role, which reads it as the group ``<kafka.group>-<role>``."""
