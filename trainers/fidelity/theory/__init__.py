"""Runs on problems of known constants, and what they show of the papers' theory: python -m trainers theory."""

from collections.abc import Iterator
from typing import Any

from trainers.events.staleness import section_4_1
from trainers.fidelity.theory import (
    async_bc,
    async_bc_rates,
    dasgd,
    pars_push,
    pars_push_exact,
    pars_push_nonconvex,
    zeroth_order,
    zeroth_order_local,
    zeroth_order_outdated,
    zeroth_order_rates,
    zeroth_order_steps,
)


def tables() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Tables of theory beside measurement, a title and its rows, each computed when it is asked for."""
    title = "Behmandpoor et al. (2024): theory, as published and corrected, beside measurement"
    yield title, [*zeroth_order.report(), *zeroth_order_outdated.report(), *zeroth_order_rates.report()]
    title = "Behmandpoor et al. (2024), Theorem VI.2: steps below 1 / M, beside the largest stable step"
    yield title, zeroth_order_steps.step_rows()
    title = "Near agents alone (most_hops = h): squared bias and variance of an update over ||grad f||^2, exact and measured"
    yield title, zeroth_order_local.report()
    yield "Tosi and Theobald (2023), Section 4.1: staleness that is expected, beside what is measured", section_4_1()
    yield "Tosi and Theobald (2023), (11) and (12): published and corrected, beside runs", dasgd.bounds_report()
    title = "Tosi and Theobald (2023), Section 4.1: mean squared gradient over that of synchronous SGD, T = 2500"
    yield title, dasgd.synchronous_report()
    title = "Gao et al. (2025), Theorem 3: independent noise, its bound beside what is measured"
    yield title, async_bc.independent_noise_report()
    title = "Gao et al. (2025), Theorems 1 and 2: mean squared gradient beside the bound, at the step printed and corrected"
    yield title, async_bc_rates.bounds_report()
    title = "Gao et al. (2025), Table 1, without constants, T = 1000: rates beside what the best step of a grid reaches"
    yield title, async_bc_rates.table_1_report()
    title = "AsyncBC-GD: squared gradient at which it stops, over that at x_0, where all Hessians are multiples of I"
    yield title, async_bc.levels_report()
    yield from _pars_push()


def _pars_push() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    paper = "Toghani et al. (2023)"
    yield f"{paper}, Proposition 1: exact gradients, squared distance over that at the start", pars_push.offset_rows()
    title = f"{paper}, Proposition 1 with a step that begins later: leading terms, as published and corrected, beside runs"
    yield title, [pars_push.rate_row(steps) for steps in (0, 1)]
    yield (
        f"{paper}, Theorem 1: mean squared gradient beside the leading term",
        [row for steps in (0, 1) for row in pars_push_nonconvex.nonconvex_rows(steps)],
    )
    yield f"{paper}: largest stable step, Figure 2's problem, exact gradients", pars_push.stable_step_rows()
    title = f"{paper}, Section 3: squared distance to z*(u) of biased estimates, by ||z*(u)||^2"
    yield title, [row for steps in (1, 3) for row in pars_push.bias_rows(steps)]
    yield (
        f"{paper}, Lemma 1: condition number against alpha",
        [row for steps in (1, 3) for row in pars_push_exact.condition_rows(steps)],
    )
    title = f"{paper}, Section 2: large u, cost after u steps above that of the nodes' own minima"
    yield title, [row for largest in (10, 100) for row in pars_push_exact.large_u_rows(largest)]
