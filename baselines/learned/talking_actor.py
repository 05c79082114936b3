"""A policy of Stable-Baselines3 whose actor is the message-passing network: a row is an agent with what it sees and hears."""

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from baselines.learned.talker import actions_of
from trainers.problems.message_network import MessageNetwork
from trainers.problems.talking import fit_beforehand
from wirelessenv.scenario import Scenario


class TalkingActor(nn.Module):
    """Means of actions: the power in [-1, 1] and the messages that the network has for an observation."""

    def __init__(self, network: MessageNetwork, agents: int) -> None:
        super().__init__()
        self.network, self._agents = network, agents

    def forward(self, rows: Tensor) -> Tensor:
        return actions_of(self.network, rows, self._agents - 1)


class TalkingActorCritic(ActorCriticPolicy):
    """Gaussian actions around those of a message-passing network, and a critic of its own."""

    def __init__(self, *args: Any, scenario: Scenario, neighbours: int, shape: dict[str, int], **options: Any) -> None:
        self._scenario, self._neighbours, self._shape = scenario, neighbours, shape
        super().__init__(*args, **options)

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        network = MessageNetwork(**self._shape)
        fit_beforehand(network, self._scenario, self._neighbours)
        self.action_net = TalkingActor(network, self._scenario.transmitters)
        rate = lr_schedule(1)
        self.optimizer = self.optimizer_class(self.parameters(), lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]  # as there
