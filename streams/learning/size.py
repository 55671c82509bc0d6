"""How large what a learner knows becomes, which is one record of the topic `state`. Pure.

A record that is too large is refused each time that it is written, and the learner would stand still for good. So what
may learn is bounded before, by the longest that each number can be written as.
"""

from __future__ import annotations

import msgspec

from models.online.parameters import LogisticRegression, Parameters

FLOAT_BYTES = 25
"""-2.2250738585072014e-308 and a comma."""
COUNT_BYTES = 20
"""A count below 2**63 and a comma."""
CLASS_BYTES = 128
"""Names of fields, label and rows of one class."""
OTHER_BYTES = 16_384
"""The rest: names of fields and of versions, and how the learner compares with eight of these."""


def most_bytes(parameters: Parameters) -> int:
    """`streams.learning.state.encode_knowledge` never gives more of a learner that begins with these parameters."""
    width = len(parameters.columns)
    numbers = 0 if parameters.scaler is None else width * (COUNT_BYTES + 2 * FLOAT_BYTES)
    if isinstance(parameters.model, LogisticRegression):
        numbers += width * FLOAT_BYTES
    else:
        numbers += parameters.labels * (CLASS_BYTES + width * (COUNT_BYTES + 2 * FLOAT_BYTES))
    return len(msgspec.json.encode(parameters.columns)) + numbers + OTHER_BYTES
