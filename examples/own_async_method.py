"""An asynchronous method of your own: Async-SGD that takes smaller steps for answers that have been under way for longer.

python -m trainers examples/own_async_method.yaml [--seeds 3] [--set iterations=600]

The YAML file beside this one names this module, and draws the method beside Async-SGD and AsyncBC in
runs/own_async_method/figure.png.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from trainers import TorchObjective
from trainers.algorithms.base.server_learner import ServerLearner, ServerSettings
from wirelessenv.config import NonNegative


class StalenessAwareSettings(ServerSettings):
    """The settings of `StalenessAware`."""

    kind: Literal["staleness_aware"] = "staleness_aware"
    power: NonNegative = Field(0.5, description="a: the step of an answer that is s updates old is eta / (1 + s)^a")


class StalenessAware(ServerLearner):
    """x_{t+1} = x_t - eta / (1 + s)^a g, where g is the answer that arrives and s the updates since it was asked for."""

    Settings = StalenessAwareSettings
    STATE = (*ServerLearner.STATE, "_x", "_asked")  # what a checkpoint holds

    def _first_tasks(self):
        first = [self.problem.gradient(client, self._x, sample) for client, (sample,) in self._first()]
        self._under_way = np.stack(first)
        self._asked = np.zeros(self._under_way.shape[:-1], self._x.dtype)  # (tasks, step sizes, runs)

    def _update(self):
        arrived, client, (sample,) = self._next()
        stale = self.iteration - self._asked[arrived][..., None]
        self._x = self._x - self._eta / (1 + stale) ** self.settings.power * self._under_way[arrived]
        self._under_way[arrived] = self.problem.gradient(client, self._x, sample)
        self._asked[arrived] = self.iteration


def rings(seed, clients=4):
    """A network that tells an inner ring from an outer one; each client has the points of one stretch of both."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 200))
    inner = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([inner, 2 * inner]) + rng.normal(scale=0.2, size=(400, 2))
    shares = [np.concatenate([own, own + 200]) for own in np.array_split(np.arange(200), clients)]
    network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    return TorchObjective(network, points, np.repeat([0, 1], 200), shares, batch=16)
