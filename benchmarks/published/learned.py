"""A policy trained through the rate, beside the learned row of Nasir and Guo (2021, Table I): one band a link, a slot late.

python -m benchmarks.published.learned FOLDER
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines.allocators import fractional_programming
from baselines.comparison.held_out import HeldOut
from baselines.learned.message_policy import MessagePolicy
from benchmarks.published.bands import DEPLOYMENTS, case_of, rates, strongest_band_alone
from benchmarks.published.rows import PublishedRow, known, row, table
from trainers.problems.heard import heard
from trainers.problems.message_network import Heard
from trainers.problems.policies import shares_of_budget
from wirelessenv.layout import Layout
from wirelessenv.network import Block
from wirelessenv.physics.kernels import interference, rate
from wirelessenv.physics.loudest import Loudest, loudest
from wirelessenv.scenario import Scenario

CELLS, LINKS, BANDS = 10, 50, 10
LAYOUTS, SLOTS = range(1000, 1020), 25
"""Deployments that nobody has looked at, and slots of each."""
SETTINGS = {"rounds": 3, "floats": 10, "neighbours": 8, "hidden": 64, "pace": "slot_late", "networks": 8, "slots": 3}


class OneBandPolicy(MessagePolicy):
    """A message-passing policy whose links use one band at a time, at p_max, or are silent.

    In training, shares of the budget are probabilities of bands. Everybody meets the others' mean interference and is paid its
    own mean rate, sum_b pi_ib log2(1 + g_ii p_max / (noise + sum_j g_ij pi_jb p_max)), which is linear in the agent's own
    probabilities, so that they end at 0 or 1, where it is exact.
    """

    kind: Literal["one_band_policy"] = "one_band_policy"

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        """Inputs of agents that hear themselves, too, so that they know their own part of what was agreed on a slot ago.

        Args:
            scenario: of the networks.
            layouts: theirs, one for each.
            block: their slots.
            seed: not used: nothing is lost.

        Returns:
            The inputs.
        """
        mean_gain = np.stack([layout.link_gain for layout in layouts])
        others = loudest(mean_gain, self.neighbours).number
        itself = np.broadcast_to(np.arange(scenario.transmitters)[:, None], (*others.shape[:2], 1))
        heard_from = Loudest.of_matrices(np.concatenate([others, itself], axis=-1))
        newest = np.arange(block.wanted.shape[1])[:, None, None] - 1
        newest = np.broadcast_to(newest, (len(layouts), *newest.shape[:1], *heard_from.number.shape[1:]))
        return heard(scenario, mean_gain, block, heard_from, newest=newest, told=1)

    def shares(self, scenario: Scenario, logits: Tensor) -> Tensor:
        """Shares of p_max: 1 in the most probable band, 0 in others, and in all where silence is more probable.

        Args:
            scenario: of the networks.
            logits: (networks, slots, M, m).

        Returns:
            Shares of the same shape.
        """
        best, place = logits.max(-2, keepdim=True)
        return torch.zeros_like(logits).scatter(-2, place, (best >= 0).to(logits.dtype))

    def objective(self, scenario: Scenario, logits: Tensor, block: Block) -> Tensor:
        """Mean rate of agents who draw a band each.

        Args:
            scenario: of the networks.
            logits: (networks, slots, M, m).
            block: their slots, of which those after the first `unheard` ones count.

        Returns:
            One number.
        """
        first, most = self.unheard, scenario.most_power
        chance = shares_of_budget(logits[:, first:], -2)
        wanted, cross = torch.as_tensor(block.wanted[:, first:]), torch.as_tensor(block.cross[:, first:])
        noise = scenario.least_noise / scenario.bands
        rates = rate(wanted * most / (interference(cross, chance * most) + noise), scenario.sinr_cap, scenario.snr_gap)
        mean: Tensor = (chance * rates).sum(-2).mean()
        return mean


def learned_rows(steps: int, seed: int, layouts: range = LAYOUTS) -> list[PublishedRow]:
    """The policy after a training, and fractional programming with one band a link on the same slots, at once and a slot late.

    Args:
        steps: of the training.
        seed: of the training.
        layouts: seeds of the deployments.

    Returns:
        The rows.
    """
    case, scenario = case_of(CELLS, LINKS, BANDS)
    theirs = known("bands")[case]
    method = OneBandPolicy.parse(SETTINGS | {"steps": steps})
    started = time.process_time()
    state = method.learned(scenario, seed)
    print(f"{steps} steps: {time.process_time() - started:.0f} s of a processor", flush=True)
    held = HeldOut.draw(scenario, layouts, SLOTS, warm_up=method.memory + 1)
    gain, most = held.block.gain.astype(float), scenario.p_max
    over_bands = fractional_programming(gain, scenario.noise_power, most, bands=BANDS)
    alone = strongest_band_alone(gain, over_bands)
    same = fractional_programming(alone, scenario.noise_power, most, bands=BANDS)
    power = method.powers(held, state)
    assert ((power > 0).sum(2) <= 1).all()
    powers = {"FP": same, "FP, a slot late": np.roll(same, 1, axis=1), "learned": power}
    return [row(case, name, rates(held, one), theirs.get(name), DEPLOYMENTS) for name, one in powers.items()]


def main(folder: Path, steps: int = 1500, seed: int = 0) -> None:
    """Train the policy, in minutes, and write the table.

    Args:
        folder: for the table.
        steps: of the training.
        seed: of the training.
    """
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "learned.md").write_text(table(learned_rows(steps, seed), 2), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
