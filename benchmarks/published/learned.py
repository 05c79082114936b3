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
from torch import Tensor, nn

from baselines.allocators import fractional_programming
from baselines.comparison.held_out import HeldOut
from baselines.learned.central import CentralNetwork
from baselines.learned.message_policy import MessagePolicy
from benchmarks.published.as_published import several_bands
from benchmarks.published.bands import DEPLOYMENTS, case_of, rates, strongest_band_alone
from benchmarks.published.rows import PublishedRow, known, row, table
from trainers.problems.heard import heard
from trainers.problems.message_network import Heard
from trainers.problems.policies import shares_of_budget
from wirelessenv.layout import Layout
from wirelessenv.network import Block
from wirelessenv.physics.kernels import interference, rate
from wirelessenv.physics.loudest import loudest
from wirelessenv.scenario import Scenario

CELLS, LINKS, BANDS = 10, 50, 10
LAYOUTS, SLOTS = range(1000, 1020), 25
"""Deployments that nobody has looked at, and slots of each."""
SETTINGS = {"rounds": 2, "floats": 4, "neighbours": 6, "hidden": 24, "pace": "slot_late", "networks": 4, "slots": 3}
NODE, EDGE = 6, 4
"""Numbers that an agent knows of itself, and of a neighbour, in a band."""


class BandNetwork(CentralNetwork):
    """Message passing in every band with the same parameters, a slot late; bands meet in the agents, between rounds.

    What an agent knows of a band: its channel, also relative to its best other band, what others would cause there, and three
    means; and what it and its neighbours have said of that band in the slot before, when all rounds were at once.
    """

    def __init__(self, rounds: int, floats: int, hidden: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(NODE, hidden), nn.Linear(hidden, 1)
        self.say, self.of_message, self.of_itself = (
            nn.ModuleList(nn.Linear(*ends) for _ in range(rounds))
            for ends in ((hidden, floats), (floats, hidden), (floats, hidden))
        )
        self.of_edge = nn.ModuleList(nn.Linear(EDGE, hidden, bias=False) for _ in range(rounds))
        self.update = nn.ModuleList(
            nn.Sequential(nn.Linear(5 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)) for _ in range(rounds)
        )
        self.register_buffer("scale", torch.tensor([[0.0, 1.0]]).repeat(NODE + EDGE, 1))
        self.scale: Tensor
        """Mean and standard deviation of every number of a node and of an edge."""

    @staticmethod
    def _by_band(seen: Heard) -> tuple[Tensor, Tensor]:
        """Numbers of nodes (networks, slots, m, M, NODE) and of edges (networks, slots, m, k, M, EDGE)."""
        bands = (seen.nodes.shape[-1] - 3) // 2
        own, incoming, means = seen.nodes.split_with_sizes([bands, bands, 3], dim=-1)
        best = own.topk(2, dim=-1).values
        other = torch.where(own == best[..., :1], best[..., 1:], best[..., :1])
        means = means[..., None, :].expand(*own.shape, 3)
        here, there, both = seen.edges.split_with_sizes([bands, bands, 2], dim=-1)
        edges = torch.cat([here[..., None], there[..., None], both[..., None, :].expand(*here.shape, 2)], dim=-1)
        return torch.cat([torch.stack([own, own - other, incoming], dim=-1), means], dim=-1), edges

    def fit(self, seen: Heard) -> None:
        parts = (one for part in self._by_band(seen) for one in part.flatten(0, -2).T)
        for place, values in zip(self.scale, parts, strict=True):
            place[0], place[1] = values.mean(), values.std() + 1e-6

    def forward(self, seen: Heard) -> Tensor:
        mean, std = self.scale.T
        nodes, edges = self._by_band(seen)
        nodes, edges = (nodes - mean[:NODE]) / std[:NODE], (edges - mean[NODE:]) / std[NODE:]
        _, sent = self._run(nodes, edges, seen.neighbour, None)
        late = [torch.cat([torch.zeros_like(one[:, :1]), one[:, :-1]], dim=1) for one in sent]
        return self._run(nodes, edges, seen.neighbour, late)[0].transpose(-1, -2)

    def _run(self, nodes: Tensor, edges: Tensor, neighbour: Tensor, late: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """Logits (networks, slots, m, M), and messages of all rounds, of which those of the slot before count where given."""
        hidden, sent, run = torch.relu(self.first(nodes)), [], torch.arange(len(nodes))[:, None, None]
        for number, (say, of_message, of_itself, of_edge, update) in enumerate(
            zip(self.say, self.of_message, self.of_itself, self.of_edge, self.update, strict=True)
        ):
            sent.append(torch.tanh(say(hidden)))
            used = sent[-1] if late is None else late[number]
            told = of_message(used).movedim(2, 1)[run, neighbour].movedim(3, 1)
            messages = torch.relu(told + of_edge(edges))
            best = hidden.amax(-2, keepdim=True).expand(hidden.shape)
            joined = [hidden, messages.amax(3), messages.sum(3) / 4, best, of_itself(used)]
            hidden = hidden + update(torch.cat(joined, dim=-1))
        logits: Tensor = self.last(hidden)[..., 0]
        return logits, sent


class OneBandPolicy(MessagePolicy):
    """A message-passing policy whose links use one band at a time, at p_max, or are silent.

    In training, shares of the budget are probabilities of bands. Everybody meets the others' mean interference and is paid its
    own mean rate, sum_b pi_ib log2(1 + g_ii p_max / (noise + sum_j g_ij pi_jb p_max)), which is linear in the agent's own
    probabilities, so that they end at 0 or 1, where it is exact.
    """

    kind: Literal["one_band_policy"] = "one_band_policy"  # type: ignore[assignment]  # another kind than its parent's

    def network(self, scenario: Scenario) -> CentralNetwork:
        """The network, with random parameters."""
        return BandNetwork(self.rounds, self.floats, self.hidden)

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        """Inputs of agents, whose neighbours' messages are of the slot before.

        Args:
            scenario: of the networks.
            layouts: theirs, one for each.
            block: their slots.
            seed: not used: nothing is lost.

        Returns:
            The inputs.
        """
        mean_gain = np.stack([layout.link_gain for layout in layouts])
        return heard(scenario, mean_gain, block, loudest(mean_gain, self.neighbours), newest=None, told=1)

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

    The latter is ours, which keeps the band of a link's largest power; "FP" is that of the authors' code.

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
    flat = gain.reshape(-1, *gain.shape[2:])
    published = several_bands(flat, scenario.least_noise / BANDS, scenario.most_power).reshape(same.shape)
    power = method.powers(held, state)
    assert ((power > 0).sum(2) <= 1).all()
    powers = {"FP": published, "FP, a slot late": np.roll(published, 1, axis=1)}
    powers |= {"one band": same, "one band, a slot late": np.roll(same, 1, axis=1), "learned": power}
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
