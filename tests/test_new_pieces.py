"""A piece that a user defines is usable at once, without a change anywhere else."""

from typing import Literal

import numpy as np
import pytest

from wirelessenv.channel.fading import Fading
from wirelessenv.config import ConfigError, Positive, Probability
from wirelessenv.network import WirelessNetwork
from wirelessenv.physics.utilities import Utility
from wirelessenv.scenario import Scenario


@pytest.mark.usefixtures("registry")
def test_a_new_utility_is_usable_from_yaml_at_once(tmp_path):
    class Squared(Utility):
        kind: Literal["squared"] = "squared"
        weight: Positive = 1.0

        def __call__(self, rate, power):
            return self.weight * rate**2

    path = tmp_path / "scenario.yaml"
    path.write_text("preset: gaussian\nutility: {kind: squared, weight: 3}\n", encoding="utf-8")
    network, plain = WirelessNetwork(Scenario.from_yaml(path)), WirelessNetwork("gaussian")
    block, power = network.block(5), np.ones((1, 5, 10), np.float32)
    np.testing.assert_allclose(
        network.utilities(block.wanted, block.cross, power),
        3 * plain.utilities(block.wanted, block.cross, power) ** 2,
        rtol=1e-6,
    )
    assert Scenario.parse(network.scenario.dump()) == network.scenario


@pytest.mark.usefixtures("registry")
def test_a_new_fading_law_is_usable_from_a_mapping_at_once():
    class OnOff(Fading):
        kind: Literal["on_off"] = "on_off"
        chance: Probability = 0.5

        def block(self, sampler, span, state):
            drawn = sampler.exponential(*span.shape) < -np.log1p(-self.chance)
            return drawn * sampler.ones(1, 1, 1) / np.float32(self.chance), None

    gain = WirelessNetwork({"preset": "gaussian", "fading": {"kind": "on_off", "chance": 0.25}}).block(500).gain
    assert set(np.unique(gain).tolist()) == {0, 4}
    assert gain.mean() == pytest.approx(1, abs=4 * 3**0.5 / gain.size**0.5)
    with pytest.raises(ConfigError, match=r'unknown kind "onoff" \(did you mean "on_off"\?\)'):
        Scenario.of({"fading": "onoff"})
