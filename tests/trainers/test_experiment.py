from pathlib import Path

import pytest
import yaml

from trainers.experiments.experiment import Experiment
from wirelessenv import ConfigError
from wirelessenv.messages.graph import BlockGraph, CompleteGraph
from wirelessenv.messages.knowledge import message_graphs

FOLDERS = [Path(__file__).parents[2] / "configs" / name for name in ("paper", "long")]
CONFIGS = sorted(path for folder in FOLDERS for path in folder.glob("*.yaml") if path.stem != "claims")


def experiment(tmp_path, text, *changes):
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return Experiment.load(path, changes)


BASE = """
scenario: dense
iterations: 10
seeds: 2
reference: b
curves:
  a: {messaging: {activity: {update: 0.5}}}
  b: {messaging: centralised, learner: {smoothing: 0.1}}
  c: {learner: {batch: 7}}
"""


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_loads_and_its_resolved_text_means_the_same(path):
    read = Experiment.load(path)
    again = Experiment.parse(yaml.safe_load(read.text()))
    assert again == read
    assert all(again.curve(name) == read.curve(name) for name in read.curves)
    changed = Experiment.load(path, ["iterations=300", "scenario.noise=0.5", "evaluate_every=50", "messaging.links.delay=2"])
    assert changed.iterations == 300
    assert all(changed.curve(name).scenario.noise == 0.5 for name in changed.curves)


def test_figure_2_has_the_settings_of_the_paper():
    figure = Experiment.load(FOLDERS[0] / "fig2.yaml")
    names = ["centralised", "p=0.9", "p=0.5", "p=0.25"]
    assert list(figure.curves) == [*names, *(f"{name}, step 0.5" for name in names)]
    assert len(figure.seeds) >= 10
    for name, p in (("p=0.9", 0.9), ("p=0.5", 0.5), ("p=0.25", 0.25)):
        curve = figure.curve(name)
        assert isinstance(curve.messaging.graph, BlockGraph)
        assert (curve.messaging.graph.kappa, curve.scenario.transmitters, curve.scenario.hops) == (6, 24, 5)
        activity = curve.messaging.activity
        assert (activity.query.probability, activity.update.probability, activity.transmit.probability) == (1, p, p)
    assert isinstance(figure.curve("centralised").messaging.graph, CompleteGraph)
    published = {
        "kind": "zeroth_order", "smoothing": 2.0, "batch": 20, "step_size": 0.5, "decay": 0.25, "memory": 40,
        "common_noise": False, "perturb_sleeping": True, "cooperative": True, "most_hops": None,
        "smoothing_decay": 0.0, "batch_growth": 0.0, "weakest_interference": None,
        "feedback": "two_point", "directions": 1, "momentum": 0.0, "second_moment": 0.0, "restart": None, "learn_for": None,
        "agent_steps": None,
    }  # fmt: skip
    for name in names:
        assert figure.curve(f"{name}, step 0.5").learner.dump() == published
        assert figure.curve(name).learner.dump() == published | {"step_size": 0.5 * 24}  # the authors' code has no 1/m


def test_figure_3_has_four_neighbours_and_two_laws_of_fading():
    figure = Experiment.load(FOLDERS[1] / "fig3.yaml")
    links = message_graphs(figure.messaging, 24, [0])[0]
    assert links.sum(1)[2:-2].tolist() == [4] * 20
    assert links.sum(1)[[0, 1, -2, -1]].tolist() == [2, 3, 3, 2]
    for name in figure.curves:
        kind = "rayleigh" if name.endswith("Rayleigh") else "real_ar1"
        assert figure.curve(name).scenario.fading.kind == kind


def test_curves_change_the_base_and_group_by_what_can_train_side_by_side(tmp_path):
    read = experiment(tmp_path, BASE)
    assert read.curve("a").messaging.activity.update.probability == 0.5
    assert read.curve("b").messaging.relay is False
    assert read.curve("b").scenario == read.curve("a").scenario
    assert read.groups() == [["a", "b"], ["c"]]
    assert read.seeds == (0, 1)


def test_changes_reach_every_curve(tmp_path):
    read = experiment(tmp_path, BASE, "scenario.noise=0.25", "learner.memory=50", "seeds=[4, 9]", "messaging.graph.kappa=4")
    assert {read.curve(name).scenario.noise for name in "abc"} == {0.25}
    assert {read.curve(name).learner.memory for name in "abc"} == {50}
    assert read.curve("a").messaging.graph.kappa == 4
    assert read.seeds == (4, 9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("iteratoins=3", 'unknown key "iteratoins" (did you mean "iterations"?)'),
        ("iterations=0", "iterations: 0 is not valid"),
        ("iterations=many", "iterations: 'many' is not valid"),
        ("evaluate_every=0.5", "evaluate_every: 0.5 is not valid"),
        ("scenario=dens", 'scenario: unknown preset "dens" (did you mean "dense"?)'),
        ("scenario.noise=-1", "scenario.noise: -1 is not valid"),
        ("scenario.utility=rats", 'scenario.utility: unknown kind "rats" (did you mean "rate"?)'),
        ("messaging.graph.kapa=4", 'messaging.graph: unknown key "kapa" (did you mean "kappa"?)'),
        ("messaging.activity.update=1.5", "messaging.activity.update.probability: 1.5 is not valid"),
        ("learner=spg", 'learner: unknown kind "spg"'),
        ("learner.memory=3.2", "learner.memory: 3.2 is not valid"),
        ("learner.cooperative=1", "learner.cooperative: 1 is not valid"),
        ("reference=z", 'reference: "z" is not a curve'),
        ("seeds=0", "seeds: 0 is not valid"),
        ("seeds=[1, 1]", "seeds: [1, 1] is not valid"),
        ("seeds=[-1]", "seeds.0: -1 is not valid"),
        ("problem=wireles", 'problem: unknown kind "wireles" (did you mean "wireless"?)'),
        ("curves=3", "curves: 3 is not valid"),
        ("curves={x: {iterations: 3}}", 'curves.x: unknown key "iterations"'),
        ("curves={x: {messaging: {links: {delay: 0}}}}", "curves.x.messaging: links.delay: 0 is not valid"),
        ("noise", "--set: 'noise' is not valid: write KEY=VALUE"),
        ("a..b=1", "--set: 'a..b=1' is not valid"),
        ("scenario=[", "--set: 'scenario=[': not valid YAML ("),
    ],
)
def test_wrong_values_are_one_sentence(tmp_path, change, sentence):
    with pytest.raises(ConfigError) as caught:
        experiment(tmp_path, BASE, change)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
