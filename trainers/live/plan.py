"""Plan of a live run: the curve of an experiment that is run, in how many shards, and who builds the parties."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Learner
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.zeroth_order import ZerothOrderLearner, ZerothOrderSettings
from trainers.experiments.curves import Curve, build
from trainers.experiments.experiment import Experiment
from trainers.experiments.strided import Strided
from trainers.live.agents import AgentShard
from trainers.live.nodes import Keeper, NodeShard, Ticks
from trainers.live.party import Arrays, Clock, Hub, Kept, Shard, parts
from trainers.live.radio import Radio, tensor
from trainers.live.replay import RecordedAir, ReplayedAsyncBC, ReplayedPARSPush, ReplayedZerothOrder
from trainers.live.server import AnswerServer, ClientShard
from trainers.problems.wireless import WirelessProblem
from wirelessenv.config import ConfigError, nearest
from wirelessenv.layout import refused_with_cut
from wirelessenv.sentences import cut

LIVE = {"zeroth_order": "Algorithm 2", "async_bc": "AsyncBC", "pars_push": "PARS-Push"}
"""Kinds of learners that have a live form."""
VALUES = {
    "feedback": ("two_point", "antithetic"),
    "momentum": (0,),
    "second_moment": (0,),
    "smoothing_decay": (0,),
    "batch_growth": (0,),
    "perturb_sleeping": (True,),
}
"""Settings of Algorithm 2 and the values that they may have live."""


@dataclass(frozen=True)
class LivePlan:
    """All that the processes of a live run have to know; each builds its own part from it."""

    curve: Curve
    name: str
    seed: int
    shards: int
    iterations: int
    """rounds of the radio, updates of the server, or ticks"""
    evaluate_every: int
    tick_seconds: float = 0.005
    """length of a tick of PARS-Push"""
    patience: float = 0.002
    """seconds for which the radio waits for who is late"""

    @classmethod
    def of(cls, experiment: Experiment, name: str | None, shards: int, **options: float) -> "LivePlan":
        """The plan for a curve of an experiment, on its first seed.

        Args:
            experiment: of which one curve is run.
            name: of the curve; None: the first one.
            shards: number of shards.
            options: other fields of the plan.

        Returns:
            The plan.

        Raises:
            ConfigError: where the curve has no live form; one sentence.
        """
        name = next(iter(experiment.curves)) if name is None else name
        if name not in experiment.curves:
            raise ConfigError(f'--curve: "{cut(name)}" is not a curve{nearest(name, experiment.curves)}')
        curve = experiment.curve(name)
        kind = str(curve.learner.kind)
        if kind not in LIVE:
            raise ConfigError(f'learner: "{kind}" of the curve "{cut(name)}" has no live form; {", ".join(LIVE)} have one')
        stride = getattr(curve.learner, "stride", 1)
        counts = {"iterations": experiment.iterations * stride, "evaluate_every": experiment.evaluate_every * stride}
        plan = cls(curve, name, experiment.seeds[0], shards, **counts, **options)  # type: ignore[arg-type]  # floats are options
        plan.refuse_unfit()
        return plan

    def refuse_unfit(self) -> None:
        """Raises ConfigError where settings or shards do not fit a live run."""
        if isinstance(self.curve.learner, ZerothOrderSettings):
            for name, values in VALUES.items():
                if (value := getattr(self.curve.learner, name)) not in values:
                    usual = " or ".join(map(str, values))
                    raise ConfigError(f"learner.{name}: {value} is not valid in a live run: it should be {usual}")
            problem = self.learner.problem
            if type(problem) is not WirelessProblem or problem.evaluation != "layout":
                raise ConfigError(
                    "problem: it is not valid in a live run of zeroth_order: it should be wireless, evaluated on the layout"
                )
            if problem.near is not None:
                raise ConfigError(refused_with_cut("a live run needs the gains of all links"))
        if self.shards > self.agents:
            raise ConfigError(f"--shards: {self.shards} are not valid: there are only {self.agents} agents")

    @property
    def kind(self) -> str:
        """Kind of the learner that is run."""
        return str(self.curve.learner.kind)

    @property
    def agents(self) -> int:
        """Number of agents, clients or nodes."""
        problem = self.learner.problem
        return int(problem.clients if isinstance(self.learner, GradientLearner) else problem.agents)

    @cached_property
    def learner(self) -> Learner:
        """The learner of the simulator, at its start."""
        return self.built()

    def __getstate__(self) -> dict[str, Any]:
        """Settings alone travel, without the learner: Ray keeps small arguments for processes that it begins again."""
        return {name: value for name, value in self.__dict__.items() if name != "learner"}

    def built(self) -> Learner:
        """Build the learner of the simulator, at its start."""
        built = build([self.curve], [self.seed], "cpu")
        return built.learner if isinstance(built, Strided) else built

    @property
    def owners(self) -> NDArray[np.intp]:
        """The shard of each agent."""
        return np.repeat(np.arange(self.shards), [len(own) for own in parts(self.agents, self.shards)])

    def _ticks(self, clock: Clock) -> Ticks:
        return Ticks(clock, self.tick_seconds, self.iterations - 1)

    def hub(self, clock: Clock) -> Hub:
        """Build the party that all shards talk to.

        Args:
            clock: seconds since the run began.

        Returns:
            The hub.
        """
        learner = self.learner
        if isinstance(learner, ZerothOrderLearner):
            return Radio(learner, self.owners, self.iterations, clock, self.patience, self.evaluate_every)
        if isinstance(learner, AsyncBC):
            return AnswerServer(learner, self.owners, self.iterations, clock, self.evaluate_every)
        assert isinstance(learner, PARSPushLearner)
        return Keeper(learner, self.owners, self._ticks(clock), self.evaluate_every)

    def shard(self, number: int, clock: Clock) -> Shard:
        """Build a shard of the agents.

        Args:
            number: of the shard.
            clock: seconds since the run began.

        Returns:
            The shard, before its beginning.
        """
        learner = self.learner
        if isinstance(learner, ZerothOrderLearner):
            return AgentShard(learner, self.owners, number)
        if isinstance(learner, AsyncBC):
            return ClientShard(learner.problem, learner.settings, self.seed)
        assert isinstance(learner, PARSPushLearner)
        return NodeShard(learner, self.owners, number, self._ticks(clock))

    def replayed(self, schedule: Arrays) -> Learner:
        """The simulator's learner after the events of a schedule.

        Args:
            schedule: of a live run with this plan.

        Returns:
            The learner, at the end.
        """
        fresh = self.built()
        options = {name: value for name, value in fresh._arguments().items() if name != "links"}
        if isinstance(fresh, ZerothOrderLearner):
            problem = RecordedAir.from_configuration(fresh.problem.configuration())
            assert isinstance(problem, RecordedAir)
            replayed: Learner = ReplayedZerothOrder(schedule, problem.recorded(schedule), fresh.links[0], **options)
            return replayed.learn(len(schedule["post"]))
        if isinstance(fresh, AsyncBC):
            return ReplayedAsyncBC(schedule, fresh.problem, fresh.settings.server, **options).learn(len(schedule["task"]))
        assert isinstance(fresh, PARSPushLearner)
        return ReplayedPARSPush(schedule, fresh.problem, fresh.links[0], **options).learn(int(schedule["ticks"]))

    def solution_of(self, learner: Learner) -> NDArray[Any]:
        """Solution of a learner, in the form that a hub keeps.

        Args:
            learner: of the kind of this plan.

        Returns:
            The solution.
        """
        if isinstance(learner, PARSPushLearner):
            return learner.pairs
        if isinstance(learner, ZerothOrderLearner):
            return np.asarray(learner.parameters[0, :, 0].numpy())
        assert isinstance(learner, AsyncBC)
        return learner.solution

    def measures(self, kept: Kept) -> dict[str, float]:
        """Measures of a solution by name, those of the problem.

        Args:
            kept: solution of a hub.

        Returns:
            A number for each measure.
        """
        problem = self.learner.problem
        if isinstance(self.learner, ZerothOrderLearner):
            with torch.no_grad():
                utility = problem.evaluate(tensor(kept.solution)[None, :, None])
            return {"utility": utility.item(), "full_power_utility": problem.full_power_utility().item()}
        with np.errstate(all="ignore"):
            if isinstance(self.learner, PARSPushLearner):
                nodes = kept.solution[..., :-1] / kept.solution[..., -1:]
                found = problem.measures_of_nodes(self.learner._acting(nodes))
            else:
                found = problem.measures(kept.solution)
        return {name: np.asarray(value).item() for name, value in found.items()}
