"""Sentences about seeds and trainings that diverged: what stands beside the results of the others."""

from collections.abc import Iterable


def told(values: int, seeds: int, diverged: Iterable[int] = (), unit: str = "") -> str:
    """What is to be said beside a result of `values` of `seeds`, of which some `diverged`, each at an iteration (or a `unit`).

    >>> told(6, 6)
    ''
    >>> told(4, 6, [180, 120])
    '4 of 6; 2 diverged'
    >>> told(0, 6, [180] * 6)
    'diverged (6 of 6, at 180)'
    >>> told(0, 6, [180, 120])
    'diverged (2 of 6, at 120 to 180)'
    >>> told(0, 6)
    'no value'
    """
    at = sorted(diverged)
    if values:
        return "" if values == seeds else f"{values} of {seeds}" + (f"; {len(at)} diverged" if at else "")
    if not at:
        return "no value"
    return f"diverged ({len(at)} of {seeds}, at {at[0]}{f' to {at[-1]}' if at[-1] > at[0] else ''}{unit and f' {unit}'})"


def beside(shown: str, said: str) -> str:
    """A result with what is said beside it, or that alone where there is no result.

    >>> beside("0.9", "4 of 6; 2 diverged")
    '0.9 (4 of 6; 2 diverged)'
    """
    return f"{shown} ({said})" if shown and said else shown or said


def labelled(name: str, said: str) -> str:
    """A name with what is said of its result.

    >>> labelled("ring", "4 of 6; 2 diverged"), labelled("ring", "diverged (6 of 6, at 180)")
    ('ring (4 of 6; 2 diverged)', 'ring: diverged (6 of 6, at 180)')
    """
    return f"{name}: {said}" if said and not said[0].isdigit() else beside(name, said)
