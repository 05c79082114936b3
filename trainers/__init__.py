"""Trainers: the learners and the problems that they train on, and experiments with them. See `wirelessenv train --help`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wirelessenv.extras import require

if TYPE_CHECKING:
    from trainers.algorithms.ace import ACE
    from trainers.algorithms.ad_psgd import ADPSGDLearner
    from trainers.algorithms.async_bc import AsyncBC
    from trainers.algorithms.async_sgd import AsyncSGD
    from trainers.algorithms.choco_sgd import ChocoLearner
    from trainers.algorithms.d_psgd import DPSGDLearner
    from trainers.algorithms.dasgd import DASGD
    from trainers.algorithms.decomfl import DeComFL
    from trainers.algorithms.delay_adaptive import DelayAdaptive
    from trainers.algorithms.extra import EXTRALearner
    from trainers.algorithms.fedbuff import FedBuff
    from trainers.algorithms.fedzo import FedZO
    from trainers.algorithms.first_order import FirstOrderLearner
    from trainers.algorithms.gradient_tracking import GradientTrackingLearner
    from trainers.algorithms.malenia import Malenia
    from trainers.algorithms.osgp import OSGPLearner
    from trainers.algorithms.pars_push import PARSPushLearner
    from trainers.algorithms.r_fast import RFASTLearner
    from trainers.algorithms.rennala import Rennala
    from trainers.algorithms.ringleader import Ringleader
    from trainers.algorithms.ringmaster import Ringmaster
    from trainers.algorithms.sgp import SGPLearner
    from trainers.algorithms.sync_sgd import SyncSGD
    from trainers.algorithms.two_point import TwoPointLearner
    from trainers.algorithms.zeroth_order import ZerothOrderLearner
    from trainers.problems.analytic import AnalyticProblem
    from trainers.problems.image_networks import MeasuredOnSome
    from trainers.problems.least_squares import LeastSquares
    from trainers.problems.logistic import Logistic
    from trainers.problems.objective import Objective
    from trainers.problems.parallel_env import ParallelEnvProblem
    from trainers.problems.policies import Policies
    from trainers.problems.quadratic import Quadratic
    from trainers.problems.ridge_regression import RidgeRegression
    from trainers.problems.talking import TalkingObjective, TalkingProblem
    from trainers.problems.torch_loss import TorchObjective
    from trainers.problems.tridiagonal import Tridiagonal
    from trainers.problems.wireless import WirelessProblem
    from trainers.problems.wireless_objective import WirelessObjective

require("trainers", "torch", "train")  # in one sentence, before a module fails deep inside
_MODULES = {
    "TwoPointLearner": "algorithms.two_point",
    "FedZO": "algorithms.fedzo",
    "DeComFL": "algorithms.decomfl",
    "RFASTLearner": "algorithms.r_fast",
    "OSGPLearner": "algorithms.osgp",
    "GradientTrackingLearner": "algorithms.gradient_tracking",
    "EXTRALearner": "algorithms.extra",
    "DPSGDLearner": "algorithms.d_psgd",
    "ADPSGDLearner": "algorithms.ad_psgd",
    "ACE": "algorithms.ace",
    "AnalyticProblem": "problems.analytic",
    "AsyncBC": "algorithms.async_bc",
    "AsyncSGD": "algorithms.async_sgd",
    "ChocoLearner": "algorithms.choco_sgd",
    "DASGD": "algorithms.dasgd",
    "DelayAdaptive": "algorithms.delay_adaptive",
    "FedBuff": "algorithms.fedbuff",
    "FirstOrderLearner": "algorithms.first_order",
    "LeastSquares": "problems.least_squares",
    "Logistic": "problems.logistic",
    "Malenia": "algorithms.malenia",
    "Objective": "problems.objective",
    "PARSPushLearner": "algorithms.pars_push",
    "MeasuredOnSome": "problems.image_networks",
    "ParallelEnvProblem": "problems.parallel_env",
    "Policies": "problems.policies",
    "Quadratic": "problems.quadratic",
    "Rennala": "algorithms.rennala",
    "RidgeRegression": "problems.ridge_regression",
    "Ringleader": "algorithms.ringleader",
    "Ringmaster": "algorithms.ringmaster",
    "SGPLearner": "algorithms.sgp",
    "SyncSGD": "algorithms.sync_sgd",
    "TalkingObjective": "problems.talking",
    "TalkingProblem": "problems.talking",
    "TorchObjective": "problems.torch_loss",
    "Tridiagonal": "problems.tridiagonal",
    "WirelessObjective": "problems.wireless_objective",
    "WirelessProblem": "problems.wireless",
    "ZerothOrderLearner": "algorithms.zeroth_order",
}
__all__ = [
    "ACE",
    "DASGD",
    "ADPSGDLearner",
    "AnalyticProblem",
    "AsyncBC",
    "AsyncSGD",
    "ChocoLearner",
    "DPSGDLearner",
    "DeComFL",
    "DelayAdaptive",
    "EXTRALearner",
    "FedBuff",
    "FedZO",
    "FirstOrderLearner",
    "GradientTrackingLearner",
    "LeastSquares",
    "Logistic",
    "Malenia",
    "MeasuredOnSome",
    "OSGPLearner",
    "Objective",
    "PARSPushLearner",
    "ParallelEnvProblem",
    "Policies",
    "Quadratic",
    "RFASTLearner",
    "Rennala",
    "RidgeRegression",
    "Ringleader",
    "Ringmaster",
    "SGPLearner",
    "SyncSGD",
    "TalkingObjective",
    "TalkingProblem",
    "TorchObjective",
    "Tridiagonal",
    "TwoPointLearner",
    "WirelessObjective",
    "WirelessProblem",
    "ZerothOrderLearner",
]


def __getattr__(name: str) -> Any:
    """Import a name of the package when it is asked for: torch takes seconds, and `--help` needs none of it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
