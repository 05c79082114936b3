"""PPO of the message-passing network: agents choose powers and messages, and learn both from rewards."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from baselines.comparison.methods import BITS, NeededKnowledge
from baselines.learned.reinforcement import Proximal
from baselines.learned.rows import AlgorithmSetup, stable_baselines3
from baselines.learned.talker import environment_options
from trainers.problems.policies import Width
from wirelessenv.config import ConfigError, Count, CountOrZero
from wirelessenv.envs.settings import Settings
from wirelessenv.messages.activity import Activity
from wirelessenv.messages.links import Links
from wirelessenv.scenario import Scenario


class TalkingPPO(Proximal):
    """PPO whose actor is the network of `MessagePolicy`, shared by all agents, in an environment with learned messages.

    An action is a power and the messages of all rounds, Gaussian, as the network has them for means; the critic sees what the
    agent sees. A message has its effect in a later slot, which is why rewards are discounted, and not of their slot alone.
    """

    kind: Literal["talking_ppo"] = "talking_ppo"
    reward: Literal["own", "sum"] = Field("sum", description="own utility, or the mean of all")
    rounds: Annotated[CountOrZero, Field(le=100)] = Field(2, description="of messages; 0: nobody says anything")
    floats: Annotated[Count, Field(le=1000)] = Field(2, description="numbers in the message of a round")
    neighbours: Count = Field(4, description="agents that an agent hears from: those with the loudest mean gains, both ways")
    width: Width = Field(32, description="numbers in a node")
    links: Links = Field(Links.parse({"delay": 0}), description="how much later than a slot messages are, and loss")
    activity: Activity = Field(Activity(), description="query: the chance that an agent says something new in a slot")

    @model_validator(mode="after")
    def _sees_what_the_network_reads(self) -> Self:
        if "observation" in self.model_fields_set and self.observation != type(self).model_fields["observation"].default:
            raise ValueError("observation: not valid for agents that talk: their network says what it reads")
        return self

    @property
    def knows(self) -> NeededKnowledge:
        return "neighbours" if self.rounds else "own channel"

    @property
    def memory(self) -> int:
        return max(1, self.rounds * (1 + self.links.delay.largest))

    def bits(self, scenario: Scenario) -> float:
        """Bits of a slot: every agent's messages, and how loud it is at each neighbour, which that one feeds back."""
        said = self.rounds * self.floats + self.neighbours if self.rounds else 0
        return float(BITS * scenario.transmitters * said)

    def check(self, scenario: Scenario) -> None:
        if self.rounds and self.neighbours >= scenario.transmitters:
            raise ConfigError(
                f"neighbours: {self.neighbours} is not valid: an agent of {scenario.transmitters} has "
                f"{scenario.transmitters - 1} others"
            )
        super().check(scenario)

    def _settings(self, scenario: Scenario) -> Settings:
        own = {"scenario": scenario, "reward": self.reward, "max_cycles": self.max_cycles}
        return Settings.parse(environment_options(self) | own)

    @property
    def _discount(self) -> float:
        if self.gamma is None:
            return 0.5 if self.rounds else 0.0
        return self.gamma

    def _model(self, scenario: Scenario) -> AlgorithmSetup:
        library = stable_baselines3()
        shape = {"rounds": self.rounds, "floats": self.floats, "hidden": self.width}
        policy_options = {
            "net_arch": {"pi": [], "vf": list(self.hidden)},
            "log_std_init": self.log_std_init,
            "scenario": scenario,
            "neighbours": min(self.neighbours, scenario.transmitters - 1),
            "shape": shape,
        }
        return AlgorithmSetup(library.StagedPPO, library.TalkingActorCritic, policy_options, self._options(scenario))
