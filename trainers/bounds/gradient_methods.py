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
"""

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
