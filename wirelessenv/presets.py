"""The named settings of `Scenario` and `Messaging`: what researchers compare on, each with its source."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from wirelessenv.config import Document, Model, merge, nearest, read_configuration
from wirelessenv.sentences import cut

_PAPER: dict[str, Any] = {
    "transmitters": 24,
    "placement": {"kind": "uniform", "half_width": 1.0, "receiver_offset": 0.25},
    "path_loss": {"kind": "power_law", "amplitude_exponent": 2.2, "smallest_distance": 0.1},
    "fading": {"kind": "rayleigh"},
    "utility": {"kind": "rate"},
}
_DENSE = _PAPER | {
    "placement": {"kind": "uniform", "half_width": 0.25, "receiver_offset": 0.125},
    "observation_scale": "log1p",
}
_D2D: dict[str, Any] = {
    "transmitters": 50,
    "placement": {"kind": "pairs", "side": 1000.0, "shortest_link": 2.0, "longest_link": 65.0, "smallest_cross": 1.0},
    "path_loss": {"kind": "dual_slope", "carrier": 2.4e9, "transmitter_height": 1.5, "receiver_height": 1.5},
    "shadowing": {"kind": "log_normal", "std_db": 8.0},
    "direct_gain_db": 2.5,
    "max_power": 10.0,
    "noise": 10**-16.9 * 1e-3 * 5e6,
    "threshold": 0.0,
    "observation_scale": "log1p_snr",
}
_CELLULAR: dict[str, Any] = {
    "transmitters": 20,
    "placement": {"kind": "hexagonal", "cells": 10, "inner_radius": 400.0, "smallest_distance": 35.0},
    "path_loss": {"kind": "log_distance", "intercept_db": 128.1, "slope_db": 37.6, "smallest_distance": 35.0},
    "shadowing": {"kind": "log_normal", "std_db": 10.0, "correlation_distance": 10.0},
    "fading": {"kind": "gauss_markov", "doppler": 10.0},
    "max_power": 10**3.8 * 1e-3,
    "noise": 10**-11.4 * 1e-3,
    "sinr_cap_db": 30.0,
    "threshold": 0.0,
    "observation_scale": "log1p_snr",
    "slot_seconds": 0.02,
}
SCENARIOS: dict[str, dict[str, Any]] = {
    "paper": _PAPER,
    "authors": _PAPER | {"fading": {"kind": "real_ar1", "memory": math.sqrt(1 - 0.3), "innovation": math.sqrt(0.3)}},
    "dense": _DENSE,
    "gaussian": _PAPER
    | {"transmitters": 10, "placement": {"kind": "none"}, "path_loss": {"kind": "none"}, "max_power": 1.0}
    | {"threshold": 0.01},
    "d2d": _D2D,
    "d2d_links": _D2D
    | {
        "placement": _D2D["placement"] | {"side": 500.0},
        "shadowing": {"kind": "none"},
        "fading": {"kind": "none"},
        "snr_gap_db": 6.0,
    },
    "cellular": _CELLULAR,
    "cellular_bands": _CELLULAR
    | {
        "placement": _CELLULAR["placement"] | {"cells": 5},
        "path_loss": _CELLULAR["path_loss"] | {"intercept_db": 128.1 - 10 * math.log10(4 / math.pi)},
        "shadowing": {"kind": "log_normal", "std_db": 10.0},
    },
    "uplink": _DENSE | {"association": "uplink", "receivers": 6},
    "drifting": _DENSE
    | {
        "fading": {"kind": "jakes", "speed": 1.0, "carrier": 2.4e9},
        "mobility": {"kind": "random_waypoint", "slowest": 0.05, "fastest": 0.15, "update_slots": 20, "moves": "both"},
    },
}
MESSAGINGS: dict[str, dict[str, Any]] = {
    "paper": {"graph": {"kind": "block", "kappa": 6}, "links": {"delay": {"kind": "constant", "instants": 1}}},
    "centralised": {
        "graph": {"kind": "complete"},
        "links": {"delay": {"kind": "constant", "instants": 0}},
        "relay": False,
    },
}
ABOUT: dict[tuple[str, str], str] = {
    (
        "Scenario",
        "paper",
    ): "Behmandpoor et al. (2024), Section VIII: pairs spread so far that full power is "
    "hard to beat. The smallest distance is ours: the paper gives none, and amplitude d^-2.2 has no bound.",
    (
        "Scenario",
        "authors",
    ): "Behmandpoor et al. (2024) with the fading of its authors' code: real Gaussian AR(1), f' = sqrt(0.7) f + sqrt(0.3) w, "
    "unit power. What else that code does differently is not followed: equal initial weights; agents that do not update do "
    "not perturb; a link works with probability p_rx p_tx; a relayed value needs 2 instants for every hop after the first; the "
    "aggregation sequence has up to K factors and no leading one; rates come from the thinned gains; curves are the running "
    "mean of the training loss; the query lacks 1/m, so that its step of 0.5 is 0.5 m = 12 here.",
    ("Scenario", "dense"): "Ours: `paper` on a sixteenth of the area, where interference matters: full power reaches about 2/3 "
    "of WMMSE.",
    ("Scenario", "gaussian"): "Sun et al., Learning to Optimize (2018): i.i.d. channels without geometry, 10, 20 or 30 pairs.",
    ("Scenario", "d2d"): "Shen et al., Graph Neural Networks for Scalable Radio Resource Management (2021), as their code has "
    "it: metres and watts, 40 dBm of power, noise of -169 dBm/Hz over 5 MHz.",
    (
        "Scenario",
        "d2d_links",
    ): "Cui et al., Spatial Deep Learning for Wireless Scheduling (2019): 50 links in 500 m of the channel "
    "of `d2d` without shadowing or fading, and an SNR gap of 6 dB; schedules are on or off. Links of 2 to 65 m; 30 to 70 m by "
    "placement.shortest_link and placement.longest_link.",
    ("Scenario", "cellular"): "Nasir and Guo, Deep Actor-Critic Learning for Distributed Power Control in Wireless Mobile "
    "Networks (2020): 10 cells and 20 links; 20 cells with 40, 60 or 100 links by transmitters and placement.cells. Metres and "
    "watts, 38 dBm of power, -114 dBm of noise. A user within 35 m of its base station, where it may come in motion, counts as "
    "35 m away.",
    (
        "Scenario",
        "cellular_bands",
    ): "Nasir and Guo, Deep Reinforcement Learning for Joint Spectrum and Power Allocation in Cellular Networks (2021), "
    "as their code has it: 5 cells and 20 links; 10 and 50 by transmitters and placement.cells. Their fading has mean 4 / pi, "
    "which is in the intercept of the path loss here. Their noise is that of each band, and their rates are summed over bands: "
    "for M bands give bands M and M times the noise, and multiply rates by M.",
    (
        "Scenario",
        "uplink",
    ): "Behmandpoor et al. (2024), Section II, m > n: more transmitters than base stations, each served by the nearest. It "
    "gives no numbers: these are those of `dense`, with a base station for every four transmitters.",
    (
        "Scenario",
        "drifting",
    ): "Behmandpoor et al. (2024), Section I-B: `dense` whose pairs move, so that a policy trained once goes stale. Ours: "
    "with 10 m as the unit of length, pedestrians of 0.5 to 1.5 m/s, and fading of 1 m/s at 2.4 GHz.",
    ("Messaging", "paper"): "Behmandpoor et al. (2024), Section VIII, Figure 2, and its authors' code: kappa = 6, links of one "
    "instant, queries always.",
    ("Messaging", "centralised"): "The benchmark: everybody hears everybody at once, always (Algorithm 1 on a complete graph "
    "without delay).",
}
"""Subject and source of each preset."""


class PresetModel(Model):
    """A model with named presets: a name is short for {preset: name}, and other keys change what the preset says."""

    preset: str = Field("paper", description="the preset that all other keys change")

    @classmethod
    @abstractmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        """The presets of this model, as mappings by name."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, data: Any) -> Any:
        data = {"preset": data} if isinstance(data, str) else data
        if not isinstance(data, Mapping):
            return data
        name = data.get("preset", "paper")
        if str(name) not in cls.presets():
            raise ValueError(f'unknown preset "{cut(name)}"{nearest(str(name), cls.presets())}')
        return cls._completed(merge(cls.presets()[str(name)], data), data)

    @classmethod
    def _completed(cls, merged: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of a preset with those `given` beside it, completed by those that follow from them."""
        return merged

    @classmethod
    def of(cls, value: Any) -> Self:
        """A model from a model, a preset's name or a mapping; raises ConfigError with one sentence."""
        return value if isinstance(value, cls) else cls.parse(value, cls.__name__.lower())

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """A model from a YAML file, whose `modules` are imported first; raises ConfigError with one sentence."""
        data = read_configuration(path)
        Document.parse({"modules": data.pop("modules", [])}, str(path))
        return cls.parse(data, str(path))


__all__ = ["ABOUT", "MESSAGINGS", "SCENARIOS", "PresetModel"]
