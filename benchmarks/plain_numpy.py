"""Algorithm 2 as one writes it first: plain numpy, one run, one iteration after the other. The yardstick for speed.

It does what `ZerothOrderLearner` does in an iteration but count messages; tests/trainers checks the learner's numbers
against an implementation of its own.
"""

import time
from collections.abc import Callable

import numpy as np

HIDDEN, HOPS = 30, 5


def make(  # noqa: PLR0915  # one piece on purpose: what a plain script does
    agents: int = 24, batch: int = 20, kappa: int = 6, probability: float = 0.9
) -> Callable[[int], float]:
    """A function that runs some iterations more and returns milliseconds an iteration.

    Args:
        agents: m.
        batch: B, slots of each query.
        kappa: neighbours in a group.
        probability: of an agent's update, and of a message's arrival.

    Returns:
        The function.
    """
    rng = np.random.default_rng(0)
    transmitters = rng.uniform(-agents, agents, (agents, 2))
    receivers = transmitters + rng.uniform(-agents / 4, agents / 4, (agents, 2))
    distance = np.linalg.norm(receivers[:, None] - transmitters, axis=-1)
    amplitude = (np.maximum(distance, 0.1) ** -2.2).astype(np.float32)
    links = np.zeros((agents, agents), bool)
    for start in range(0, agents - kappa + 1, kappa // 2):
        links[start : start + kappa, start : start + kappa] = True
    np.fill_diagonal(links, False)
    layers = ((HOPS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1))
    theta = np.concatenate(
        [rng.uniform(-1, 1, (agents, i * o + o)).astype(np.float32) / np.float32(np.sqrt(i)) for i, o in layers], axis=1
    )
    memory, mu = 40, np.float32(2)
    perturbations = np.zeros((memory, *theta.shape), np.float32)
    queries = np.zeros((memory, agents), np.float32)
    known = np.full((agents, agents), -1)
    history = np.ones((HOPS, agents), np.float32)
    everybody = np.arange(agents)
    time_now = 0

    def power(parameters: np.ndarray, features: np.ndarray) -> np.ndarray:
        x, at = np.swapaxes(features, 0, 1), 0
        for fan_in, fan_out in layers:
            weights = parameters[:, at : at + fan_in * fan_out].reshape(-1, fan_in, fan_out)
            at += fan_in * fan_out
            x = x @ weights + parameters[:, None, at : at + fan_out]
            at += fan_out
            x = np.maximum(x, 0) if fan_out > 1 else x
        return 10 / (1 + np.exp(-np.clip(x[..., 0].T, -50, 50)))

    def rates(gain: np.ndarray, p: np.ndarray) -> np.ndarray:
        received = np.einsum("tij,tj->ti", gain, p)
        signal = np.einsum("tii->ti", gain) * p
        return np.log2(1 + signal / (1 + received - signal))

    def run(iterations: int) -> float:
        nonlocal history, theta, time_now
        started = time.perf_counter()
        for t in range(time_now, time_now + iterations):
            u = perturbations[t % memory] = rng.standard_normal(theta.shape, dtype=np.float32)
            h = amplitude * np.sqrt(rng.standard_exponential((2 * batch, agents, agents), dtype=np.float32))
            seen = np.where(h >= 0.01, h, 0)
            features = np.empty((2 * batch, agents, HOPS), np.float32)
            for slot, channel in enumerate(seen):
                history = np.concatenate([np.ones_like(history[:1]), history[:-1] @ channel.T])
                features[slot] = history.T
            gain = h * h
            plain = rates(gain[:batch], power(theta, features[:batch])).mean(0)
            perturbed = rates(gain[batch:], power(theta + mu * u, features[batch:])).mean(0)
            queries[t % memory] = (perturbed - plain) / (mu * agents)
            heard = links & (rng.random((agents, agents)) < probability)
            before = known.copy()
            for j in range(agents):
                senders = np.flatnonzero(heard[:, j])
                if len(senders):
                    known[j] = np.maximum(known[j], before[senders].max(0))
            known[everybody, everybody] = t
            usable = (known >= 0) & (t - known < memory)
            weight = np.where(usable, queries[known % memory, everybody], 0)
            direction = np.stack([weight[i] @ perturbations[known[i] % memory, i] for i in everybody])
            awake = rng.random(agents) < probability
            theta = theta + np.float32(0.5 / (t + 1) ** 0.25) * direction * awake[:, None]
        time_now += iterations
        return 1e3 * (time.perf_counter() - started) / iterations

    return run
