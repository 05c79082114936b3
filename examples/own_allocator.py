"""An allocator of your own in a table, beside full power and WMMSE, on the same held-out slots of the same layouts.

python examples/own_allocator.py [--layouts 10] [--slots 50] [--out runs/own_allocator]
"""

import argparse

import numpy as np


def greedy(gain, noise, p_max):
    """Switch pairs on one by one, the strongest first, as long as the sum rate grows.

    gain (..., m, m) is |h|^2 as [receiver, transmitter]; the powers are (..., m).
    """
    flat = np.asarray(gain).reshape(-1, *gain.shape[-2:])
    own = np.einsum("nii->ni", flat)
    power, best = np.zeros(own.shape), np.zeros(len(flat))
    every = np.arange(len(flat))
    for pair in np.argsort(-own, axis=1).T:
        tried = power.copy()
        tried[every, pair] = p_max
        wanted = own * tried
        interference = np.einsum("nij,nj->ni", flat, tried) - wanted
        rate = np.log2(1 + wanted / (noise + interference)).sum(1)
        better = rate > best
        power[better], best[better] = tried[better], rate[better]
    return power.reshape(gain.shape[:-1])


if __name__ == "__main__":
    from baselines.comparison.compare import compare
    from baselines.comparison.comparison import Comparison

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layouts", type=int, default=10)
    parser.add_argument("--slots", type=int, default=50)
    parser.add_argument("--out", default="runs/own_allocator")
    chosen = parser.parse_args()
    comparison = {
        "scenarios": ["dense"],
        "layouts": chosen.layouts,
        "slots": chosen.slots,
        "methods": {
            "greedy": "own_allocator:greedy",  # module:function; in a YAML file it is written the same
            "greedy, a slot late": {"method": "own_allocator:greedy", "delay": 1},
            "random power": "random_power",
        },
    }
    directory = compare(Comparison.parse(comparison), chosen.out, resume=True)
    print((directory.path / "comparison.md").read_text())
