"""Step-size bounds and rates of AsyncBC (Gao et al., 2025), and when a step size is beyond a bound.

Symbols: L the smoothness of f, L_i that of f_i, delta the Hessian dissimilarity, l the mean-squared smoothness; F_0 =
f(x_0) - f*; T iterations; tau_C, tau_max as a timetable's `summary` has them.

Corrections of what is printed:
1. Gao et al. (2025), proofs of Theorems 1 and 2, say "assume eta <= L / 4": it must be 1 / (4 L), so that
   eta / 4 - L eta^2 / 2 >= eta / 8. The theorems' steps satisfy it (those of Theorem 2 since L <= l, which Assumption 5 gives).
2. Gao et al. (2025), the end of Theorem 1's proof drops 1 / (10 delta sqrt(T)), "by Fact 1". But delta may be up to L + L_i,
   far above L, where f's curvature is that of f_i of opposite signs; then the printed step is too large. It is kept here.
3. Gao et al. (2025), Theorem 3: E||x_T||^2 has a factor d, which the sum over coordinates gives; and without noise ||x_T||^2 is
   (1 - eta)^{2T} ||x_0||^2. With f_i = ||x + b_i||^2 / 2, x_T is the noise-free path plus the noise, so that

       E||x_T - x*||^2 = (1 - eta)^{2T} ||x_0 - x*||^2 + d sigma^2 sum_{s=1}^{T-1} (1 - (1 - eta)^{T-s})^2

   exactly, and the second term is a lower bound of E||x_T||^2 for any b_i.
4. Gao et al. (2025), Section 3.1, note 4: on f_i = i ||x||^2 / 2 no finite zeta exists, but Async-GD converges, since all f_i
   are smallest at the same point. What `async_bc_level` and `async_bc_bias` say of AsyncBC-GD's limit is ours.
"""

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np


def async_bc_step(
    smoothness: float, dissimilarity: float, tau_c: float, tau_max: float, steps: int, *, published: bool = False
) -> float:
    """The largest step of AsyncBC-GD over T steps (Gao et al., 2025, Theorem 1).

    published  min{1 / (6 (delta + L) sqrt(tau_C tau_max)), 1 / (12 sqrt(L (delta + L) tau_max T))}
    corrected  also at most 1 / (10 delta sqrt(T)); the head of this file says why

    Args:
        smoothness: L of f.
        dissimilarity: delta, of the Hessians.
        tau_c: tau_C, tasks under way at a time.
        tau_max: the largest staleness; below 1 it counts as 1.
        steps: T.
        published: as printed; else corrected.

    Returns:
        The step size eta.

    >>> round(async_bc_step(1.0, 1.0, 4, 9, 100), 6)
    0.001964
    """
    both, tau_max = dissimilarity + smoothness, max(tau_max, 1)
    printed = min(1 / (6 * both * sqrt(tau_c * tau_max)), 1 / (12 * sqrt(smoothness * both * tau_max * steps)))
    return printed if published or dissimilarity == 0 else min(printed, 1 / (10 * dissimilarity * sqrt(steps)))


def async_bc_step_sampled(smoothness: float, mean_squared: float, tau_c: float, tau_max: float, steps: int) -> float:
    """The largest step of AsyncBC-SGD over T steps (Gao et al., 2025, Theorem 2).

    min{1 / (l sqrt(6 tau_C tau_max)), 1 / (10 l sqrt(T)), 1 / (2 sqrt(2 L l tau_max (T - 1)))}

    Args:
        smoothness: L of f.
        mean_squared: l, the mean-squared smoothness.
        tau_c: tau_C, tasks under way at a time.
        tau_max: the largest staleness; below 1 it counts as 1.
        steps: T.

    Returns:
        The step size eta.
    """
    tau_max = max(tau_max, 1)
    last = 2 * sqrt(2 * smoothness * mean_squared * tau_max * (steps - 1))
    return min(
        1 / (mean_squared * sqrt(6 * tau_c * tau_max)), 1 / (10 * mean_squared * sqrt(steps)), inf if last == 0 else 1 / last
    )


def async_bc_bound(step: float, steps: int, gap: float) -> float:
    """A bound of (1/T) sum_{t<T} E||grad f(x_t)||^2: 2 F_0 / (eta T) (Gao et al., 2025, Theorems 1 and 2).

    Args:
        step: eta, up to that of the theorem.
        steps: T.
        gap: F_0 = f(x_0) - f*.

    Returns:
        The bound, in units of a squared gradient.
    """
    return 2 * gap / (step * steps)


def async_bc_rate(local_smoothness: float, smoothness: float, tau_c: float, tau_max: float, *, steps: int, gap: float) -> float:
    """AsyncBC-GD's rate without constants: L_max F_0 sqrt(tau_C tau_max) / T + F_0 sqrt(L L_max tau_max / T).

    Source: Gao et al. (2025), Table 1.

    Args:
        local_smoothness: L_max, of the f_i.
        smoothness: L of f.
        tau_c: tau_C, tasks under way at a time.
        tau_max: the largest staleness; below 1 it counts as 1.
        steps: T.
        gap: F_0 = f(x_0) - f*.

    Returns:
        The rate, in units of a squared gradient.

    >>> async_bc_rate(4.0, 1.0, 4, 9, steps=36, gap=3.0)
    5.0
    """
    tau_max = max(tau_max, 1)
    first = local_smoothness * gap * sqrt(tau_c * tau_max) / steps
    return first + gap * sqrt(smoothness * local_smoothness * tau_max / steps)


def async_gd_rate(local_smoothness: float, zeta: float, tau_c: float, tau_max: float, *, steps: int, gap: float) -> float:
    """Async-GD's rate without constants (Koloskova et al., 2022, in Table 1 of Gao et al., 2025).

    L_max F_0 sqrt(tau_C tau_max) / T + sqrt(L_max F_0 zeta^2 / T) + (L_max F_0 tau_C zeta / T)^(2/3)

    Args:
        local_smoothness: L_max, of the f_i.
        zeta: the largest distance of two clients' gradients, anywhere.
        tau_c: tau_C, tasks under way at a time.
        tau_max: the largest staleness; below 1 it counts as 1.
        steps: T.
        gap: F_0 = f(x_0) - f*.

    Returns:
        The rate, in units of a squared gradient.

    >>> async_gd_rate(4.0, 0.0, 4, 9, steps=36, gap=3.0)
    2.0
    """
    scale = local_smoothness * gap / steps
    return float(scale * sqrt(tau_c * max(tau_max, 1)) + sqrt(scale) * zeta + (scale * tau_c * zeta) ** (2 / 3))


def async_bc_level(step: float, curvatures: Sequence[float]) -> float:
    """The squared gradient at which AsyncBC-GD stops over that at x_0, where client i's Hessian is h_i I and tau_C = 1.

    There m_t = (1 - eta h) m_{t-1} with h drawn from the h_i, so that x_t goes to x_0 - eta sum_t m_t, whose mean is x*. With L
    the mean of the h_i and V their variance,

        E||grad f(x_inf)||^2 / ||grad f(x_0)||^2 = (eta V / L) / (2 - eta (V + L^2) / L)

    It does not depend on zeta, but x_0 may; with more tasks under way it holds for small steps, nearly. Ours.

    Args:
        step: eta, below 2 L / (V + L^2).
        curvatures: h_i.

    Returns:
        The ratio; infinite for a larger step.

    >>> async_bc_level(0.5, [1.0, 1.0]), round(async_bc_level(0.002, [16.0] + 15 * [0.0]), 6)
    (0.0, 0.015244)
    """
    mean, variance = float(np.mean(curvatures)), float(np.var(curvatures))
    room = 2 - step * (variance + mean**2) / mean
    return step * variance / mean / room if room > 0 else inf


def async_bc_bias(curvatures: Sequence[float], shares: Sequence[float]) -> float:
    """The squared gradient at which AsyncBC-GD stops over that at x_0, for small steps, where clients are not asked alike.

    With Hessians h_i I the server sees sum_i p_i h_i (x_t - x_{t-1}) on the mean, and stops at x* + (1 - L / sum_i p_i h_i)
    (x_0 - x*), however small the step is: the greedy choice of inactive clients makes p_i larger where clients are fast. Ours.

    Args:
        curvatures: h_i.
        shares: p_i, the part of all tasks that client i gets.

    Returns:
        The ratio.

    >>> async_bc_bias([1.0, 3.0], [0.5, 0.5]), async_bc_bias([1.0, 3.0], [1.0, 0.0])
    (0.0, 1.0)
    """
    return float((1 - np.mean(curvatures) / np.dot(shares, curvatures)) ** 2)


def independent_noise(size: int, noise: float, step: float, steps: int) -> float:
    """The part of independent noise in E||x_T||^2: d sigma^2 sum_{s=1}^{T-1} (1 - (1 - eta)^{T-s})^2.

    Source: Gao et al. (2025), Theorem 3.

    tau_C = 1, f_i = ||x + b_i||^2 / 2, and noise N(0, sigma^2 I) on each difference of gradients. It grows like d sigma^2 T.

    Args:
        size: d.
        noise: sigma, the standard deviation of a coordinate.
        step: eta.
        steps: T.

    Returns:
        The part, in units of ||x||^2.

    >>> round(independent_noise(size=10, noise=0.1, step=1.0, steps=101), 6)
    10.0
    """
    remaining = steps - np.arange(1, steps)
    return float(size * noise**2 * ((1 - (1 - step) ** remaining) ** 2).sum())


def beyond(step: float, bound: float, theorem: str) -> str | None:
    """A sentence with both numbers where a step size is beyond a known bound.

    Args:
        step: the step size.
        bound: the largest one that the theorem allows.
        theorem: its name.

    Returns:
        The sentence, or None where the step size is within the bound.

    >>> beyond(0.5, 0.25, "Theorem 1")
    'step_size: 0.5 is beyond 0.25, up to which Theorem 1 holds'
    """
    return f"step_size: {step:.3g} is beyond {bound:.3g}, up to which {theorem} holds" if step > bound else None
