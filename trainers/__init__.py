"""Trainers: how transmitters learn their policies. See `python -m trainers --help`."""

from trainers.first_order import FirstOrderLearner
from trainers.policies import Policies
from trainers.problems.parallel_env import ParallelEnvProblem
from trainers.problems.wireless import WirelessProblem
from trainers.zeroth_order import ZerothOrderLearner

__all__ = ["FirstOrderLearner", "ParallelEnvProblem", "Policies", "WirelessProblem", "ZerothOrderLearner"]
