"""The metrics of several processes as one text: each sample as it was told, with the label ``worker`` in front.

Nothing is added up. A sum of gauges or of two quantiles means nothing, a counter that starts again at 0 would make the
sum go down, and Prometheus adds up itself what is to be added: ``sum without (worker)``. Text in, text out, so values,
buckets and exemplars stay as they are, to the digit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LABEL = "worker"
END = "# EOF"
COMMENTS = ("# HELP ", "# TYPE ", "# UNIT ")


@dataclass(slots=True)
class Family:
    """The lines of one metric: what is said about it, once, and its samples."""

    comments: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)


def merged(own: str, told: Mapping[str, str]) -> str:
    """`own` and, by worker, what each told, in Prometheus' text format or all in OpenMetrics."""
    families: dict[str, Family] = {}
    _take(families, own, lambda sample: sample)
    for worker, text in told.items():
        _take(families, text, functools.partial(labelled, worker))
    lines = [line for family in families.values() for line in (*family.comments, *family.samples)]
    if own.rstrip("\n").endswith(END):
        lines.append(END)
    return "".join(f"{line}\n" for line in lines)


def labelled(worker: str, sample: str) -> str:
    """A sample's line with one label more."""
    name, brace, rest = sample.partition("{")
    if not brace or " " in name:  # no labels; a brace further on is an exemplar's
        name, _, rest = sample.partition(" ")
        return f'{name}{{{LABEL}="{worker}"}} {rest}'
    comma = "" if rest.startswith("}") else ","
    return f'{name}{{{LABEL}="{worker}"{comma}{rest}'


def _take(families: dict[str, Family], text: str, change: Callable[[str], str]) -> None:
    """Samples follow the comments of their metric; what was said about it once is not said again."""
    begun: set[str] = set()
    family = Family()
    for line in text.split("\n"):  # a label's value may hold other ends of lines
        if line.startswith(COMMENTS):
            name = line.split(" ", 3)[2]
            if name not in begun:
                begun.add(name)
                known = name in families
                family = families.setdefault(name, Family())
                comments = [] if known else family.comments
            comments.append(line)
        elif line and not line.startswith("#"):
            family.samples.append(change(line))
