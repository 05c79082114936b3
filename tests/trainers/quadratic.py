"""Problems whose gradients are known, in the form that a learner sees."""

import numpy as np
import torch

from trainers.problems.policies import Policies


class QuadraticProblem:
    """Utilities -f_i(theta), f_i = theta' H_i theta / 2 + b_i' theta over all agents' parameters; no noise, alike in all runs.

    H_i (agents, n, n), b_i (agents, n), n = agents * size. The "policies" have no network: only their size is used.
    """

    device, slot_seconds, slots = "cpu", float("nan"), 0

    def __init__(self, hessians, linear, size, start, seeds=(0,)):
        self.seeds, self.agents = tuple(seeds), len(linear)
        self.hessians, self.linear = torch.as_tensor(hessians), torch.as_tensor(linear)
        self.policies = Policies(1, 1, 0.0, 1.0)
        self.policies.size = size
        self.policies.initial = lambda seeds, agents: (
            torch.as_tensor(start, dtype=torch.float32).view(agents, size).repeat(len(seeds), 1, 1)
        )

    def positions(self):
        return None

    def utilities(self, parameters):
        """(..., variants, agents) of (..., agents, variants, size)."""
        flat = parameters.movedim(-2, -3).flatten(-2).double()
        quadratic = torch.einsum("...p,ipq,...q->...i", flat, self.hessians, flat) / 2
        return -(quadratic + torch.einsum("...p,ip->...i", flat, self.linear))

    def measure(self, parameters, batch, common_noise):
        return self.utilities(parameters).float()

    def evaluate(self, parameters):
        return self.utilities(parameters).sum(-1).numpy()

    def full_power_utility(self):
        return np.full(len(self.seeds), np.nan)

    def configuration(self):
        return {}

    def state(self):
        return {}

    def set_state(self, state):
        pass
