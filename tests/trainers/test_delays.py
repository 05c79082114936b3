"""Ages of messages without training: how far the work is, and that it does not depend on how it is cut."""

import pytest

from trainers.experiments import delays
from trainers.experiments.experiment import Experiment

RING = {"graph": {"kind": "ring"}, "activity": {"transmit": 0.5}, "links": {"delay": 2}}


@pytest.fixture
def experiment():
    return Experiment.parse(
        {
            "scenario": {"preset": "dense", "transmitters": 8},
            "messaging": RING,
            "iterations": 60,
            "seeds": 2,
            "curves": {
                "all": {},
                "near": {"learner": {"most_hops": 2}},
                "selfish": {"learner": {"cooperative": False}},
                "quick": {"messaging": {"links": {"delay": 1}}},
            },
        }
    )


def test_ages_do_not_depend_on_how_the_work_is_cut(experiment, monkeypatch):
    whole = delays.delays(experiment)
    monkeypatch.setattr(delays, "ENTRIES", 1)
    assert delays.delays(experiment) == whole


def test_near_agents_alone_ask_for_less_memory_and_hear_the_same(experiment):
    everybody, near, selfish, quick = delays.delays(experiment)
    assert everybody["needed memory"] == 4 * 2 + 1  # a ring of 8 has diameter 4, a message takes 2 instants
    assert near == everybody | {"curve": "near", "needed memory": 2 * 2 + 1}
    assert selfish["D_max"] == ""
    assert quick["D_max"] < everybody["D_max"]


def test_a_bar_shows_how_far_it_is(experiment, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    delays.delays(experiment)
    assert "120/120" in capsys.readouterr().err  # two ways of talking, 60 instants each
