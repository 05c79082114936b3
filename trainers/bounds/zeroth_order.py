"""Step-size bound and convergence rate of the zeroth-order method (Behmandpoor et al., 2024), as published and corrected.

Symbols: m agents with n_l parameters each, n = m n_l; L, G, sigma, L_xi, v and f* as in `Constants`; B samples a
measurement; mu the smoothing; gamma^t the step sizes, the same for all agents; D_max the largest age t - T[l, i] of an
entry; theta~_l^t the outdated parameters theta^{T[l, i]} of all i, of which agent l's step is an estimate.

What is corrected, and why. Let s_l = sum_i r_i u_l be the step's direction, r_i = (1/m) g_i with g_i u_l the estimate of
-grad_l f_i from the B samples of one query. By Jensen E||s_l||^2 <= max_i E||g_i u_l||^2, so consider one query.

1. Proposition A.5 divides all by B. But the B samples share one u. With h = (1/B) sum_q F(., xi^q), which is L-smooth,
   E_u||(h(theta + mu u) - h(theta)) u / mu||^2 <= 2 (n + 4) ||grad h||^2 + mu^2 L^2 (n + 6)^3 / 2 (Nesterov and Spokoiny),
   and E||grad h||^2 <= G^2 + sigma^2, whatever B. This is Corollary VI.3 (common noise): published with four times these
   constants, divided by B, so too small where B > 4. With separate noise, g_i has a second part, and (a + b)^2 <=
   2 a^2 + 2 b^2 doubles the constants to the published 4 (n + 4) and 1; only the division by B is wrong.
2. That second part is (1/B) sum_q (F(theta', xi^q) - F(theta', xi'^q)) u_l / mu, of which 2 E||.||^2 is at most
   4 L_xi^2 v^2 E||u_l||^2 / mu^2, and E||u_l||^2 is n_l, not 1.
   (If the B samples are independent, sigma^2 and L_xi^2 may be divided by B, G^2 and the term in mu^2 L^2 may not: a large
   batch averages the noise of the samples, never that of the direction. The published form has it the other way round.)
3. Equations (10) and (25) condition on the past up to t, in which the direction u^T of an entry that is older than t is
   known already: given that past, s_l^t is no unbiased estimate. (15) survives. Compare with theta' = theta^{t - D_max},
   before all directions in use: E<grad f^mu(theta'), s^t> = -E sum_l <grad_l f^mu(theta'), grad_l f~_l^mu(theta~_l^t)>. Both
   changes of point cost at most L sum_{tau >= t - D_max} ||gamma s^tau||, times ||gamma s^t|| or sqrt(m) ||gamma grad f~^mu||,
   and V of 1. and 2. bounds the whole E||s_l||^2. Summed over t this gives (26) with 1 - sqrt(m) L D_max gamma / 2 >= eta and
   with L/2 + L D_max + sqrt(m) L D_max / 2 <= M for m >= 2; for m = 1 compare with theta^T, and L/2 + L D_max = M.
4. The first term of (15) has a 1/m that Proposition A.2 does not give (its smoothing would be one of R^{nm}). It is true all
   the same: ||grad f^mu - grad f|| <= mu L E||u|| <= mu L sqrt(n), and 2 n <= (n + 3)^3 / (2 m) as n >= m.
5. Until everybody has heard everybody, s_l estimates another gradient. The bound holds from that instant t_0 on: f(theta^t_0)
   takes the place of f(theta^0), the sum of gamma^t begins at t_0, that of (gamma^t)^2 at 0.
6. (16) follows from (27) with gamma^t ~ 1/sqrt(t) only up to a logarithm: sum (gamma^t)^2 / sum gamma^t ~ ln(t) / sqrt(t).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from trainers.problems.analytic import Constants
from wirelessenv.config import ConfigError
from wirelessenv.messages.knowledge import Knowledge


def step_constant(smoothness: float, agents: int, delay: int) -> float:
    """M = L (2 m D_max + 1) / 2 of Behmandpoor et al. (2024), Theorem VI.2.

    Args:
        smoothness: L.
        agents: m.
        delay: D_max, in instants.

    Returns:
        M, in the units of L.

    >>> step_constant(smoothness=2.0, agents=4, delay=3)
    25.0
    """
    return smoothness * (2 * agents * delay + 1) / 2


def largest_step(smoothness: float, agents: int, delay: int) -> float:
    """1 / M: steps have to stay below it (Behmandpoor et al., 2024, Theorem VI.2).

    Args:
        smoothness: L.
        agents: m.
        delay: D_max, in instants.

    Returns:
        The bound of the step sizes gamma^t.

    >>> largest_step(smoothness=2.0, agents=4, delay=3)
    0.04
    """
    return 1 / step_constant(smoothness, agents, delay)


def largest_delay(knowledge: Knowledge | Sequence[Knowledge]) -> int:
    """D_max of what has been simulated: the largest age t - T[i, l] of an entry that somebody held, over all runs.

    `Knowledge` counts ages as the paper does, at the end of an instant, when agents update: an agent's own query of this
    instant has age 0. So D_max is `max_age` as it stands, and perturbations must be kept for D_max + 1 instants. Where
    ages are random and not bounded it is that of these instants only. A learner that keeps fewer perturbations leaves
    older entries out: see its `dropped_queries`.
    """
    several = knowledge if isinstance(knowledge, Sequence) else [knowledge]
    largest = max(int(one.max_age.max()) for one in several)
    if largest < 0:
        raise ConfigError("knowledge: nobody has queried yet: take some steps first")
    return largest


def direction_variance(
    constants: Constants,
    *,
    agents: int,
    size: int,
    smoothing: float,
    batch: int,
    common_noise: bool,
    published: bool = False,
) -> float:
    """V: the bound of E||s_l + grad_l f~_l^mu||^2, for a step's direction s_l; Behmandpoor et al. (2024), Proposition A.5.

    separate noise:  published  {4 (n + 4) (sigma^2 + G^2) + mu^2 L^2 (n + 6)^3} / B + 4 L_xi^2 v^2 / mu^2
                     corrected   4 (n + 4) (sigma^2 + G^2) + mu^2 L^2 (n + 6)^3 + 4 n_l L_xi^2 v^2 / mu^2
    common noise:    published  {8 (n + 4) (sigma^2 + G^2) + 2 mu^2 L^2 (n + 6)^3} / B
                     corrected   2 (n + 4) (sigma^2 + G^2) + mu^2 L^2 (n + 6)^3 / 2

    Corrected it bounds E||s_l||^2 as well. The head of this file says why.

    Args:
        constants: of the problem.
        agents: m.
        size: n_l.
        smoothing: mu.
        batch: B.
        common_noise: Corollary VI.3 instead of Theorem VI.2.
        published: as printed; else corrected.

    Returns:
        V, in units of a squared gradient.
    """
    n = agents * size
    slopes = (n + 4) * (constants.gradient_noise**2 + constants.gradient**2)
    bend = (smoothing * constants.smoothness) ** 2 * (n + 6) ** 3
    if common_noise:
        return (8 * slopes + 2 * bend) / batch if published else 2 * slopes + bend / 2
    noise = 4 * (constants.noise_slope * constants.noise_size / smoothing) ** 2
    return (4 * slopes + bend) / batch + noise if published else 4 * slopes + bend + size * noise


def gradient_bound(
    constants: Constants,
    steps: ArrayLike,
    gap: float,
    *,
    delay: int,
    agents: int,
    size: int,
    smoothing: float,
    batch: int,
    common_noise: bool,
    published: bool = False,
    warm_up: int = 0,
) -> float:
    """The right-hand side of (15): a bound of min_t E||grad_l f~_l(theta~_l^t)||^2, for every l.

    mu^2 L^2 (n + 3)^3 / (2 m) + {2 mu^2 L n + 2 gap + 2 M V sum_t m (gamma^t)^2} / {eta sum_t gamma^t},
    eta = 1 - M max gamma^t

    Args:
        constants: of the problem.
        steps: gamma^0, gamma^1, ...: how long the run was.
        gap: f(theta^0) - f*, or with `warm_up` the expected f(theta^warm_up) - f*.
        delay: D_max.
        agents: m.
        size: n_l.
        smoothing: mu.
        batch: B.
        common_noise: Corollary VI.3 instead of Theorem VI.2.
        published: as printed; else corrected, see the head of this file.
        warm_up: t_0, when everybody has heard everybody; the minimum over t begins there.

    Returns:
        The bound, in units of a squared gradient.

    Raises:
        ConfigError: for steps of 1 / M and more, for which the theorem says nothing.
    """
    gamma, n = np.asarray(steps, np.float64), agents * size
    limit = step_constant(constants.smoothness, agents, delay)
    eta = 1 - limit * gamma.max()
    if eta <= 0:
        raise ConfigError(f"steps: {gamma.max():g} is not valid: the theorem is for steps below 1 / M = {1 / limit:g}")
    known = {"agents": agents, "size": size, "batch": batch}
    variance = direction_variance(constants, **known, smoothing=smoothing, common_noise=common_noise, published=published)
    bend = (smoothing * constants.smoothness) ** 2 * (n + 3) ** 3 / (2 * agents)
    start = 2 * smoothing**2 * constants.smoothness * n + 2 * gap
    noise = 2 * limit * variance * agents * (gamma**2).sum()
    return float(bend + (start + noise) / (eta * gamma[warm_up:].sum()))


def outdated_bound(
    constants: Constants,
    steps: ArrayLike,
    *,
    agents: int,
    size: int,
    smoothing: float,
    batch: int,
    common_noise: bool,
    published: bool = False,
) -> float:
    """The right-hand side of (30): a bound of E||Theta-bar_l^t - Theta_l^t||^2, for every l (Theorem VI.4 (i)).

    published  m^2 D_max^2 V (gamma^{t - D_max})^2 + m^2 D_max Delta sum_tau (gamma^tau)^2,
               Delta = mu^2 L^2 (n + 3)^3 / (2 m) + 2 G^2
    corrected  m^2 D_max V sum_tau (gamma^tau)^2, for V of `direction_variance` bounds the whole E||s_l||^2

    Args:
        constants: of the problem.
        steps: gamma^{t - D_max}, ..., gamma^{t - 1}, the steps that an outdated entry has missed.
        agents: m.
        size: n_l.
        smoothing: mu.
        batch: B.
        common_noise: Corollary VI.3 instead of Theorem VI.2.
        published: as printed; else corrected.

    Returns:
        The bound, in units of a squared parameter.
    """
    gamma = np.asarray(steps, np.float64)
    delay, squares = len(gamma), float((gamma**2).sum())
    known = {"agents": agents, "size": size, "smoothing": smoothing, "batch": batch, "common_noise": common_noise}
    variance = direction_variance(constants, **known, published=published)  # type: ignore[arg-type]  # names and types above
    if not published:
        return agents**2 * delay * variance * squares
    bend = (smoothing * constants.smoothness) ** 2 * (agents * size + 3) ** 3 / (2 * agents)
    most = bend + 2 * constants.gradient**2
    return agents**2 * delay * (delay * variance * float((gamma**2).max(initial=0)) + most * squares)
