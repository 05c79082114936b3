"""What a configuration says of the method: which kind, and its settings. A new method is a subclass with its own kind."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD, SyncSGD
from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Learner
from trainers.algorithms.base.message_passing import SMOOTHING, MessagePassingLearner
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.first_order import FirstOrderLearner
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.sgp import SGPLearner
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.events.durations import Constant, Duration
from trainers.events.inboxes import Network
from trainers.events.timetable import Server
from trainers.experiments.strided import Strided
from wirelessenv.config import Count, CountOrZero, Model, NonNegative, Number, Piece, Positive

if TYPE_CHECKING:
    from trainers.experiments.experiment import Curve


class LearnerSettings(Piece):
    """How agents learn."""

    kind: str
    seeds_together: ClassVar[int]
    """Seeds that train side by side."""

    @abstractmethod
    def apart(self, curve: "Curve") -> list[Any]:
        """What must agree, beside the problem, between two curves that train side by side."""

    @classmethod
    @abstractmethod
    def build(cls, curves: "Sequence[Curve]", seeds: Sequence[int], device: str) -> Learner:
        """A learner of some seeds whose variants are the curves. Raises ConfigError where settings do not fit."""


class MessagePassingSettings(LearnerSettings):
    """Agents with policies of their own that pass on measurements; the fields are the arguments of the learner's class."""

    learner: ClassVar[type[MessagePassingLearner]]
    seeds_together = 5  # measured: with 4 curves, the memory of more than about 5 falls out of the cache

    def apart(self, curve: "Curve") -> list[Any]:
        return [self.kind, *(getattr(self, name) for name in self.learner.SHARED)]

    @classmethod
    def build(cls, curves: "Sequence[Curve]", seeds: Sequence[int], device: str) -> Learner:
        settings, learner = [curve.learner for curve in curves], cls.learner
        problem = curves[0].problem.build(curves[0], seeds, device)
        each: dict[str, Any] = {name: [getattr(one, name) for one in settings] for name in learner.EACH}
        shared: dict[str, Any] = {name: getattr(settings[0], name) for name in learner.SHARED}
        return learner(problem, [curve.messaging for curve in curves], seed=problem.seeds, **each, **shared)


class ZerothOrderSettings(MessagePassingSettings):
    """Settings of `ZerothOrderLearner`; the defaults are those of papers/000, Section VIII."""

    learner = ZerothOrderLearner

    kind: Literal["zeroth_order"] = "zeroth_order"
    smoothing: Annotated[Positive, Field(ge=SMOOTHING[0], le=SMOOTHING[1])] = Field(
        2.0, description="mu, the size of the perturbation"
    )
    batch: Count = Field(20, description="B, samples a measurement")
    step_size: NonNegative = Field(0.5, description="gamma_t = step_size / (t + 1)^decay")
    decay: Number = 0.25
    memory: Count = Field(40, description="perturbations that an agent keeps")
    common_noise: bool = Field(False, strict=True, description="both measurements of a query meet the same channels")
    perturb_sleeping: bool = Field(True, strict=True, description="agents that do not update perturb all the same")
    cooperative: bool = Field(True, strict=True, description="false: own queries only, no messages")


class FirstOrderSettings(MessagePassingSettings):
    """Settings of `FirstOrderLearner`, with the defaults of its zeroth-order counterpart."""

    learner = FirstOrderLearner

    kind: Literal["first_order"] = "first_order"
    batch: Count = Field(20, description="B, slots an iteration")
    step_size: NonNegative = Field(0.5, description="gamma_t = step_size / (t + 1)^decay")
    decay: Number = 0.25
    memory: Count = Field(40, description="instants whose parameters and inputs an agent keeps")
    cooperative: bool = Field(True, strict=True, description="false: own gradients only, no messages")


class Target(Model):
    """When a run has arrived: the mean of ||grad f(x)||^power over the last `window` iterations is at most `below`."""

    below: Positive = 0.01
    power: Literal[1, 2] = 1
    window: Annotated[Count, Field(le=1_000_000)] = 20


class GradientSettings(LearnerSettings):
    """Clients or nodes that exchange vectors. Curves that differ in `step_size` alone train side by side."""

    seeds_together = 1  # every run has a problem of its own

    step_size: NonNegative = Field(0.01, description="eta, or theta(1)")
    target: Target | None = Field(None, description="report when a run arrives there, and end it then")
    stride: Count = Field(1, description="updates that are one iteration of the experiment")
    most: Count | None = Field(None, description="iterations after which the curve ends, if before the experiment does")

    def apart(self, curve: "Curve") -> list[Any]:
        return [self.model_dump(mode="json", exclude={"step_size"}, serialize_as_any=True), curve.messaging.dump()]

    @classmethod
    def build(cls, curves: "Sequence[Curve]", seeds: Sequence[int], device: str) -> Learner:
        first = curves[0].learner
        assert isinstance(first, GradientSettings)
        steps = [curve.learner.step_size for curve in curves]  # type: ignore[attr-defined]  # all of this kind
        learner = first.learner_of(curves[0], steps, seeds)
        if first.target is not None:
            learner.watch(first.target.below, first.target.window, first.target.power)
        return Strided(learner, first.stride, first.most)

    @abstractmethod
    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        """The learner with these step sizes side by side."""


class PushSumSettings(GradientSettings):
    """What SGP and PARS-Push share: graph, waking, delays and losses are the curve's messaging."""

    decay: NonNegative = Field(0.0, description="theta(t) = step_size ((1 + offset) / (t + offset))^decay")
    offset: NonNegative = 0.0
    exact: bool = Field(False, strict=True, description="exact gradients instead of samples")


class SGPSettings(PushSumSettings):
    """Settings of `SGPLearner`."""

    kind: Literal["sgp"] = "sgp"

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        objective = curve.problem.objective(curve, seeds[0])
        options: dict[str, Any] = self.model_dump(exclude={"kind", "step_size", "target", "stride", "most"})
        return SGPLearner(objective, curve.messaging, steps, seeds, **options)


class PARSPushSettings(PushSumSettings):
    """Settings of `PARSPushLearner`."""

    kind: Literal["pars_push"] = "pars_push"
    inner_steps: Annotated[CountOrZero, Field(le=10_000)] = Field(0, description="u")
    inner_step_size: NonNegative = Field(0.1, description="alpha")

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        objective = curve.problem.objective(curve, seeds[0])
        options: dict[str, Any] = self.model_dump(exclude={"kind", "step_size", "target", "stride", "most"})
        return PARSPushLearner(objective, curve.messaging, steps, seeds, **options)


class AsyncSGDSettings(GradientSettings):
    """Settings of `AsyncSGD`."""

    kind: Literal["async_sgd"] = "async_sgd"
    server: Server = Server()
    exact: bool = Field(False, strict=True, description="exact gradients: Async-GD")

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        objective = curve.problem.objective(curve, seeds[0])
        return AsyncSGD(objective, self.server, step_size=steps, exact=self.exact, seed=seeds)


class SyncSGDSettings(GradientSettings):
    """Settings of `SyncSGD`; an iteration is a gradient, a round n of them."""

    kind: Literal["sync_sgd"] = "sync_sgd"
    computing: Duration = Constant()
    exact: bool = Field(False, strict=True, description="exact gradients")

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        objective = curve.problem.objective(curve, seeds[0])
        return SyncSGD(objective, self.computing, step_size=steps, exact=self.exact, seed=seeds)


class AsyncBCSettings(GradientSettings):
    """Settings of `AsyncBC`."""

    kind: Literal["async_bc"] = "async_bc"
    server: Server = Server()
    exact: bool = Field(False, strict=True, description="exact gradients: AsyncBC-GD")
    same_sample: bool = Field(True, strict=True, description="both gradients of a difference see the same sample")

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        objective = curve.problem.objective(curve, seeds[0])
        options = {"exact": self.exact, "same_sample": self.same_sample}
        return AsyncBC(objective, self.server, step_size=steps, seed=seeds, **options)


class DASGDSettings(GradientSettings):
    """Settings of `DASGD`; an iteration is a step of one node. All nodes have the same costs."""

    kind: Literal["dasgd"] = "dasgd"
    nodes: Annotated[Count, Field(le=1000)] | None = Field(None, description="n; none: one for each client of the problem")
    network: Network = Network()
    exact: bool = Field(False, strict=True, description="exact gradients")

    def learner_of(self, curve: "Curve", steps: list[float], seeds: Sequence[int]) -> GradientLearner:
        nodes = self.nodes or curve.problem.objective(curve, seeds[0]).clients
        objective = curve.problem.objective(curve, seeds[0], shared=True)
        return DASGD(objective, self.network, nodes=nodes, step_size=steps, exact=self.exact, seed=seeds)
