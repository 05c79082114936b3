"""Runs on problems of known constants, and what they show of the papers' theory: python -m trainers theory."""

from collections.abc import Iterator
from typing import Any

from trainers.events.staleness import section_4_1
from trainers.fidelity.theory import (
    async_bc,
    dasgd,
    zeroth_order,
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
    yield "Tosi and Theobald (2023), Section 4.1: staleness that is expected, beside what is measured", section_4_1()
    yield "Tosi and Theobald (2023), (11) and (12): published and corrected, beside runs", dasgd.bounds_report()
    title = "Tosi and Theobald (2023), Section 4.1: mean squared gradient over that of synchronous SGD, T = 2500"
    yield title, dasgd.synchronous_report()
    title = "Gao et al. (2025), Theorem 3: independent noise, its bound beside what is measured"
    yield title, async_bc.independent_noise_report()
