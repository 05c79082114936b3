"""DeComFL (Li et al., 2024): scalars alone travel, since server and clients draw the same perturbations from shared seeds.

 1  for r = 0, 1, ...:
 2      the server draws M of the n clients, and K P seeds, each of which stands for a z ~ N(0, I)
 3      it sends each of them the seeds and mean scalars of all rounds since the client's last one, and the new seeds
 4      each client brings its model to x_r: x = x - eta sum_k (1 / P) sum_p g_kp z_kp of each of these rounds
 5      each client: x_i = x, and for k = 1, ..., K:
 6          draws a batch, g_ikp = (F_i(x_i + mu z_kp) - F_i(x_i)) / mu for p = 1, ..., P, on the same batch
 7          x_i = x_i - eta (1 / P) sum_p g_ikp z_kp
 8      goes back to x_r, and sends all g_ikp
 9      g_kp = (1 / M) sum_i g_ikp;  x = x - eta sum_k (1 / P) sum_p g_kp z_kp

In line 4 a client ends where the server is, so that one x is kept here; the reference keeps all of them. Seeds and scalars
have 32 bits each; no message depends on d. K is `local_steps` and P `directions`. In the first of the local steps all clients
are at the same point and perturb alike, so that they may measure at the same time: on channels only later steps take turns.
"""

from typing import Any, ClassVar, Literal

import numpy as np

from trainers.algorithms.base.query_learner import QueryLearner, QuerySettings
from trainers.problems.objective import NumpyArray
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import stream


class DeComFLSettings(QuerySettings):
    """Settings of dimension-free federated learning."""

    kind: Literal["decomfl"] = "decomfl"


class DeComFL(QueryLearner):
    """DeComFL; see the head of this file. Messages are seeds and scalars of 32 bits.

    Args:
        problem: the n clients' costs.
        links: which clients take part in a round: a `Participation`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `DeComFLSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = DeComFL(LeastSquares(size=3), step_size=0.02, exact=True).learn(10)
    >>> learner.measures()["bits"].tolist()  # 4 clients, 10 rounds: a seed and a scalar each, and, but for the first, 2 before
    [[4864]]
    """

    Settings = DeComFLSettings
    settings: DeComFLSettings
    STATE: ClassVar[tuple[str, ...]] = (*QueryLearner.STATE, "known")

    def _begin(self) -> None:
        super()._begin()
        self.known = np.zeros((len(self.seeds), self.problem.clients), np.int64)
        """Rounds of which each client has had all scalars, (runs, n)."""

    def _round(self, run: int, clients: NumpyArray) -> None:
        settings, size, r = self.settings, self.problem.size, self.iteration
        several = (settings.local_steps, settings.directions)
        shared = stream(self.seeds[run], "shared directions", r).normal(size=(*several, 1, size))  # 2
        self._count(run, clients)  # 3
        points = np.repeat(self.x[:, run, None], len(clients), axis=1)  # 4, 5
        weight = self.step_size / settings.directions
        for z in shared:
            scalars = self._slopes(run, clients, points, z)  # 6, 8
            points -= weight * np.einsum("vpk,pd->vkd", scalars, z[:, 0])  # 7
            self.x[:, run] -= weight[:, 0] * scalars.mean(2) @ z[:, 0]  # 9

    def _count(self, run: int, clients: NumpyArray) -> None:
        """Count what travels in a round: 64 bits a perturbation of each missed round, a new seed and a scalar back."""
        settings, each = self.settings, self.settings.local_steps * self.settings.directions
        missed = int((self.iteration - self.known[run, clients]).sum())
        self.known[run, clients] = self.iteration
        self.messages[run] += 2 * len(clients)
        self.entries[run] += 2 * each * (missed + len(clients))
        self.ticks[run] += (settings.directions + 1) * (1 + (settings.local_steps - 1) * self._turns)

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("known", state["known"], 0, state["iteration"])
        super()._set_state(state)
