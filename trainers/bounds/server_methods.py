"""Step sizes and times of the methods with a server on clients of fixed speeds, as their papers give them.

Symbols: L the smoothness of f, sigma^2 the variance of a client's gradient, Delta = f(x_0) - f*, eps the squared gradient
that is asked for, tau_i seconds that client i takes, n clients. Times are without their constants.
"""

from collections.abc import Sequence

import numpy as np


def ringmaster_step(smoothness: float, threshold: int) -> float:
    """The largest step of Ringmaster ASGD, 1 / (2 R L); noise asks for at most eps / (4 L sigma^2), too.

    Source: Maranjyan et al. (2025), the theorem on iterations.

    Args:
        smoothness: L of f.
        threshold: R.

    Returns:
        The step size eta.

    >>> ringmaster_step(1.0, 4)
    0.125
    """
    return 1 / (2 * threshold * smoothness)


def minibatch_step(smoothness: float) -> float:
    """The largest step of Rennala and Malenia SGD, 1 / L; noise asks for at most eps S / (2 L sigma^2), too.

    Source: Tyurin and Richtarik (2023), the theorems on iterations.
    """
    return 1 / smoothness


def ringleader_step(smoothness: float, clients: int) -> float:
    """The largest step of Ringleader ASGD, 1 / (8 n L); noise asks for at most eps B / (10 L sigma^2), too.

    Source: Maranjyan and Richtarik (2025), the theorem on iterations.

    Args:
        smoothness: their L, between that of f and the root mean square of those of the f_i.
        clients: n.

    Returns:
        The step size gamma.

    >>> ringleader_step(1.0, 4)
    0.03125
    """
    return 1 / (8 * clients * smoothness)


def delay_adaptive_step(smoothness: float, concurrency: int) -> float:
    """The largest step of delay-adaptive Async-SGD, 1 / (4 L tau_C) (Koloskova et al., 2022).

    Args:
        smoothness: L of f.
        concurrency: tau_C, tasks under way at a time.

    Returns:
        The step size eta of gradients that are not older than tau_C.
    """
    return 1 / (4 * smoothness * concurrency)


def fedbuff_step(smoothness: float, server_step: float, local_steps: int) -> float:
    """The largest step of FedBuff's clients: eta eta_g Q is at most 1 / L (Nguyen et al., 2022, the theorem on its rate).

    Args:
        smoothness: L of the f_i.
        server_step: eta_g.
        local_steps: Q.

    Returns:
        The step size eta of the clients.
    """
    return 1 / (smoothness * server_step * local_steps)


def ringmaster_threshold(variance: float, target: float) -> int:
    """The threshold R of Ringmaster ASGD and the batch S of Rennala SGD, max(1, sigma^2 / eps rounded up).

    Args:
        variance: sigma^2.
        target: eps.

    Returns:
        R, in steps of x; or S, in gradients.

    >>> ringmaster_threshold(0.5, 0.01), ringmaster_threshold(0.0, 0.01)
    (50, 1)
    """
    return max(1, int(np.ceil(round(variance / target, 9))))


def equal_costs_time(seconds: Sequence[float], variance: float, target: float, gap: float = 1.0) -> float:
    """The best time where clients have the same costs, of Rennala SGD and Ringmaster ASGD.

    min over m of (mean over the m fastest of 1 / tau_i)^-1 (L Delta / eps) (1 + sigma^2 / (m eps))

    Source: Tyurin and Richtarik (2023), the lower bound of Rennala SGD.

    Args:
        seconds: tau_i.
        variance: sigma^2.
        target: eps.
        gap: L Delta.

    Returns:
        Seconds, without the constant.

    >>> equal_costs_time([1.0, 1000.0], variance=0.0, target=1.0), equal_costs_time([2.0, 2.0], variance=4.0, target=1.0)
    (1.0, 6.0)
    """
    counts = np.arange(1, len(seconds) + 1)
    harmonic = counts / np.cumsum(1 / np.sort(np.asarray(seconds, float)))
    return float((harmonic * (gap / target + variance * gap / (counts * target**2))).min())


def different_costs_time(seconds: Sequence[float], variance: float, target: float, gap: float = 1.0) -> float:
    """The best time where costs differ, of Malenia and Ringleader: (L Delta / eps) (tau_max + tau_avg sigma^2 / (n eps)).

    Source: Tyurin and Richtarik (2023), the lower bound of Malenia SGD.

    Args:
        seconds: tau_i.
        variance: sigma^2.
        target: eps.
        gap: L Delta.

    Returns:
        Seconds, without the constant.

    >>> different_costs_time([1.0, 3.0], variance=2.0, target=1.0)
    5.0
    """
    each = np.asarray(seconds, float)
    return float(gap / target * (each.max() + each.mean() * variance / (len(each) * target)))


def synchronous_time(seconds: Sequence[float], variance: float, target: float, gap: float = 1.0) -> float:
    """The time of Sync-SGD, whose rounds wait for the slowest: tau_max (L Delta / eps) (1 + sigma^2 / (n eps)).

    Source: Tyurin and Richtarik (2023), Table 1 (minibatch SGD).

    Args:
        seconds: tau_i.
        variance: sigma^2.
        target: eps.
        gap: L Delta.

    Returns:
        Seconds, without the constant.

    >>> synchronous_time([1.0, 3.0], variance=2.0, target=1.0)
    6.0
    """
    return max(seconds) * gap / target * (1 + variance / (len(seconds) * target))
