"""Kinds of problems in a configuration, with their constants. A new problem is a subclass with its own kind."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from trainers.problems.image_networks import MeasuredOnSome, tutorial_cnn
from trainers.problems.images import Dataset, Scaling, fashion_mnist_is_there, image_logistic, load
from trainers.problems.inputs import SeenAtOnce
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.objective import Objective
from trainers.problems.policies import PolicySettings
from trainers.problems.problem import Problem
from trainers.problems.quadratic import Quadratic
from trainers.problems.ridge_regression import Features, FineTuning, RidgeRegression
from trainers.problems.talking import Talk, TalkingObjective, TalkingProblem
from trainers.problems.torch_loss import TorchObjective, small_cnn
from trainers.problems.tridiagonal import Tridiagonal
from trainers.problems.wireless import WirelessProblem
from trainers.problems.wireless_objective import WirelessObjective
from wirelessenv.config import ConfigError, Count, NonNegative, Piece, Positive
from wirelessenv.envs.observations import Aggregation
from wirelessenv.imports import failure, imported
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown
from wirelessenv.sources import SourcePath

ClientCount = Annotated[Count, Field(le=100_000)]


def _is_there(reference: Any) -> Any:
    if isinstance(reference, str):
        imported(reference)
    return reference


class ProblemSettings(Piece):
    """Base class of the problems that a configuration can name."""

    @property
    def stand_in(self) -> str:
        """A few words where the data are a stand-in for published ones, for titles and tables; else empty."""
        return ""

    def build(self, scenario: Scenario, policy: PolicySettings, seeds: Sequence[int], device: str) -> Problem:
        """Build the problem of agents with policies of their own.

        Args:
            scenario: of the network.
            policy: shape of the policies.
            seeds: one for each run.
            device: "cpu" or "cuda".

        Returns:
            The problem, with a run for each seed.

        Raises:
            ConfigError: where there is no such problem.
        """
        raise ConfigError(f'problem: "{self.kind}" is not valid for learners whose agents exchange scalars: use wireless')  # type: ignore[attr-defined]  # every member has a kind

    @abstractmethod
    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        """Build the costs of n clients, for gradient methods.

        Args:
            scenario: of the network, for problems on one.
            policy: shape of the policy, for problems that have one.
            seed: of the run.
            shared: one client with the mean of all costs, where they differ.

        Returns:
            The objective of one run.

        Raises:
            ConfigError: where settings cannot be used.
        """


class WirelessSettings(ProblemSettings):
    """The scenario's wireless network, batched; for gradient methods with one policy that all transmitters copy."""

    kind: Literal["wireless"] = "wireless"
    evaluation_slots: Count = Field(400, description="slots kept for evaluation, the same at every evaluation")
    bank_slots: Count = Field(400, description="gradient methods: slots that costs are averages over")
    batch: Count = Field(20, description="gradient methods: slots of a sample; a tick lasts as many")
    observation: SeenAtOnce = Field((Aggregation(),), description="the parts that policy inputs are joined of")
    evaluation: Literal["layout", "present"] = Field(
        "layout",
        description="where the network moves: on slots that set out from the layout, on other ways; or, agents with policies "
        "of their own, of the places of the present, full power's, too",
    )
    undecided: NonNegative = Field(
        0.0, description="gradient methods: weight of a transmitter's squared logit in its cost, which keeps it from saturating"
    )

    def build(self, scenario: Scenario, policy: PolicySettings, seeds: Sequence[int], device: str) -> Problem:
        return WirelessProblem(scenario, policy, seeds, self.evaluation_slots, device, self.observation, self.evaluation)

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        if self.evaluation != "layout":
            raise ConfigError(f'problem.evaluation: "{self.evaluation}" is not valid for gradient methods: they have no walk')
        slots = {"batch": self.batch, "bank_slots": self.bank_slots, "evaluation_slots": self.evaluation_slots}
        own: dict[str, Any] = {"observation": self.observation, "undecided": self.undecided}
        return WirelessObjective(scenario, policy, seed, together=shared, **slots, **own)


class TalkingSettings(Talk, ProblemSettings):
    """The same network, where everybody runs a message-passing network, whose messages arrive within the slot."""

    kind: Literal["talking"] = "talking"
    evaluation_slots: Count = Field(400, description="slots kept for evaluation, the same at every evaluation")
    bank_slots: Count = Field(400, description="gradient methods: slots that costs are averages over")
    batch: Count = Field(20, description="gradient methods: slots of a sample; a tick lasts as many")
    undecided: NonNegative = Field(
        0.0, description="gradient methods: weight of a transmitter's squared logit in its cost, which keeps it from saturating"
    )

    @property
    def _talk(self) -> Talk:
        return Talk(**{name: getattr(self, name) for name in Talk.model_fields})

    def build(self, scenario: Scenario, policy: PolicySettings, seeds: Sequence[int], device: str) -> Problem:
        if device != "cpu":
            raise ConfigError(f"device: {device} is not valid for agents that talk: use cpu")
        return TalkingProblem(scenario, self._talk, seeds, self.evaluation_slots)

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        slots = {"batch": self.batch, "bank_slots": self.bank_slots, "evaluation_slots": self.evaluation_slots}
        return TalkingObjective(scenario, self._talk, seed, together=shared, undecided=self.undecided, **slots)


class QuadraticSettings(ProblemSettings):
    """Settings of a quadratic with chosen eigenvalues: see `Quadratic`."""

    kind: Literal["quadratic"] = "quadratic"
    size: Annotated[Count, Field(le=4096)] = 10
    smallest: Positive = 1.0
    largest: Positive = 2.0
    clients: ClientCount = 1
    noise: NonNegative = 0.0

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        clients = 1 if shared else self.clients
        return Quadratic(self.size, self.smallest, self.largest, clients=clients, noise=self.noise, seed=seed)


class TridiagonalSettings(ProblemSettings):
    """Settings of tridiagonal quadratics of clients that are alike or differ: see `Tridiagonal`."""

    kind: Literal["tridiagonal"] = "tridiagonal"
    clients: ClientCount = 10
    size: Annotated[Count, Field(le=4096)] = 20
    spread: NonNegative = Field(0.0, description="s: how far clients' costs are apart")
    smallest: Positive | None = Field(None, description="smallest eigenvalue of f's Hessian; none: what the matrices give")
    noise: NonNegative = 0.0

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        own = {"smallest": self.smallest, "noise": self.noise}
        if shared and self.spread:
            raise ConfigError("problem.spread: clients that differ are not valid for nodes that share one cost: use 0")
        return Tridiagonal(1 if shared else self.clients, self.size, self.spread, seed=seed, **own)  # type: ignore[arg-type]  # each of its own type


class LeastSquaresSettings(ProblemSettings):
    """Settings of least squares with chosen heterogeneity: see `LeastSquares`."""

    kind: Literal["least_squares"] = "least_squares"
    clients: ClientCount = 4
    size: Count = 10
    zeta: NonNegative = 1.0
    noise: NonNegative = 0.0
    scales: tuple[NonNegative, ...] | None = None
    start: Literal["minimiser_plus_one", "zero"] = Field(
        "minimiser_plus_one", description="x_0: x* + 1, from where the way to x* does not depend on zeta, or 0"
    )

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        own = {"noise": self.noise, "scales": self.scales, "start": self.start}
        return LeastSquares(self.clients, self.size, self.zeta, seed=seed, **own)  # type: ignore[arg-type]  # each of its own type


class LogisticSettings(ProblemSettings):
    """Settings of logistic regression where every client has all of the data: see `Logistic.gaussian`."""

    kind: Literal["logistic"] = "logistic"
    samples: Count = 100
    size: Count = 20
    clients: ClientCount = 1
    batch: Count = 1
    regulariser: Literal["l2", "nonconvex"] = "l2"
    weight: NonNegative = 0.0

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        law = {"batch": self.batch, "regulariser": self.regulariser, "weight": self.weight}
        return Logistic.gaussian(self.samples, self.size, clients=1 if shared else self.clients, seed=seed, **law)


class ImageSettings(ProblemSettings):
    """Base class of the problems on images: which ones, and where their files are."""

    dataset: Dataset = Field(
        "digits",
        description="fashion_mnist or cifar10, from folder, or the stand-in digits; fashion_mnist_or_digits becomes the first "
        "whose files are there",
    )
    folder: SourcePath | None = Field(
        None,
        description="where the published files are; none: fashion_mnist in /usr/share/datasets/fashion-mnist if it is there, "
        "else in the working directory",
    )

    @model_validator(mode="before")
    @classmethod
    def _which_is_there(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("dataset") == "fashion_mnist_or_digits":
            folder = data.get("folder")
            there = fashion_mnist_is_there(folder if isinstance(folder, str) else None)
            return {**data, "dataset": "fashion_mnist" if there else "digits"}
        return data

    @property
    def stand_in(self) -> str:
        return "on the stand-in digits" if self.dataset == "digits" else ""


class ImageLogisticSettings(ImageSettings):
    """Odd against even classes of images, split between clients: see `image_logistic`."""

    kind: Literal["image_logistic"] = "image_logistic"
    clients: ClientCount = 64
    alpha: Positive = Field(0.1, description="of the Dirichlet split: the smaller, the more clients differ")
    batch: Count = 32
    weight: NonNegative = Field(0.05, description="rho, of the non-convex regulariser")
    scaling: Scaling = Field("unit_pixels", description="of the pixels: in [0, 1], raw, of unit norm, or standardised")

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        data = load(self.dataset, self.folder)
        options = {"clients": self.clients, "alpha": self.alpha, "batch": self.batch, "weight": self.weight, "seed": seed}
        return image_logistic(data, scaling=self.scaling, **options)  # type: ignore[arg-type]  # numbers, each of its own type


class CNNSettings(ImageSettings):
    """A convolutional network on images, which all nodes have: see `small_cnn` and `tutorial_cnn`."""

    kind: Literal["cnn"] = "cnn"
    network: Literal["small", "tutorial"] = Field(
        "small", description="tutorial: that of TensorFlow's tutorial, to which Tosi and Theobald (2023) refer"
    )
    width: Annotated[Count, Field(le=1024)] = Field(8, description="small: channels of the first convolution")
    batch: Annotated[Count, Field(le=10_000)] = 32
    summed: bool = Field(True, strict=True, description="costs are sums over the batch, not means")
    measured: Count | None = Field(
        None, description="rows whose mean loss is measured, and nothing else; none: cost, gradient and loss of all rows"
    )

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        import torch  # noqa: PLC0415  # only this problem needs its functions

        data = load(self.dataset, self.folder)
        channels, side = data.images.shape[1:3]
        module = tutorial_cnn(channels, side) if self.network == "tutorial" else small_cnn(channels, side, width=self.width)
        loss = torch.nn.CrossEntropyLoss(reduction="sum" if self.summed else "mean")
        given: dict[str, Any] = {"loss": loss, "batch": self.batch, "summed": self.summed}
        if self.measured is None:
            return TorchObjective(module, data.images, data.labels, **given)
        return MeasuredOnSome(module, data.images, data.labels, measured=self.measured, **given)


class TorchLossSettings(ProblemSettings):
    """A torch network and its loss of a user's own, from a function: see `TorchObjective`."""

    kind: Literal["torch_loss"] = "torch_loss"
    function: Annotated[str, BeforeValidator(_is_there)] = Field(
        description="module:function; called with the seed of the run and `options`, it returns a TorchObjective"
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of the function")

    def made_of(self) -> tuple[Any, ...]:
        return (imported(self.function),)

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        try:
            made = imported(self.function)(seed=seed, **self.options)
        except ConfigError as error:
            raise ConfigError(f"problem.function: {self.function}: {error}") from error
        except (Exception, SystemExit) as error:
            raise ConfigError(f"problem.function: {self.function} has failed, {failure(error)}") from error
        if not isinstance(made, Objective):
            raise ConfigError(
                f"problem.function: {self.function} returned {shown(made)}: it should return a TorchObjective, or an Objective"
            )
        if shared and made.clients > 1:
            raise ConfigError(
                f"problem.function: {self.function} returned costs of {made.clients} clients: the nodes of this learner share "
                "one cost, so one client is needed"
            )
        return made


class RidgeRegressionSettings(ProblemSettings):
    """Settings of ridge regression over clients that differ: see `RidgeRegression`."""

    kind: Literal["ridge_regression"] = "ridge_regression"
    features: Features = "local_sets"
    clients: ClientCount = 10
    size: Annotated[Count, Field(le=4096)] = 30
    batch: Count = 20
    local_vectors: Count = 20
    test_samples: Count = 200
    common: NonNegative = 0.3
    spread: NonNegative = 0.7
    noise: NonNegative = 0.5
    condition: Positive = 10.0
    inner_step_size: NonNegative = Field(0.1, description="alpha of the steps before a test")
    budget: Annotated[Count, Field(le=10_000)] = Field(5, description="the largest number of steps before a test")
    fine_tuning: FineTuning = Field("exact", description="steps before a test: on the exact costs, or on batches")

    def objective(self, scenario: Scenario, policy: PolicySettings, seed: int, *, shared: bool = False) -> Objective:
        return cast(Objective, RidgeRegression(**self.model_dump(exclude={"kind"}), seed=seed))
