"""Algorithm 2 of Behmandpoor et al. (2024), with and without messages, and a picture of what the agents earn.

python examples/algorithm_2.py [--iterations 1500] [--layouts 5] [--out algorithm_2.png]
"""

import argparse

import matplotlib.pyplot as plt

from trainers import WirelessProblem, ZerothOrderLearner
from wirelessenv import Messaging

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--iterations", type=int, default=1500)
parser.add_argument("--layouts", type=int, default=5)
parser.add_argument("--out", default="algorithm_2.png")
chosen = parser.parse_args()

AWAKE = {"update": 0.5, "transmit": 0.5}  # an agent learns, and sends to a neighbour, in half of the instants
late = Messaging(graph={"kind": "block", "kappa": 6}, activity=AWAKE, links={"delay": 1})
seeds = list(range(chosen.layouts))


def learner(links, **settings):
    """All layouts side by side."""
    return ZerothOrderLearner(WirelessProblem("dense", seed=seeds), links, smoothing=0.2, seed=seeds, **settings)


LEARNERS = {
    "told by all, at once": learner(Messaging(preset="centralised")),
    "told by neighbours, late": learner(late),
    "told by nobody": learner(late, cooperative=False),
}
ends = {}
for name, one in LEARNERS.items():
    iterations, earned = [], []
    while one.iteration < chosen.iterations:
        one.learn(max(1, chosen.iterations // 30))
        found = one.measures()  # arrays of (variants, layouts)
        iterations.append(one.iteration)
        earned.append((found["utility"] / found["full_power_utility"]).mean())
    plt.plot(iterations, earned, label=name)
    ends[name] = earned[-1]
plt.axhline(1, color="grey", linestyle=":", label="full power")
plt.xlabel("iteration")
plt.ylabel("total utility / full power")
plt.legend()
plt.savefig(chosen.out, dpi=120)
print(f"{chosen.out}: " + ", ".join(f"{name} {end:.2f}" for name, end in ends.items()))
