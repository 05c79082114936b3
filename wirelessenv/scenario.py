"""The two configurations of a network: `Scenario`, its radio, and `Messaging`, who talks to whom, when and how late.

>>> Scenario(preset="dense", noise=0.5).max_power
10.0
>>> Messaging(graph={"kind": "block", "kappa": 6}, activity={"update": 0.9, "transmit": 0.9}).links.delay.largest
1
"""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from wirelessenv.channel.fading import Fading, Rayleigh
from wirelessenv.channel.geometry import NoPlacement, Placement, UniformPlacement
from wirelessenv.channel.path_loss import NoPathLoss, PathLoss, PowerLaw
from wirelessenv.config import Count, Model, NonNegative, Positive, Seed, merge, nearest, read_yaml
from wirelessenv.messages.activity import Activity
from wirelessenv.messages.graph import BlockGraph, CompleteGraph, Graph
from wirelessenv.messages.links import Links
from wirelessenv.physics.utilities import Rate, Utility

# papers/000, Section VIII. The smallest distance is ours: the paper gives none, and amplitude d^-2.2 has no bound.
_PAPER: dict[str, Any] = {
    "transmitters": 24,
    "placement": {"kind": "uniform", "half_width": 1.0, "receiver_offset": 0.25},
    "path_loss": {"kind": "power_law", "amplitude_exponent": 2.2, "smallest_distance": 0.1},
    "fading": {"kind": "rayleigh"},
    "utility": {"kind": "rate"},
}
SCENARIOS: dict[str, dict[str, Any]] = {
    "paper": _PAPER,
    # papers/000 as its authors' code has it: real Gaussian AR(1) fading.
    "authors": _PAPER | {"fading": {"kind": "real_ar1", "memory": 0.7, "innovation": 0.3}},
    # `paper` on a sixteenth of the area, where interference matters: full power reaches about 2/3 of WMMSE.
    "dense": _PAPER
    | {"placement": {"kind": "uniform", "half_width": 0.25, "receiver_offset": 0.125}, "observation_scale": "log1p"},
    # Sun et al., Learning to Optimize (2018): i.i.d. channels without geometry, 10, 20 or 30 pairs.
    "gaussian": _PAPER | {"transmitters": 10, "placement": {"kind": "none"}, "path_loss": {"kind": "none"}, "max_power": 1.0},
}
MESSAGINGS: dict[str, dict[str, Any]] = {
    # papers/000, Section VIII, Figure 2, and its authors' code: kappa = 6; links of one instant; queries always.
    "paper": {"graph": {"kind": "block", "kappa": 6}, "links": {"delay": {"kind": "constant", "instants": 1}}},
    # The benchmark: everybody hears everybody at once, always (Algorithm 1 on a complete graph without delay).
    "centralised": {
        "graph": {"kind": "complete"},
        "links": {"delay": {"kind": "constant", "instants": 0}},
        "relay": False,
    },
}


class _Preset(Model):
    """A model with named presets: a name is short for {preset: name}, and other keys change what the preset says."""

    preset: str = "paper"

    @classmethod
    @abstractmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        """The presets by name."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, data: Any) -> Any:
        data = {"preset": data} if isinstance(data, str) else data
        if not isinstance(data, Mapping):
            return data
        name = data.get("preset", "paper")
        if str(name) not in cls.presets():
            raise ValueError(f'unknown preset "{name}"{nearest(str(name), cls.presets())}')
        return merge(cls.presets()[str(name)], data)

    @classmethod
    def of(cls, value: Any) -> Self:
        """A model from a model, a preset's name or a mapping; raises ConfigError with one sentence."""
        return value if isinstance(value, cls) else cls.parse(value, cls.__name__.lower())

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """A model from a YAML file; raises ConfigError with one sentence."""
        return cls.parse(read_yaml(path), str(path))


class Scenario(_Preset):
    """The radio network.

    Gains are power gains |h|^2; the unit of length is free, and powers and noise share one.
    """

    transmitters: Count = Field(24, description="m: number of agents")
    receivers: Count | None = Field(None, description="base stations of an uplink; none: a receiver for each transmitter")
    association: Literal["ad_hoc", "uplink"] = "ad_hoc"
    placement: Placement = UniformPlacement()
    path_loss: PathLoss = PowerLaw()
    fading: Fading = Rayleigh()
    noise: Positive = Field(1.0, description="noise power")
    max_power: Positive = Field(10.0, description="p_max: powers are in [0, max_power]")
    utility: Utility = Rate()
    hops: Count = Field(5, description="K: length of the aggregation sequence")
    threshold: NonNegative = Field(0.01, description="amplitudes below it are not seen by the policies")
    observation_scale: Literal["raw", "log1p"] = "raw"
    slot_seconds: Positive = Field(0.025, description="duration of a slot")
    layout: Literal["fixed", "per_episode"] = "per_episode"
    layout_seed: Seed = 0

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        return SCENARIOS

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.association == "uplink" and self.receivers is None:
            raise ValueError("receivers: missing: an uplink needs the number of its base stations")
        if self.association == "uplink" and self.receivers is not None and self.receivers >= self.transmitters:
            raise ValueError(
                f"receivers: {self.receivers} is not valid: an uplink has fewer receivers than its "
                f"{self.transmitters} transmitters"
            )
        if self.association == "ad_hoc" and self.receivers not in (None, self.transmitters):
            raise ValueError(
                f"receivers: {self.receivers} is not valid: ad hoc, each of the {self.transmitters} transmitters has its "
                "own; leave it out, or set association to uplink"
            )
        if self.association == "uplink" and isinstance(self.placement, NoPlacement):
            raise ValueError('association: "uplink" is not valid without a placement: no base station is nearest')
        if isinstance(self.placement, NoPlacement) != isinstance(self.path_loss, NoPathLoss):
            raise ValueError('path_loss: a path loss needs positions: use kind "none" for both it and placement, or neither')
        return self


class Messaging(_Preset):
    """Who talks to whom (graph), when agents act (activity), and what happens to messages on their way (links).

    With `relay` agents pass on all they know (papers/000, Algorithm 2), else their own queries only (Algorithm 1).
    """

    graph: Graph = BlockGraph()
    activity: Activity = Field(default_factory=Activity)
    links: Links = Field(default_factory=Links)
    relay: bool = Field(True, strict=True)

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        return MESSAGINGS

    @model_validator(mode="after")
    def _no_delay_needs_no_relay(self) -> Self:
        # Without delay "what the sender held" would depend on the order in which the agents are visited; where all hear all
        # at once, nothing needs to be relayed.
        delay = self.links.delay
        if self.relay and delay.smallest == 0 and (delay.largest > 0 or not isinstance(self.graph, CompleteGraph)):
            raise ValueError(
                "links.delay: 0 is not valid: relayed messages need a delay of at least 1, or none ever on a complete graph"
            )
        return self


__all__ = ["MESSAGINGS", "SCENARIOS", "Messaging", "Scenario"]
