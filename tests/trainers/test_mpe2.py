"""The learner on somebody else's environment: MPE2's simple_spread with continuous actions."""

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from trainers import ParallelEnvProblem, ZerothOrderLearner
from trainers.problems.policies import PolicySettings
from wirelessenv import Messaging


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_learner_improves_simple_spread(seed):
    """Three agents that hear each other over a ring; linear policies, 150 iterations of 2 x 4 episodes.

    The total return of 100 episodes has a standard error of about 3; both evaluations use the same 100.
    """
    problem = ParallelEnvProblem(
        lambda: simple_spread_v3.parallel_env(continuous_actions=True, max_cycles=25),
        PolicySettings(hidden=()),
        seed=seed,
        sample="episode",
        evaluation_samples=100,
    )
    learner = ZerothOrderLearner(problem, Messaging(graph="ring"), smoothing=1.0, step_size=0.02, decay=0.0, batch=4, seed=seed)
    before = problem.evaluate(learner.parameters)
    after = problem.evaluate(learner.learn(150).parameters)
    assert after[0, 0] > before[0, 0] + 7
    np.testing.assert_array_equal(problem.slots, [[150 * 2 * 4 * 25]])
