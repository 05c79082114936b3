"""The environments that every library is given."""

import pytest

DENSE = {"preset": "dense", "transmitters": 4}
RING = {"graph": "ring"}
CYCLES = 10
COMBINATIONS = [
    pytest.param({}, id="plain"),
    pytest.param({"observation": ["local", "neighbours"], "reward": "sum", "actions": "power"}, id="joined"),
    pytest.param({"messages": "utility", "messaging": RING, "reward": "known"}, id="utility"),
    pytest.param({"messages": "learned", "messaging": RING, "message_size": 2}, id="learned"),
    pytest.param({"actions": "discrete", "levels": 4, "messages": "utility", "messaging": RING}, id="discrete"),
]


def options(combination):
    return {"scenario": DENSE, "max_cycles": CYCLES, **combination}
