"""Step-size bounds and rates of DASGD (Tosi and Theobald, 2023).

Symbols: L the smoothness of f; r_0 = f(x_0) - f*; T steps of a node; Q and sigma bound gradients and their noise; S_avg,
S_max and their loose forms S^ as `trainers.events.staleness.Staleness`.

Corrections of what is printed:
1. (11): the first term is sigma^2 / eps^2, as in (12); its proof has sigma^2. Both step sizes also have to be at most
   1 / (2 L), which Lemma 6 asks for and S_avg < 1/2 would break; L >= 1 is asked for where its proof simplifies.
"""

from math import sqrt


def dasgd_step(smoothness: float, average: float) -> float:
    """The largest step where gradients are bounded: min{1 / (4 L S_avg), 1 / (2 L)} (Tosi and Theobald, 2023, Theorem 1).

    Args:
        smoothness: L of f.
        average: S_avg.

    Returns:
        The step size eta.

    >>> dasgd_step(smoothness=4.0, average=2.0)
    0.03125
    """
    return 1 / max(4 * smoothness * average, 2 * smoothness)


def dasgd_step_loose(smoothness: float, average: float, largest: float) -> float:
    """The largest step where gradients may be unbounded: min{1 / (4 L sqrt(S^_avg S^_max)), 1 / (2 L)}.

    Source: Tosi and Theobald (2023), Theorem 1.

    Args:
        smoothness: L of f.
        average: S^_avg, of the loose staleness.
        largest: S^_max, of the loose staleness.

    Returns:
        The step size eta.

    >>> dasgd_step_loose(smoothness=4.0, average=2.0, largest=8.0)
    0.015625
    """
    return dasgd_step(smoothness, sqrt(average * largest))


def dasgd_bound(
    step: float, steps: int, gap: float, *, smoothness: float, noise: float, gradient: float, average: float
) -> float:
    """A bound of (1/(T+1)) sum_t E||grad f(x_i^t)||^2 for gradients of norm at most Q.

    Source: Tosi and Theobald (2023), Appendix A.2.2.

    2 r_0 / (eta (T+1)) + 3 L eta sigma^2 + L^2 S_avg^2 eta^2 Q^2, for every node i.

    Args:
        step: eta, up to `dasgd_step`.
        steps: T, of one node.
        gap: r_0 = f(x_0) - f*.
        smoothness: L of f.
        noise: sigma, where E||grad F(x, xi) - grad f(x)||^2 <= sigma^2.
        gradient: Q.
        average: S_avg.

    Returns:
        The bound, in units of a squared gradient.
    """
    first = 2 * gap / (step * (steps + 1))
    return first + 3 * smoothness * step * noise**2 + (smoothness * average * step * gradient) ** 2


def dasgd_bound_loose(step: float, steps: int, gap: float, *, smoothness: float, noise: float) -> float:
    """The bound without bounded gradients: 7 r_0 / (3 eta (T+1)) + (14/3) L eta sigma^2.

    Source: Tosi and Theobald (2023), Appendix A.2.2.

    Args:
        step: eta, up to `dasgd_step_loose`.
        steps: T, of one node.
        gap: r_0 = f(x_0) - f*.
        smoothness: L of f.
        noise: sigma, where E||grad F(x, xi) - grad f(x)||^2 <= sigma^2.

    Returns:
        The bound, in units of a squared gradient.
    """
    return 7 * gap / (3 * step * (steps + 1)) + 14 / 3 * smoothness * step * noise**2
