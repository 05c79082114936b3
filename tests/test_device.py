"""Everything that computes where `--device` says: `pytest tests/test_device.py --device cuda`, or on the CPU without it.

Random numbers differ between devices, so that what is compared is exact only within one.
"""

import numpy as np
import pandas as pd
import pytest
import torch

from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from trainers import AnalyticProblem, FirstOrderLearner, WirelessProblem, ZerothOrderLearner
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from trainers.workbench.devices import computing_on, placed
from trainers.workbench.files import read_tensors
from wirelessenv import ConfigError
from wirelessenv.network import WirelessNetwork

SMALL = {"preset": "dense", "transmitters": 4}
MOVING = {"preset": "drifting", "transmitters": 4}
RING = {"graph": "ring", "activity": {"update": 0.7}, "links": {"delay": 2}}
LEARNERS = {
    "zeroth order": (ZerothOrderLearner, SMALL, {}),
    "its other estimates": (ZerothOrderLearner, SMALL, {"feedback": "residual", "momentum": 0.9, "second_moment": 0.99}),
    "two directions": (ZerothOrderLearner, SMALL, {"feedback": "antithetic", "directions": 2}),
    "near agents": (ZerothOrderLearner, SMALL, {"most_hops": 1}),
    "where pairs move": (ZerothOrderLearner, MOVING, {}),
    "first order": (FirstOrderLearner, SMALL, {}),
}


@pytest.fixture
def device(request):
    """The device that is asked for; a test that needs a GPU is skipped where torch sees none."""
    chosen = request.config.getoption("--device")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    return chosen


def learner(name, device, seed=(3, 4)):
    kind, scenario, options = LEARNERS[name]
    return kind(WirelessProblem(scenario, seed=seed, device=device), RING, seed=seed, memory=30, **options)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_goes_on_from_its_file_bit_for_bit(name, device, tmp_path):
    whole = learner(name, device).learn(12)
    assert whole.parameters.device.type == device
    assert whole.finite().all()
    learner(name, device).learn(7).save(tmp_path / "learner.pt")
    again = type(whole).load(tmp_path / "learner.pt", device=device).learn(5)
    assert torch.equal(again.parameters, whole.parameters)
    for key, values in whole.measures().items():
        np.testing.assert_array_equal(again.measures()[key], values, key)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_of_any_device_loads_on_a_cpu(name, device, tmp_path):
    there = learner(name, device).learn(7)
    there.save(tmp_path / "learner.pt")
    here = type(there).load(tmp_path / "learner.pt")
    assert here.parameters.device.type == "cpu"
    assert torch.equal(here.parameters, there.parameters.cpu())
    assert here.iteration == 7
    assert here.problem.slots == there.problem.slots
    assert here.learn(5).finite().all()
    seen = np.ones((4, there.problem.policies.inputs), np.float32)
    np.testing.assert_allclose(type(there).load(tmp_path / "learner.pt").predict(seen), there.predict(seen), rtol=1e-4)


def test_channels_have_the_same_law(device):
    gains = WirelessNetwork("dense", seed=1, device=device).block(4000).gain[0]
    assert gains.device.type == device
    own = WirelessNetwork("dense", seed=1).layouts[0]
    np.testing.assert_allclose(gains.mean(0).cpu(), own.mean_gain[own.serving], rtol=0.12)


def test_an_exact_minimum_is_found(device):
    problem = AnalyticProblem(agents=3, size=2, shape="convex", seed=0, device=device)
    found = ZerothOrderLearner(problem, RING, step_size=0.6, smoothing=0.05, memory=30, seed=0).learn(2000)
    assert float((found.parameters[0, :, 0].flatten() - problem.target).norm()) < 0.1 * float(problem.target.norm())


def test_an_experiment_resumes_to_the_same_numbers(device, tmp_path):
    asked = {"scenario": SMALL, "messaging": RING, "iterations": 20, "evaluate_every": 10, "seeds": 2}
    asked["problem"] = {"evaluation_slots": 5}
    experiment = Experiment.parse(asked)
    found = run(experiment, tmp_path / "run", device=device, workers=1, quiet=True)
    policies = read_tensors(found.path / "groups" / "000" / "policies.pt")["parameters"]
    assert policies.device.type == "cpu"  # whoever reads them needs no GPU
    again = run(experiment, tmp_path / "again", device=device, workers=1, quiet=True)
    assert found.metrics()["utility"].equals(again.metrics()["utility"])


@pytest.mark.slow
def test_networks_of_a_comparison_train_there(device, tmp_path):
    methods = {
        "GNN": {"method": "gnn", "steps": 4},
        "messages": {"method": "message_policy", "steps": 4, "neighbours": 2},
        "late": {"method": "message_policy", "steps": 4, "neighbours": 2, "pace": "slot_late"},
        "shared": {"method": "aggregation_policy", "steps": 4},
        "own": {"method": "aggregation_policy", "steps": 4, "policies": "own", "seeds": 1},
        "PPO": {"method": "ppo", "slots": 400, "networks": 4, "n_steps": 25, "minibatches": 2},  # stays on the CPU
    }
    few = Comparison.parse(
        {"scenarios": {"small": SMALL}, "layouts": 2, "slots": 3, "warm_up": 2, "seeds": 1, "methods": methods}
    )
    found = compare(few, tmp_path / "few", device=device, workers=1, quiet=True)
    table = pd.read_csv(found.path / "comparison.csv")
    assert set(table["method"]) == {"full power", "WMMSE", *methods}
    assert np.isfinite(table["utility"]).all()


def test_a_saved_state_goes_to_the_device_of_its_taker():
    saved = {"a": torch.ones(3), "streams": [torch.zeros(5, dtype=torch.uint8)], "plans": [torch.ones(2), 1.5], "n": 2}
    taker = {"a": torch.empty(3, device="meta"), "streams": [torch.zeros(5, dtype=torch.uint8)], "plans": [], "n": 0}
    moved = placed(saved, taker, "meta")
    assert [moved["a"].device.type, moved["streams"][0].device.type, moved["plans"][0].device.type] == ["meta", "cpu", "meta"]
    assert (moved["n"], moved["plans"][1]) == (2, 1.5)
    with computing_on("meta"):
        assert torch.as_tensor(np.ones(2)).device.type == "meta"
    assert torch.as_tensor(np.ones(2)).device.type == "cpu"


def test_a_state_of_another_device_begins_new_streams_and_keeps_what_was_learned():
    there = learner("its other estimates", "cpu").learn(7)
    state = there.state() | {"device": "cuda"}
    state["problem"] = {"network": {"sampler": "of a GPU"}, "slots": there.problem.slots}
    state["draws"] = [torch.zeros(16, dtype=torch.uint8)]
    here = learner("its other estimates", "cpu")
    here.set_state(state)
    assert torch.equal(here.parameters, there.parameters)
    assert (here.iteration, here.problem.slots) == (7, there.problem.slots)
    assert here.learn(3).finite().all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU")
def test_without_a_gpu_it_is_one_sentence(tmp_path):
    few = Comparison.parse({"scenarios": ["dense"], "layouts": 2, "slots": 1})
    with pytest.raises(ConfigError, match=r"^--device: cuda is not valid: torch sees no GPU; use cpu$"):
        compare(few, tmp_path / "few", device="cuda")
    assert not (tmp_path / "few").exists()
