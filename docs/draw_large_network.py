"""Draws docs/images/large_network.png: ten thousand transmitters with the powers of WMMSE, as an environment shows them.

python docs/draw_large_network.py
"""

from pathlib import Path

import numpy as np
from matplotlib.image import imsave

from baselines.allocators import wmmse_over_lists
from wirelessenv import WirelessNetwork, power_control_v0

LARGE = {"preset": "dense", "transmitters": 10_000, "placement": {"density": 1 / 6}, "cut": 0.01}


def main() -> None:
    """Play one slot with the powers of WMMSE, and draw it."""
    network = WirelessNetwork(LARGE, seed=0)  # the channels of the environment's first episode
    gain, p_max = network.block(1).gain, network.scenario.p_max
    powers = wmmse_over_lists(network.near, gain, network.noise, p_max)[0, 0]
    env = power_control_v0.parallel_env(LARGE, actions="power", render_mode="rgb_array")
    env.reset(seed=0)
    env.step({agent: np.array([power], np.float32) for agent, power in zip(env.agents, powers, strict=True)})
    imsave(Path(__file__).parent / "images" / "large_network.png", env.render())


if __name__ == "__main__":
    main()
