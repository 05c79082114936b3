"""Environments that are reset alone: each plays what it would play by itself, and the others go on."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from wirelessenv import ConfigError
from wirelessenv.envs.apart import BatchesApart
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.settings import Settings

LATE = {"graph": "ring", "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}}}
DENSE = {"preset": "dense", "transmitters": 3}
OPTIONS = [
    pytest.param({"scenario": DENSE, "observation": ["aggregation", "local"]}, id="plain"),
    pytest.param({"scenario": DENSE, "messages": "learned", "messaging": LATE, "message_size": 2}, id="learned"),
    pytest.param({"scenario": {**DENSE, "layout": "fixed"}, "messages": "utility", "messaging": LATE}, id="fixed"),
    pytest.param({"scenario": {"preset": "drifting", "transmitters": 3}}, id="drifting"),
]
RESETS = {2: [1], 3: [1, 3], 5: [0, 2], 7: [3], 8: [0, 1, 2, 3], 9: [0, 1, 3], 11: [2]}
"""Environments that begin anew before a step, by its number."""


def chosen(rows):
    return np.isin(np.arange(4), rows)


@pytest.mark.parametrize("options", OPTIONS)
def test_each_plays_what_it_would_play_by_itself(options):
    settings = Settings.of(options["scenario"], {name: value for name, value in options.items() if name != "scenario"})
    apart, alone = BatchesApart(settings, 4), [Batch(settings, 1) for _ in range(4)]
    apart.reset(5)
    for number, one in enumerate(alone):
        one.reset(5 + number)
    rng = np.random.default_rng(0)
    for step in range(14):
        rows = RESETS.get(step, [])
        if rows:
            apart.reset(mask=chosen(rows))
            for number in rows:
                alone[number].reset()
        power, said = rng.uniform(0, 10, (4, 3)), rng.uniform(-1, 1, (4, 3, settings.chosen_width))
        power, said = power.astype(np.float32), said.astype(np.float32)
        apart.step(power, said)
        for number, one in enumerate(alone):
            one.step(power[number : number + 1], said[number : number + 1])
        for read in (Batch.observations, Batch.rewards, Batch.state):
            assert_array_equal(apart.read(read), np.concatenate([read(one) for one in alone]))
        for name, values in apart.infos().items():
            assert_array_equal(values, np.concatenate([one.infos()[name] for one in alone]))


def test_some_end_before_others_and_wait():
    settings = Settings.of(DENSE, {"max_cycles": 3})
    apart, power, nothing = BatchesApart(settings, 2), np.ones((2, 3), np.float32), np.zeros((2, 3, 0), np.float32)
    apart.reset(0)
    apart.step(power, nothing)
    assert apart.over() is False
    apart.reset(mask=np.array([False, True]))
    for over in (False, True):
        apart.step(power, nothing)
        assert_array_equal(apart.over(), [over, False])
    with pytest.raises(RuntimeError, match="the episode is over"):
        apart.step(power, nothing)
    before = apart.read(Batch.observations)
    apart.step(power, nothing, np.array([False, True]))
    after = apart.read(Batch.observations)
    assert_array_equal(after[0], before[0])
    assert (after[1] != before[1]).any()
    assert_array_equal(apart.over(), [True, True])


def test_what_cannot_be_done_for_some_alone_is_refused():
    apart, some = BatchesApart(Settings.of(DENSE, {}), 2), np.array([True, False])
    with pytest.raises(ConfigError, match=r"_reset: array\(\[ True, False\]\) is not valid: all environments have to begin"):
        apart.reset(mask=some)
    with pytest.raises(RuntimeError, match="never begun"):
        apart.step(np.ones((2, 3), np.float32), np.zeros((2, 3, 0), np.float32))
    apart.reset(0)
    with pytest.raises(ConfigError, match=r"_step: .* is not valid: environments whose episodes began together step together"):
        apart.step(np.ones((2, 3), np.float32), np.zeros((2, 3, 0), np.float32), some)
