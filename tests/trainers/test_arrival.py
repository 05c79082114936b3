"""Arrival of runs, against a plain loop over all means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.algorithms.base.arrival import Arrival
from trainers.algorithms.base.settings import Target
from trainers.algorithms.dasgd import DASGD
from trainers.problems.quadratic import Quadratic

NORMS = st.one_of(st.floats(0, 3), st.floats(0, 1e-3), st.sampled_from([0.0, 40.0, np.inf, np.nan]))


@given(st.lists(st.tuples(NORMS, NORMS), max_size=25), st.integers(1, 4), st.sampled_from([1, 2]))
def test_a_run_arrives_where_the_first_mean_is_small_enough(norms, window, power):
    watch = Arrival(Target(below=0.5, window=window, power=power), (2, 1))
    for spent, both in enumerate(norms, 1):
        watch.look(np.array(both)[:, None], lambda spent=spent: 10 * spent)
    table, open_ = np.array(norms).reshape(-1, 2) ** power, False
    for run in range(2):
        means = [np.mean(table[end - window : end, run]) for end in range(window, len(table) + 1)]
        first = next((end for end, mean in enumerate(means, window) if mean <= 0.5), None)
        assert watch.arrived[run, 0] == 10 * first if first else np.isnan(watch.arrived[run, 0])
        open_ |= not first and len(table) > 0 and bool(np.isfinite(table[-1, run]))
    assert watch.done == (not open_ and len(table) > 0)


@pytest.mark.parametrize("network", [{"staggered": False}, {"computing": {"kind": "exponential"}}])
def test_the_answer_is_watched_also_where_another_node_has_moved(network):
    """The mean over the last 30 iterations of ||grad f|| of node 0's model, in a plain loop, is what arrives."""
    target = {"below": 1e-3, "window": 30}
    learner = DASGD(Quadratic(), network, nodes=3, step_size=0.01, exact=True, seed=[3, 4], target=target)
    norms, spent = [], []
    while not learner.done and learner.iteration < 3000:
        learner.learn(1)
        norms.append(np.linalg.norm(learner.problem.mean_gradient(learner.solution), axis=-1)[0])
        spent.append(learner.spent())
    means = np.stack([np.mean(norms[end - 30 : end], axis=0) for end in range(30, len(norms) + 1)])
    first = 29 + (means <= 1e-3).argmax(0)
    np.testing.assert_array_equal(learner.arrival.arrived[0], [spent[at][run] for run, at in enumerate(first)])
    assert len(norms) == max(first) + 1
