"""Base class of the methods whose clients answer with gradients, or sums of them, which may be compressed."""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from trainers.algorithms.base.server_learner import ServerLearner, ServerSettings
from trainers.events.compression import Compression, Compressor
from trainers.problems.objective import Clients, NumpyArray
from wirelessenv.config import ConfigError


class AnswerSettings(ServerSettings):
    """Settings of the methods whose clients answer with gradients."""

    compression: Compression | None = Field(None, description="of clients' answers; none: all of their numbers are sent")


class AnswerLearner(ServerLearner):
    """Clients that answer with a gradient at the x that they were sent, compressed where the settings say so.

    What a biased compression leaves out of an answer a client adds to its next one (error feedback; Stich et al., 2018): with
    e_i = 0 at first, it sends C(e_i + g_i) and keeps e_i = e_i + g_i - C(e_i + g_i). That needs a server that uses every
    answer once; others take unbiased compressions alone. Where the server weighs answers by their age (delay-adaptive, weighted
    FedBuff), what was left out at one weight comes back at another, and error feedback is a heuristic.
    """

    settings: AnswerSettings
    STATE: ClassVar[tuple[str, ...]] = (*ServerLearner.STATE, "_x")
    every_answer: ClassVar[bool] = True
    """True where the server adds up all answers, each once."""

    def _begin(self) -> None:
        self._compressor, self._left_out = None, None
        if self.settings.compression is not None:
            self._begin_compressing(self.settings.compression)
        super()._begin()

    _compressor: Compressor | None
    _left_out: NumpyArray | None
    """e_i, (n, variants, runs, d), where the compression is biased."""

    def _begin_compressing(self, compression: Compression) -> None:
        if not compression.unbiased and not self.every_answer:
            given, learner = compression.dump()["kind"], self.settings.dump()["kind"]
            raise ConfigError(
                f"compression: {given} is not valid for {learner}, whose server does not add up every answer once: use an "
                "unbiased one, rand_k or quantised"
            )
        self._compressor = Compressor(compression, self.problem.size, self.seeds)
        if not compression.unbiased:
            self._left_out = np.zeros((self.problem.clients, self.variants, len(self.seeds), self.problem.size))

    def _first_tasks(self) -> None:
        self._under_way = np.stack([self._answer(client, sample) for client, (sample,) in self._first()])  # 1 of all listings

    def _answer(self, client: Clients, sample: NumpyArray | None) -> NumpyArray:
        """Gradient of a client at x, as the server will receive it."""
        return self._received(client, self.problem.gradient(client, self._x, sample))

    def _received(self, client: Clients, answer: NumpyArray) -> NumpyArray:
        """An answer of a client, (variants, runs, d), as the server will receive it."""
        if self._compressor is None:
            return answer
        if self._left_out is None:
            return self._compressor(answer)
        own: Any = client if isinstance(client, int) else (client, *self._places)
        whole = self._left_out[own] + answer
        sent = self._compressor(whole).astype(answer.dtype, copy=False)
        self._left_out[own] = whole - sent
        return sent

    def measures(self) -> dict[str, NumpyArray]:
        """Measures of `ServerLearner`, whose bits are those of compressed answers where the settings say so."""
        known = super().measures()
        if self._compressor is None:
            return known
        saved = self.iteration * (32 * self.problem.size - self._compressor.bits)
        return known | {"bits": known["bits"] - saved, "entries": (known["bits"] - saved) // 32}

    def state(self) -> dict[str, Any]:
        known = super().state()
        if self._compressor is not None:
            known["compressing"] = self._compressor.state()
        return known if self._left_out is None else known | {"left_out": self._left_out.copy()}

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state(state)
        if self._compressor is not None:
            self._compressor.set_state(state["compressing"])
        if self._left_out is not None:
            self._left_out = np.array(state["left_out"])
