"""Observers of messages and fitted attackers: exact answers where a secret follows from marks, and where it does not."""

import numpy as np
import pytest
import torch

from trainers import FirstOrderLearner, WirelessProblem, ZerothOrderLearner
from trainers.experiments.attacker import PENALTIES, Attacker
from trainers.experiments.observed import ObservedLearner
from trainers.experiments.observer import FLOOR, RECENT, ScalarObserver, SlopeObserver
from trainers.problems.policies import PolicySettings
from trainers.problems.quadratic import Quadratic
from wirelessenv import ConfigError

SMALL = {"preset": "dense", "transmitters": 4}
DELAYED = {"graph": "ring", "activity": {"update": 0.5}}


def problem(seeds):
    return WirelessProblem(SMALL, PolicySettings(hidden=(3,)), seed=seeds, evaluation_slots=60)


def observed(seeds=(0, 1), **changes):
    settings = {"layouts": 4, "first_layout": 10, "of": {"kind": "zeroth_order", "memory": 8, "batch": 5}, **changes}
    return ObservedLearner(problem(list(seeds)), DELAYED, seed=list(seeds), **settings)


def drawn(layouts, numbers, seed=0):
    return np.random.default_rng(seed).normal(size=(layouts, 24, numbers))


SECRETS = {
    "linear": lambda marks, _: marks @ np.array([[1.0, 2.0], [-1.0, 0.0], [0.0, 0.5]]) + 7,
    "product": lambda marks, _: marks[..., :1] * marks[..., 1:2],
    "square": lambda marks, _: marks[..., 2:] ** 2,
    "half": lambda marks, other: marks[..., :1] + other,
    "independent": lambda _, other: other,
}
TRUE = {"linear": 1.0, "product": 1.0, "square": 1.0, "half": 0.5, "independent": 0.0}


@pytest.mark.parametrize("kind", SECRETS)
def test_an_attacker_explains_the_share_that_follows_from_the_marks(kind):
    marks = np.clip(drawn(80, 3), -3, 3)
    secrets = SECRETS[kind](marks, drawn(80, 1, seed=1))
    found = Attacker(marks[:40], secrets[:40]).explained(marks[40:], secrets[40:])
    assert found.mean() == pytest.approx(TRUE[kind], abs=1e-3 if TRUE[kind] == 1 else 0.05)


def test_one_who_hears_the_same_of_everybody_guesses_the_mean_and_explains_nothing():
    secrets = drawn(6, 2)
    attacker = Attacker(np.ones((5, 24, 3)), secrets[:5])
    assert np.allclose(attacker.guess(np.ones((1, 24, 3))), secrets[:5].mean((0, 1)))
    assert attacker.explained(np.ones((1, 24, 3)), secrets[5:]) == pytest.approx(0, abs=1e-9)


def test_the_rule_is_ridge_regression_on_marks_and_their_products():
    marks, secrets = np.clip(drawn(7, 2), -1, 1), drawn(7, 1, seed=1)
    attacker = Attacker(marks[:6], secrets[:6])
    assert attacker.penalty in PENALTIES

    rows = marks.reshape(-1, 2)
    mean, spread = rows[: 6 * 24].mean(0), rows[: 6 * 24].std(0)
    a, b = ((rows - mean) / spread).T
    design = np.stack([a, b, a * a, a * b, b * b], axis=1)
    fitted = design[: 6 * 24]
    design = (design - fitted.mean(0)) / fitted.std(0)
    x, y = design[: 6 * 24], secrets[:6].ravel()
    weights = np.linalg.solve(x.T @ x + attacker.penalty * len(x) * np.eye(5), x.T @ (y - y.mean()))
    assert np.allclose(attacker.guess(marks[6:]).ravel(), y.mean() + design[6 * 24 :] @ weights)


def averages(history):
    """The mean of all, and the running one, over instants one after the other."""
    recent = np.zeros_like(history[0])
    for t, one in enumerate(history):
        recent += (one - recent) / min(t + 1, RECENT)
    return history.mean(0), recent


def test_marks_of_scalars_are_those_of_their_law():
    history = np.random.default_rng(0).normal(0.3, 2, (RECENT + 30, 2, 3, 1)) * np.array([1, 10, 0.1])[:, None]
    observer = ScalarObserver(torch.tensor(history[0]))
    for said in history:
        observer.hear(torch.tensor(said))
    x, wanted = history[..., 0], []
    for square, mean, size, cube in zip(*(averages(each) for each in (x**2, x, abs(x), x**3)), strict=True):
        root = np.sqrt(square)
        wanted += [np.log(root), mean / root, np.log(size / root), cube / root**3]
    assert np.allclose(observer.marks(), np.stack(wanted, axis=2), atol=1e-6)


def test_marks_of_slopes_are_those_of_a_plain_loop():
    history = np.random.default_rng(0).normal(size=(3, 2, 4, 5, 4))  # (instants, runs, l, slots, i)
    observer = SlopeObserver(torch.tensor(history[0]))
    for said in history:
        observer.hear(torch.tensor(said))
    found, size = observer.marks(), np.abs(history)
    for run in range(2):
        for agent in range(4):
            rest = [other for other in range(4) if other != agent]
            own, cross = size[:, run, agent, :, agent], size[:, run, agent][:, :, rest]
            harm = sum(size[:, run, other, :, agent].mean() for other in rest)
            sizes = [own.mean(), cross.mean((0, 1)).sum(), cross.mean((0, 1)).max(), harm]
            log = np.log(own + FLOOR)
            wanted = [*np.log(sizes), log.mean(), log.std(), np.log(cross + FLOOR).mean()]
            assert np.allclose(found[run, agent], [*wanted, *wanted])  # 3 instants: all of them are recent


def test_an_agent_that_sends_zeros_has_finite_marks():
    for observer, said in ((ScalarObserver, torch.zeros(1, 2, 1)), (SlopeObserver, torch.zeros(1, 2, 3, 2))):
        heard = observer(said)
        heard.hear(said)
        assert np.isfinite(heard.marks()).all()


def test_what_is_heard_is_what_the_agents_move_by():
    learner = ZerothOrderLearner(problem([0, 1]), "centralised", directions=2, batch=3, step_size=0.5, seed=[0, 1])
    for t in range(3):
        before = learner.parameters.clone()
        learner.learn(1)
        drawn = learner._perturbations[2 * t : 2 * t + 2]  # (directions, runs, agents, size)
        step = torch.einsum("rld,dris->ris", learner.said, drawn) * 0.5 / (t + 1) ** 0.25
        assert torch.allclose(learner.parameters[:, :, 0] - before[:, :, 0], step, atol=1e-5)


def test_of_gradients_the_slopes_are_heard(monkeypatch):
    network = problem([0, 1])
    learner, measured, slopes = FirstOrderLearner(network, DELAYED, batch=3, seed=[0, 1]), [], network.slopes

    def noted(*given):
        measured.append(slopes(*given))
        return measured[-1]

    monkeypatch.setattr(network, "slopes", noted)
    learner.learn(2)
    assert learner.said.shape == (2, 4, 3, 4)
    assert torch.equal(learner.said.permute(0, 2, 1, 3), measured[-1][1][:, 0])


@pytest.mark.parametrize("kind", ["zeroth_order", "first_order"])
def test_who_is_observed_learns_the_same(kind):
    settings = {"memory": 8, "batch": 3}
    watched = observed(of={"kind": kind, **settings}, layouts=2).learn(3)
    plain = {"zeroth_order": ZerothOrderLearner, "first_order": FirstOrderLearner}[kind]
    alone = plain(problem([0, 1]), DELAYED, seed=[0, 1], **settings).learn(3)
    assert torch.allclose(watched.parameters, alone.parameters, rtol=1e-5, atol=1e-6)
    report = watched.report()
    for name, column in alone.report().items():
        assert np.allclose(report[name], column, rtol=1e-5)
    shares = [column for name, column in report.items() if name.startswith("explained_")]
    assert len(shares) == 4
    assert all(share.shape == (2, 1) and (share <= 1).all() for share in shares)


def test_secrets_are_those_of_the_problem():
    learner = observed().learn(2)
    secrets, theta, whole = learner.secrets(), learner.learner.parameters, problem([10, 11, 12, 13, 0, 1])
    assert np.allclose(secrets["rate"].sum((1, 2)), whole.evaluate(theta)[:, 0])
    layout = whole.network.layouts[4]
    ratio = np.diagonal(layout.mean_gain)[:4] * whole.scenario.max_power / whole.scenario.noise
    assert np.allclose(secrets["channel"][4, :, 0], 10 * np.log10(ratio))
    inputs = learner._given[:, None].expand(-1, 4, -1)
    assert np.allclose(secrets["policy"][5].T, whole.act(theta[5, :, 0], inputs), atol=1e-6)
    assert np.array_equal(secrets["parameters"], theta[:, :, 0])


def test_an_attacker_who_is_told_the_secrets_explains_them(monkeypatch):
    learner = observed(layouts=30).learn(1)
    assert all((share == 0).all() for share in observed().explained().values())  # before anything is heard
    monkeypatch.setattr(learner.observer, "marks", lambda: learner.secrets()["channel"])
    assert learner.explained()["channel"].min() > 0.999
    assert learner.explained()["parameters"].max() < 0.1


def test_layouts_that_diverged_are_left_out():
    learner = observed().learn(1)
    learner.learner.parameters[[1, 4]] = np.nan
    found = learner.explained()["channel"]
    assert np.isnan(found[0])
    assert np.isfinite(found[1])
    learner.learner.parameters[:] = np.nan
    assert np.isnan(learner.explained()["channel"]).all()


def test_it_goes_on_from_a_file(tmp_path):
    learner = observed(layouts=2).learn(2)
    learner.save(tmp_path / "learner.pt")
    again = ObservedLearner.load(tmp_path / "learner.pt").learn(2)
    learner.learn(2)
    assert torch.equal(again.parameters, learner.parameters)
    for name, column in learner.report().items():
        assert np.array_equal(again.report()[name], column)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [0, 12]}, "seed: 12 is not valid: the attacker is fitted on it; choose another first_layout"),
        ({"of": {"kind": "observed"}}, "of: ObservedLearner is not valid: its agents do not send measurements of their own"),
        ({"layouts": 1}, "layouts"),
    ],
)
def test_what_cannot_be_observed_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        observed(**changes)


def test_agents_that_do_not_always_query_and_other_problems_are_refused():
    with pytest.raises(ConfigError, match="query in every instant"):
        ObservedLearner(problem([0]), {"graph": "ring", "activity": {"query": 0.5}}, layouts=2)
    with pytest.raises(ConfigError, match="need a WirelessProblem"):
        ObservedLearner(Quadratic(3, 1.0, 2.0))
