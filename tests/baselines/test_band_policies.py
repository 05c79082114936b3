"""Learned policies on networks of several bands: what they see, powers within the budget, and a comparison of all of them."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from baselines.__main__ import main
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Method
from baselines.evaluation import evaluate
from baselines.learned.central import _objective
from baselines.learned.trained import TrainedMethod
from trainers.problems.message_network import MessageNetwork
from wirelessenv import ConfigError, Scenario, WirelessNetwork
from wirelessenv.layout import draw_layouts

AGENTS, BANDS = 4, 3
SMALL = {"preset": "dense", "transmitters": AGENTS, "bands": BANDS}
SCENARIO = Scenario(**SMALL)
TALK = {"kind": "message_policy", "neighbours": 2, "steps": 3}
SHORT = {"slots": 64, "networks": 4, "max_cycles": 4, "hidden": [4]}
METHODS = {
    "shared": {"kind": "aggregation_policy", "steps": 3},
    "gains": {"kind": "aggregation_policy", "steps": 3, "observation": ["gain", {"kind": "incoming", "source": "pilots"}]},
    "at once": TALK,
    "late": {**TALK, "pace": "slot_late", "links": {"delay": 1}},
    "in rounds": {**TALK, "pace": "round_a_slot"},
}


@pytest.mark.parametrize("name", METHODS)
def test_powers_are_within_the_budget_and_do_not_depend_on_who_else_is_there(name):
    method = Method.parse(METHODS[name])
    trained = TrainedMethod.train(method, SMALL, seed=1)
    held = HeldOut.draw(SMALL, [0, 1], 3, 6)
    power = trained.predict(held)
    assert power.shape == (2, 9, BANDS, AGENTS)
    assert (power > 0).all()
    assert (power.sum(2) <= SCENARIO.max_power * (1 + 1e-6)).all()
    np.testing.assert_allclose(trained.predict(held.some([1]))[0], power[1], rtol=1e-4)
    assert evaluate(trained, SMALL, layouts=2, slots=3, warm_up=6).measured.utility.min() > 0


def test_what_an_agent_hears_has_the_gains_of_every_band():
    method = Method.parse({**TALK, "pace": "slot_late"})
    layouts = draw_layouts(SCENARIO, [5])
    block = WirelessNetwork(SCENARIO, 5).block(3)
    seen = method.see(SCENARIO, layouts, block, 0)
    assert (seen.nodes.shape, seen.edges.shape) == ((1, 3, AGENTS, 2 * BANDS + 3), (1, 3, AGENTS, 2, 2 * BANDS + 2))
    ratio, mean = SCENARIO.max_power / (SCENARIO.noise / BANDS), layouts[0].link_gain
    for slot in range(3):
        for agent in range(AGENTS):
            gain = block.gain[0, slot]
            own = [gain[b, agent, agent] for b in range(BANDS)]
            heard = [sum(gain[b, agent, j] for j in range(AGENTS) if j != agent) for b in range(BANDS)]
            np.testing.assert_allclose(
                seen.nodes[0, slot, agent, : 2 * BANDS], np.log1p(np.array(own + heard) * ratio), rtol=1e-5
            )
            for place, other in enumerate(seen.neighbour[0, agent].tolist()):
                here = [gain[b, agent, other] for b in range(BANDS)]
                before = block.gain[0, slot - 1]  # told a slot ago
                there = [before[b, other, agent] if slot else 0 for b in range(BANDS)]
                both = [*here, *there, mean[agent, other], mean[other, agent]]
                np.testing.assert_allclose(seen.edges[0, slot, agent, place], np.log1p(np.array(both) * ratio), rtol=1e-5)


def test_permuting_agents_permutes_powers():
    torch.manual_seed(0)
    network, order = MessageNetwork(2, 2, 8, BANDS), torch.tensor([2, 0, 3, 1])
    nodes, edges = torch.randn(1, 2, AGENTS, 2 * BANDS + 3), torch.randn(1, 2, AGENTS, 3, 2 * BANDS + 2)
    neighbour = torch.tensor([[[j for j in range(AGENTS) if j != i] for i in range(AGENTS)]])
    inverse = order.argsort()

    def logits(nodes, edges, neighbour):
        there = torch.ones(edges.shape[:-1], dtype=torch.bool)

        def arrived(number, sent):
            return sent[:, :, neighbour[0]]

        return network.decide(nodes, edges, torch.zeros(edges.shape[:-1]), there, arrived)[0]

    plain = logits(nodes, edges, neighbour)
    assert plain.shape == (1, 2, BANDS, AGENTS)
    permuted = logits(nodes[:, :, order], edges[:, :, order], inverse[neighbour[:, order]])
    torch.testing.assert_close(permuted, plain[..., order])


def test_the_objective_is_the_mean_utility_less_the_squared_logits():
    block = WirelessNetwork(SCENARIO, 2).block(2)
    logits = torch.randn((1, 2, BANDS, AGENTS), generator=torch.Generator().manual_seed(1), dtype=torch.float32)
    total = 0.0
    for slot in range(2):
        exponential = np.exp(logits[0, slot].double().numpy())
        power = SCENARIO.max_power * exponential / (1 + exponential.sum(0))
        for i in range(AGENTS):
            for b in range(BANDS):
                gain = block.gain[0, slot, b].astype(float)
                heard = sum(gain[i, j] * power[b, j] for j in range(AGENTS) if j != i)
                rate = np.log2(1 + gain[i, i] * power[b, i] / (SCENARIO.noise / BANDS + heard))
                total += rate / BANDS - 1e-4 * float(logits[0, slot, b, i]) ** 2 / BANDS
    assert float(_objective(SCENARIO, logits, block, 0)) == pytest.approx(total / (2 * AGENTS), rel=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "ppo", "n_steps": 4, "minibatches": 2},
        {"kind": "ppo", "n_steps": 4, "policies": "own", "minibatches": 2},
        {"kind": "sac"},
        {"kind": "dqn", "levels": 3},
    ],
)
def test_reinforcement_learning_chooses_powers_of_every_band(settings):
    pytest.importorskip("stable_baselines3")
    method = Method.parse({**settings, **SHORT, "observation": ["local", "aggregation"]})
    *_, last = method.train(SCENARIO, 0, None if method.across else 0)
    power = method.powers(HeldOut.draw(SMALL, [0], 2, 3), last.state)
    assert power.shape == (1, 5, BANDS, AGENTS)
    assert (power >= 0).all()
    assert (power.sum(2) <= SCENARIO.max_power * (1 + 1e-6)).all()
    if settings["kind"] == "dqn":
        assert ((power > 0).sum(2) <= 1).all()


@pytest.mark.slow
def test_a_comparison_has_allocators_and_policies_of_bands_in_one_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = {
        "messaging": {"graph": "complete"},
        "iterations": 20,
        "evaluate_every": 10,
        "problem": {"evaluation_slots": 20},
    }
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    methods = {
        "one band": {"method": "random_band", "idle": 0.25},
        "FP": "fractional_programming",
        "own": {"method": "aggregation_policy", "policies": "own", "steps": 2, "seeds": 1},
        "talk": {"method": "message_policy", "neighbours": 2, "steps": 2},
        "run": {"method": "trainers", "config": "experiment.yaml", "curve": "learned"},
    }
    few = {"layouts": 2, "slots": 3, "warm_up": 2, "seeds": 1}
    (tmp_path / "few.yaml").write_text(yaml.safe_dump({"scenarios": {"bands": SMALL}, "methods": methods, **few}))
    assert main(["few.yaml", "--out", "one"]) == 0
    table = pd.read_csv(tmp_path / "one" / "comparison.csv")
    assert set(methods) <= set(table["method"])
    assert np.isfinite(table["utility"]).all()
    assert (table["utility"] > 0).all()


def test_what_knows_one_band_is_refused_in_a_sentence():
    for kind in ("gnn", "talking_ppo", "max_min"):
        with pytest.raises(ConfigError, match=r"methods\.one: does not fit .*bands") as raised:
            Comparison.parse({"scenarios": {"mine": SMALL}, "methods": {"one": kind}})
        assert "\n" not in str(raised.value)
    other = {"method": "message_policy", "neighbours": 2, "trained_on": {"preset": "dense", "transmitters": AGENTS}}
    with pytest.raises(ConfigError, match="bands: 1 is not valid: there are 3 to decide about"):
        Comparison.parse({"scenarios": {"mine": SMALL}, "methods": {"one": other}})
