"""Step-size bounds and rates of DASGD (Tosi and Theobald, 2023).

Symbols: L the smoothness of f; r_0 = f(x_0) - f*; T steps of a node; Q and sigma bound gradients and their noise; S_avg,
S_max and their loose forms S^ as `trainers.events.staleness.Staleness`.

Corrections of what is printed:
1. (11): the first term is sigma^2 / eps^2, as in (12); its proof has sigma^2. Both step sizes also have to be at most
   1 / (2 L), which Lemma 6 asks for and S_avg < 1/2 would break; L >= 1 is asked for where its proof simplifies.
2. Where the step is chosen (Lemma 17 of Koloskova et al., 2020), r_0 stands for 2 r_0 of (11), and for 7 r_0 / 3 of (12), which
   the lines before have: the terms grow by up to 2 and 7/3. In T the second term of (11) is (Q S_avg)^(2/3) / T^(2/3), as in
   eps, not Q S_avg / T^(2/3).
3. Section 4.1 says that S_max <= sqrt(T) makes DASGD as fast as synchronous SGD. From (12) this follows where sigma > 0, of the
   loose S^: its last term is then at most of the order of 1 / sqrt(T). From (11) it does not: there the second term is of this
   order up to S_avg = T^(1/4). Both need a step within the theorem's, without which far less staleness diverges.
4. Lemma 6 takes the mean over the sample of a gradient given x_i^t. This needs that x_i^t does not depend on the sample: that
   no gradient reaches a node before another one that it was computed with. Messages over unequal ways can break it.
"""

from math import cbrt, inf, sqrt


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


def dasgd_rate(
    steps: int, gap: float, *, smoothness: float, noise: float, gradient: float, average: float, published: bool = False
) -> tuple[float, float]:
    """The step that makes (11) small, and the bound of (1/(T+1)) sum_t E||grad f(x_i^t)||^2 there.

    Source: Tosi and Theobald (2023), Equation (11) and Appendix A.2.2.

    2 (3 L sigma^2 r / (T+1))^(1/2) + 2 (L S_avg Q r / (T+1))^(2/3) + r / (eta_max (T+1)), eta_max of `dasgd_step`;
    r = 2 r_0, where r_0 is printed.

    Args:
        steps: T, of one node.
        gap: r_0 = f(x_0) - f*.
        smoothness: L of f.
        noise: sigma, where E||grad F(x, xi) - grad f(x)||^2 <= sigma^2.
        gradient: Q.
        average: S_avg.
        published: with r = r_0 and eta_max = 1 / (4 L S_avg).

    Returns:
        The step size, and the bound in units of a squared gradient.
    """
    largest = 1 / (4 * smoothness * average) if published and average else dasgd_step(smoothness, average)
    start = gap if published else 2 * gap
    return _tuned(steps, start, 3 * smoothness * noise**2, (smoothness * average * gradient) ** 2, largest)


def dasgd_rate_loose(
    steps: int, gap: float, *, smoothness: float, noise: float, average: float, largest: float, published: bool = False
) -> tuple[float, float]:
    """The step that makes (12) small, and the bound of (1/(T+1)) sum_t E||grad f(x_i^t)||^2 there.

    Source: Tosi and Theobald (2023), Equation (12) and Appendix A.2.4.

    2 (14 L sigma^2 r / (3 (T+1)))^(1/2) + r / (eta_max (T+1)), eta_max of `dasgd_step_loose`; r = 7 r_0 / 3, where r_0 is
    printed.

    Args:
        steps: T, of one node.
        gap: r_0 = f(x_0) - f*.
        smoothness: L of f.
        noise: sigma, where E||grad F(x, xi) - grad f(x)||^2 <= sigma^2.
        average: S^_avg, of the loose staleness.
        largest: S^_max, of the loose staleness.
        published: with r = r_0 and eta_max = 1 / (4 L sqrt(S^_avg S^_max)).

    Returns:
        The step size, and the bound in units of a squared gradient.

    >>> dasgd_rate_loose(63, 1.0, smoothness=2.0, noise=0.0, average=4.0, largest=16.0, published=True)
    (0.015625, 1.0)
    """
    staleness = sqrt(average * largest)
    most = 1 / (4 * smoothness * staleness) if published and staleness else dasgd_step(smoothness, staleness)
    return _tuned(steps, gap if published else 7 * gap / 3, 14 / 3 * smoothness * noise**2, 0.0, most)


def _tuned(steps: int, start: float, linear: float, square: float, largest: float) -> tuple[float, float]:
    """A step eta, and a bound there of start / (eta (T+1)) + linear eta + square eta^2 (Koloskova et al., 2020, Lemma 17)."""
    left = start / (steps + 1)
    balanced = sqrt(left / linear) if linear else inf, cbrt(left / square) if square else inf
    return min(largest, *balanced), 2 * sqrt(linear * left) + 2 * cbrt(square * left**2) + left / largest
