"""TorchRL: many networks side by side as one EnvBase, agents as the group "tx"."""

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from wirelessenv.envs.actions import Actions
from wirelessenv.envs.apart import BatchesApart, Mask
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.settings import Settings, not_drawn
from wirelessenv.extras import missing
from wirelessenv.streams import run_seeds

try:
    import torch
    from tensordict import TensorDict, TensorDictBase
    from torchrl.data import Bounded, Categorical, Composite, TensorSpec, Unbounded
    from torchrl.envs import EnvBase
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("torch", "tensordict", "torchrl"):
        raise
    raise ModuleNotFoundError(missing("wirelessenv.integrations.torchrl", "torchrl", "torchrl")) from None

GROUP = "tx"
"""The agents' key, as TorchRL's own wrapper of the PettingZoo form has it."""
RARE = frozenset({"next", "_step", "_reset"})
"""Entries of a TensorDict that `EnvBase` takes care of."""


class PowerControlTorchEnv(EnvBase):  # type: ignore[misc]  # TorchRL ships no types
    """`num_envs` networks of m agents: batch size (E,), and in each of its entries the agents' rows (m, ...) under "tx".

    ("tx", "action") is (E, m, 1), of M bands (E, m, M), with learned messages (E, m, 1 + size), with discrete actions whole
    numbers (E, m); ("tx", "observation") (E, m, size) and ("tx", "reward") (E, m, 1). "done" and "truncated" (E, 1) turn true
    after `max_cycles` slots, "terminated" never does: value estimates go on beyond the end, as is right for a task that has
    none. What follows the last slot stands in "next", what the next episode begins with in the TensorDict after it.

    For the same seed and actions the numbers are those of the other forms. `set_seed(s)` gives the networks the seeds
    s, s + 1, ..., and the next reset begins their first episodes; a reset without it goes on to the next ones. "_reset" (E, 1)
    resets some networks alone: these are stepped as a batch of their own from then on, which takes longer.

    Args:
        num_envs: networks, E.
        scenario: a preset's name, a mapping, or a Scenario.
        seed: as of `set_seed`, or the seeds of all networks, a sequence; without it random ones.
        device: where tensors are handed out; the networks themselves are computed by numpy.
        return_state: the coming slots' gains |h|^2, [receiver, transmitter], as "state" (E, m * m), too.
        return_info: numbers of the last slot as ("tx", "info"), too: rate, sinr_db, power and ages, each (E, m, 1);
            of M bands sinr_db and power are (E, m, M).
        render_mode: must be None: only single environments are drawn.
        options: the other fields of `wirelessenv.envs.settings.Settings`, as in every form of the environment;
            `max_episode_steps` is another name of `max_cycles`.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """

    @tells_options
    def __init__(
        self,
        num_envs: int = 1,
        scenario: AScenario = "dense",
        seed: int | Sequence[int] | None = None,
        *,
        device: Any = "cpu",
        return_state: bool = False,
        return_info: bool = False,
        render_mode: None = None,
        **options: Unpack[Options],
    ) -> None:
        own = ("num_envs", "seed", "device", "return_state", "return_info", "render_mode")
        self.settings = Settings.of(scenario, options, *own)
        not_drawn(render_mode)
        self.scenario, self.max_cycles = self.settings.scenario, self.settings.max_cycles
        batches, self._actions = BatchesApart(self.settings, num_envs), Actions(self.settings)
        super().__init__(device=torch.device(device), batch_size=(batches.environments,))
        self._batches, self._return_state, self._return_info = batches, return_state, return_info
        self._shape = torch.Size((batches.environments, batches.agents))
        self._rows = (batches.environments * batches.agents, *(self._actions.space(0).shape or ()))
        self.group_map = {GROUP: [f"{GROUP}_{i}" for i in range(batches.agents)]}
        self._next_seeds = None if seed is None else self._checked(seed)
        self._make_specs()

    def _make_specs(self) -> None:
        environments, agents = self._shape
        whole = self._batches.whole
        seen = {"observation": self._unbounded(*(whole.joint_observation_space().shape or ()))}
        if self._return_info:
            ages = () if self.settings.messages is None else ("largest_age", "mean_age")
            widths = {"rate": 1, "sinr_db": self.scenario.bands, "power": self.scenario.bands} | dict.fromkeys(ages, 1)
            told = {name: self._unbounded(agents, width) for name, width in widths.items()}
            seen["info"] = Composite(told, shape=self._shape)
        shown = {GROUP: Composite(seen, shape=self._shape)}
        if self._return_state:
            shown["state"] = self._unbounded(*whole.state_space().shape)
        flag = {name: Categorical(2, shape=(environments, 1), dtype=torch.bool) for name in ("done", "terminated", "truncated")}
        for name, spec in {
            "observation_spec": Composite(shown, shape=self._shape[:1]),
            "action_spec": self._grouped({"action": self._action_spec()}),
            "reward_spec": self._grouped({"reward": self._unbounded(agents, 1)}),
            "done_spec": Composite(flag, shape=self._shape[:1]),
        }.items():
            setattr(self, name, spec.to(self.device))

    def _unbounded(self, *shape: int) -> TensorSpec:
        return Unbounded((self._shape[0], *shape), dtype=torch.float32)

    def _grouped(self, specs: dict[str, TensorSpec]) -> Composite:
        return Composite({GROUP: Composite(specs, shape=self._shape)}, shape=self._shape[:1])

    def _action_spec(self) -> TensorSpec:
        space: Any = self._actions.space(0)  # a Box, unless actions are discrete
        if self.settings.actions == "discrete":
            return Categorical(int(space.n), shape=self._shape, dtype=torch.int64)
        each: list[Any] = [self._actions.space(agent) for agent in range(self._shape[1])]
        low, high = (torch.from_numpy(np.stack([getattr(one, end) for one in each])) for end in ("low", "high"))
        low, high = (bound.expand(*self._shape, -1).clone() for bound in (low, high))
        return Bounded(low, high, dtype=torch.float32)

    def _checked(self, seed: int | Sequence[int]) -> tuple[int, ...]:
        """Seeds of all networks; raises ConfigError where these are none."""
        given = run_seeds(seed)
        if isinstance(seed, int | np.integer):
            given = tuple(range(given[0], given[0] + self._shape[0]))
        self._batches.whole.check_seeds(given)
        return given

    def _set_seed(self, seed: int | None) -> None:
        self._next_seeds = self._checked(int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed)

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        mask = None if tensordict is None else self._mask(tensordict, "_reset")
        self._batches.reset(self._next_seeds, mask)
        self._next_seeds = None
        return self._told(paid=False)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        self._play(tensordict.get((GROUP, "action")), self._mask(tensordict, "_step"))
        return self._told(paid=True)

    def _play(self, action: torch.Tensor, mask: Mask | None) -> None:
        """Use a tensor of actions in the current slot."""
        chosen = self._actions.of_array(action.numpy(force=True).reshape(self._rows), self._rows, self._shape[1])
        self._batches.step(*chosen, mask)

    def step_and_maybe_reset(self, tensordict: TensorDictBase) -> tuple[TensorDictBase, TensorDictBase]:
        """Step, and reset where episodes are over, as `EnvBase` does, whose search for keys takes longer than a network's slot.

        Args:
            tensordict: with actions; masks and entries for "next" are left to `EnvBase`.

        Returns:
            The same TensorDict with "next", and the one with which the next step begins.
        """
        plain = type(tensordict) is TensorDict and tensordict.device == self.device and tensordict.batch_size == self.batch_size
        if not plain or not RARE.isdisjoint(entries := tensordict._tensordict) or not isinstance(self._batches.over(), bool):
            return super().step_and_maybe_reset(tensordict)  # type: ignore[no-any-return]  # TorchRL ships no types
        group = entries[GROUP]._tensordict  # plain dictionaries: TensorDict's look-ups cost as much as a slot
        self._play(group["action"], None)
        after = self._told(paid=True)
        tensordict._set_str("next", after, inplace=False, validated=True)
        seen = (self._told(paid=False) if self._begun_again() else after)._tensordict
        rest = {**entries, **seen, GROUP: self._made({**group, **seen[GROUP]._tensordict}, self._shape)}
        del rest["next"]
        rest[GROUP]._tensordict.pop("reward", None)
        return tensordict, self._made(rest, tensordict.batch_size)

    def _begun_again(self) -> bool:
        """Begin the next episodes where the last ones are over, all together."""
        over = bool(self._batches.over())
        if over:
            self._batches.reset()
        return over

    def _mask(self, tensordict: TensorDictBase, name: str) -> Mask | None:
        """Networks that a TensorDict chooses, (E,); None: all."""
        chosen = tensordict.get(name, None)
        return None if chosen is None else np.asarray(chosen.detach().cpu().numpy(), bool).reshape(self._shape[0])

    def _told(self, *, paid: bool) -> TensorDictBase:
        """A TensorDict about the coming slot, with rewards of the last one where these are `paid`."""
        read, flag, tensor = self._batches.read, (self._shape[0], 1), self._tensor_maker()
        seen: dict[str, Any] = {"observation": tensor(read(Batch.observations))}
        if paid:
            seen["reward"] = tensor(read(Batch.rewards)[..., None])
        if self._return_info:
            rows = self._batches.infos().items()
            infos = {name: tensor(values.reshape(*self._shape, -1)) for name, values in rows}
            seen["info"] = self._made(infos, self._shape)
        over = self._batches.over()
        done = np.full(flag, over) if isinstance(over, bool) else over.reshape(flag)
        told = {
            GROUP: self._made(seen, self._shape),
            "done": tensor(done),
            "terminated": tensor(np.zeros(flag, bool)),
            "truncated": tensor(done.copy()),
        }
        if self._return_state:
            told["state"] = tensor(read(Batch.state))
        return self._made(told, self.batch_size)

    def _made(self, entries: dict[str, Any], shape: torch.Size) -> TensorDictBase:
        """A TensorDict whose entries are known to have its shape and device: its constructor takes four times as long."""
        return TensorDict._new_unsafe(entries, batch_size=shape, device=self.device)

    def _tensor_maker(self) -> Callable[[NDArray[Any]], torch.Tensor]:
        """The function that makes a tensor on the device of an array: on a CPU without a copy."""
        device = self.device
        return torch.from_numpy if device.type == "cpu" else lambda values: torch.from_numpy(values).to(device)
