"""Bounds of PARS-Push (Toghani et al., 2023): the inner step of Lemma 1, corrected, the constants of F^(u), and Gamma_s.

What is corrected: Lemma 1 prints (1 - eps_1^(-1 / (2 u))) / L, which is negative for every eps_1 < 1. The proof needs
mu (1 - alpha L)^(2 u) >= eps_1 mu, that is alpha <= (1 - eps_1^(1 / (2 u))) / L. With it, mu^(u) >= eps_1 eps_2 mu and
L^(u) <= (1 + eps_1 - eps_1 eps_2) L, as the paper says.

Proposition 1 prints mu for mu^2, which the proof's source has (Spiridonoff et al., 2020, Theorem 15): the term is else no
squared distance.

What no step size mends: costs that are strongly convex on all of R^d have no bounded gradients, so that Assumption 2 (i)
and (iv) hold together on a bounded set only; G is then the largest gradient on a set that no inner step leaves. And
E||X - E X||^2 <= E||X||^2, so Lemma 2 holds without its factor 4 too; it is given as published.
"""

from dataclasses import dataclass
from math import inf, sqrt

from wirelessenv.config import ConfigError
from wirelessenv.scenario import Messaging


@dataclass(frozen=True)
class LossConstants:
    """Assumption 2 of Toghani et al. (2023), of the loss of every sample."""

    convexity: float
    """mu: of strong convexity."""
    smoothness: float
    """L: Lipschitz constant of the gradient."""
    gradient: float
    """G: the largest norm of a gradient."""
    hessian_slope: float
    """H: Lipschitz constant of the Hessian; 0 for quadratics."""


def largest_inner_step(
    constants: LossConstants, inner_steps: int, curvature_kept: float, share_kept: float, *, published: bool = False
) -> float:
    """The largest alpha for which Lemma 1 of Toghani et al. (2023) promises mu^(u) >= eps_1 eps_2 mu.

    min { mu eps_1 (1 - eps_2) / (G H u), (1 - eps_1^(1 / (2 u))) / L }

    >>> quadratic = LossConstants(convexity=1.0, smoothness=4.0, gradient=10.0, hessian_slope=0.0)
    >>> largest_inner_step(quadratic, 1, curvature_kept=0.25, share_kept=0.5)
    0.125

    Args:
        constants: of the loss.
        inner_steps: u.
        curvature_kept: eps_1, in (0, 1): the share of mu that the inner steps' contraction leaves.
        share_kept: eps_2, in (0, 1): the share of it that the change of the Hessians leaves.
        published: as printed, with the exponent -1 / (2 u).

    Returns:
        The inner step size alpha.

    Raises:
        ConfigError: for eps_1 or eps_2 that are not between 0 and 1, and for u < 1, where there is no inner step.
    """
    for name, value in {"curvature_kept": curvature_kept, "share_kept": share_kept}.items():
        if not 0 < value < 1:
            raise ConfigError(f"{name}: {value!r} is not valid: it should be between 0 and 1")
    if inner_steps < 1:
        raise ConfigError(f"inner_steps: {inner_steps!r} is not valid: the bound is for 1 inner step or more")
    exponent = (-1 if published else 1) / (2 * inner_steps)
    contraction = float(1 - curvature_kept**exponent) / constants.smoothness
    bend = constants.gradient * constants.hessian_slope * inner_steps
    return min(contraction, constants.convexity * curvature_kept * (1 - share_kept) / bend) if bend else contraction


def personal_convexity(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """mu^(u) = mu (1 - alpha L)^(2 u) - alpha u G H (1 - alpha mu)^(u - 1).

    Source: Toghani et al. (2023), Lemma 1.

    Args:
        constants: of the loss.
        inner_steps: u.
        inner_step_size: alpha, at most 1 / L.

    Returns:
        The constant of strong convexity of F^(u).
    """
    kept = constants.convexity * (1 - inner_step_size * constants.smoothness) ** (2 * inner_steps)
    return kept - _hessian_change(constants, inner_steps, inner_step_size)


def personal_smoothness(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """L^(u) = L (1 - alpha mu)^(2 u) + alpha u G H (1 - alpha mu)^(u - 1).

    Source: Toghani et al. (2023), Lemma 1.

    Args:
        constants: of the loss.
        inner_steps: u.
        inner_step_size: alpha, at most 1 / L.

    Returns:
        The Lipschitz constant of the gradient of F^(u).
    """
    kept = constants.smoothness * (1 - inner_step_size * constants.convexity) ** (2 * inner_steps)
    return kept + _hessian_change(constants, inner_steps, inner_step_size)


def _hessian_change(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """Change of the inner steps' Hessians along z: alpha u G H (1 - alpha mu)^(u - 1)."""
    slope = inner_step_size * inner_steps * constants.gradient * constants.hessian_slope
    return slope * (1 - inner_step_size * constants.convexity) ** (inner_steps - 1)


def nonconvex_smoothness(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """L^(u) = (L + alpha u G H) (1 + alpha L)^(2 u): without convexity, for every alpha.

    Source: Toghani et al. (2023), Lemma 3.

    Args:
        constants: of the loss.
        inner_steps: u.
        inner_step_size: alpha.

    Returns:
        The Lipschitz constant of the gradient of F^(u).
    """
    bend = inner_step_size * inner_steps * constants.gradient * constants.hessian_slope
    return (constants.smoothness + bend) * (1 + inner_step_size * constants.smoothness) ** (2 * inner_steps)


def personal_variance(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """sigma^(u)^2 = 4 (1 - alpha mu)^(2 u) G^2: a bound of the variance of `personal_gradient`.

    Source: Toghani et al. (2023), Lemma 2.

    Args:
        constants: of the loss.
        inner_steps: u.
        inner_step_size: alpha.

    Returns:
        The variance, in units of a squared gradient.
    """
    return 4 * (1 - inner_step_size * constants.convexity) ** (2 * inner_steps) * constants.gradient**2


def nonconvex_variance(constants: LossConstants, inner_steps: int, inner_step_size: float) -> float:
    """sigma^(u)^2 = 4 (1 + alpha L)^(2 u) G^2: as `personal_variance`, without convexity.

    Source: Toghani et al. (2023), Lemma 3.

    Args:
        constants: of the loss.
        inner_steps: u.
        inner_step_size: alpha.

    Returns:
        The variance, in units of a squared gradient.
    """
    return 4 * (1 + inner_step_size * constants.smoothness) ** (2 * inner_steps) * constants.gradient**2


def leading_term(variance: float, convexity: float, nodes: int, longest_sleep: int, *, published: bool = False) -> float:
    """Limit of T E||z_i - z*||^2 with theta(t) = 1 / (mu t), up to a constant: Gamma_w sigma^2 / (mu^2 n).

    Source: Toghani et al. (2023), Proposition 1, where mu is not squared; Spiridonoff et al. (2020), Theorem 15.

    Args:
        variance: sigma^2, of a node's gradient.
        convexity: mu of F^(u).
        nodes: n.
        longest_sleep: Gamma_w, ticks.
        published: as printed, with mu for mu^2.

    Returns:
        The term; a squared distance, or as printed something else.
    """
    return longest_sleep * variance / (convexity if published else convexity**2) / nodes


def nonconvex_step(smoothness: float, nodes: int, ticks: int) -> float:
    """Theta = sqrt(n) / (L^(u) sqrt(T)), the constant step of Toghani et al. (2023), Theorem 1.

    Args:
        smoothness: L^(u).
        nodes: n.
        ticks: T.

    Returns:
        The step size.
    """
    return sqrt(nodes / ticks) / smoothness


def nonconvex_leading_term(smoothness: float, cost: float, variance: float, *, nodes: int, ticks: int) -> float:
    """(2 L^(u) F^(u)(0) + sigma^(u)^2) / sqrt(n T), up to a constant, of E||grad F^(u)||^2, mean over T ticks.

    Source: Toghani et al. (2023), Theorem 1.

    Args:
        smoothness: L^(u).
        cost: F^(u)(0), of costs that are not negative.
        variance: sigma^(u)^2.
        nodes: n.
        ticks: T.

    Returns:
        The term, a squared gradient.
    """
    return (2 * smoothness * cost + variance) / sqrt(nodes * ticks)


def longest_exchange(messaging: Messaging) -> float:
    """Gamma_s = Gamma_w (Gamma_f + 1) + Gamma_w + Gamma_d - 1: how many ticks may pass until a link's next news is taken in.

    Where a node does not send over every link when it wakes up, the longest silence of `activity.transmit` multiplies the
    first term. Infinite where waking, sending or losses have no longest silence, or nodes leave. At the end of
    every tick, the newest message that an awake receiver has taken in was sent at most Gamma_s - 1 ticks ago.

    >>> paper = Messaging(
    ...     activity={"update": {"probability": 0.5, "longest_silence": 2}},
    ...     links={
    ...         "delay": {"kind": "uniform", "shortest": 1, "longest": 2},
    ...         "loss": {"probability": 0.3, "longest_run": 1},
    ...     },
    ... )
    >>> longest_exchange(paper)
    7.0
    """
    waking = messaging.activity.update.longest if messaging.activity.presence.certain else inf
    sending = messaging.activity.transmit.longest * messaging.links.loss.arrival().longest
    return waking * sending + waking + messaging.links.delay.largest - 1
