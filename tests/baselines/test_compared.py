"""Methods of comparisons as curves of an experiment, beside learners in a network that moves."""

import numpy as np
import pandas as pd
import pytest

from baselines.allocators import wmmse
from baselines.comparison.held_out import HeldOut
from baselines.learned.compared import Compared
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.trained_run import TrainedRun
from trainers import WirelessProblem
from trainers.experiments import plots, runner
from trainers.experiments.experiment import Experiment
from trainers.fidelity.statistics import Curves, UtilityRatio
from wirelessenv import ConfigError, Scenario
from wirelessenv.network import WirelessNetwork

SMALL = {"preset": "drifting", "transmitters": 5, "fading": "rayleigh", "slot_seconds": 0.1, "mobility": {"update_slots": 4}}
TALK = {"kind": "message_policy", "pace": "slot_late", "neighbours": 2, "hidden": 4, "steps": 3}
NEAR = {"relative_to": "reference", "reference": "WMMSE"}
EXPERIMENT = {
    "modules": ["baselines.learned.compared"],
    "scenario": SMALL,
    "problem": {"evaluation_slots": 6, "evaluation": "present"},
    "messaging": {"graph": "ring"},
    "policy": {"hidden": [4]},
    "learner": {"batch": 3, "smoothing": 0.5},
    "iterations": 6,
    "evaluate_every": 2,
    "seeds": [4, 5, 6],
    "curves": {
        "on": {},
        "frozen": {"learner": {"learn_for": 2}},
        "WMMSE": {"learner": {"kind": "compared", "method": "wmmse", "slots": 6}},
        "talk": {"learner": {"kind": "compared", "method": TALK, "slots": 6}},
    },
    "panels": [
        NEAR,
        {"relative_to": "reference_gap", "last": 0.5, "points": {"on": [{"x": 1, "curve": "on", "reference": "WMMSE"}]}},
    ],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runner.run(Experiment.parse(EXPERIMENT), tmp_path_factory.mktemp("run") / "run", workers=1, quiet=True)


def test_curves_are_beside_each_other_at_the_same_places(run):
    metrics = run.metrics()
    full = metrics.pivot(index=["seed", "iteration"], columns="curve", values="full_power_utility")
    assert full.shape == (12, 4)
    assert (full.max(axis=1) == full.min(axis=1)).all()  # which differ from time to time
    assert full["on"].groupby("seed").nunique().min() == 4
    slots = metrics.pivot(index=["seed", "iteration"], columns="curve", values="slots")
    assert (slots.max(axis=1) == slots.min(axis=1)).all()


def test_the_allocators_curve_is_the_allocator_on_the_evaluation_slots(run):
    rows = run.metrics().query("curve == 'WMMSE'").set_index(["iteration", "seed"])["utility"]
    network = WirelessNetwork(SMALL, [4, 5, 6])
    for iteration in (0, 2, 4, 6):
        if iteration:
            network.block(12)
        gain = network.bank(6, "evaluation", present=True).gain.astype(float)
        power = wmmse(gain, 1.0, 10.0)
        signal = np.einsum("rtii->rti", gain) * power
        rate = np.log2(1 + signal / (1 + np.einsum("rtij,rtj->rti", gain, power) - signal))
        np.testing.assert_allclose(rows[iteration], rate.sum(2).mean(1), rtol=1e-5)


def test_the_frozen_policies_of_a_run_are_those_at_which_it_stopped(run):
    learner = Experiment.parse(EXPERIMENT).build(["on"], [4, 5, 6]).learn(2)
    for place, seed in enumerate((4, 5, 6)):
        np.testing.assert_allclose(run.policies("frozen", seed), learner.parameters[place, :, 0], atol=1e-5)
        assert not np.allclose(run.policies("on", seed), run.policies("frozen", seed))


def test_panels_are_relative_to_a_curve_of_the_same_place_and_time(run, monkeypatch):
    drawn, draw = [], plots.Axes.errorbar
    monkeypatch.setattr(plots.Axes, "errorbar", lambda *given, **how: (drawn.append(given[1:3]), draw(*given, **how))[1])
    plots.plot(run.path)
    found, _ = UtilityRatio(first="on", second="WMMSE", last=0.5).values(Curves(run.metrics()))
    table = run.metrics().query("iteration >= 3").groupby(["curve", "seed"])["utility"].mean().unstack(0)
    np.testing.assert_allclose(found, table["on"] / table["WMMSE"])
    assert drawn == [([1.0], [pytest.approx(1 - found.mean())])]


def test_a_network_that_is_trained_elsewhere_decides_as_in_a_comparison():
    scenario = Scenario.parse(SMALL | {"mobility": "none"})
    method = MessagePolicy.parse(TALK)
    problem = WirelessProblem(scenario, seed=[4, 5], evaluation_slots=6)
    *_, last = method.train(scenario, 0, None)
    held = HeldOut.draw(scenario, [4, 5], 5, 1)  # the same six slots
    found = Compared(problem, method=method, seed=[4, 5])
    np.testing.assert_allclose(found.powers(), method.powers(held, last.state), rtol=1e-6)
    assert found.learn(2).report()["bits"].tolist() == [[80 * 32 * 5 * (2 * 2 + 2)]] * 2


def test_it_goes_on_bit_for_bit(tmp_path):
    def beside():
        return Compared(WirelessProblem(SMALL, seed=[4], evaluation_slots=6, evaluation="present"), method="wmmse", seed=4)

    whole, cut = beside().learn(5), beside().learn(2)
    cut.save(tmp_path / "saved.pt")
    pd.testing.assert_frame_equal(*(_table(one) for one in (whole, Compared.load(tmp_path / "saved.pt").learn(3))))


def _table(learner):
    return pd.DataFrame({name: values[:, 0] for name, values in learner.report().items()})


def test_what_cannot_be_beside_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match='"trainers" is not valid: it should be an allocator, or a network for all layouts'):
        Compared(WirelessProblem(SMALL), method=TrainedRun(curve="on", run="nowhere"))
    with pytest.raises(ConfigError, match="neighbours: 5 is not valid"):
        Compared(WirelessProblem(SMALL), method=TALK | {"neighbours": 5})
    with pytest.raises(ConfigError, match='relative_to: "reference" is not valid without a reference'):
        Experiment.parse({"panels": [{"relative_to": "reference"}]})
