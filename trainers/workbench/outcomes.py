"""Sentences about seeds and trainings that diverged: what stands beside the results of the others."""

from collections.abc import Iterable


def told(values: int, seeds: int, diverged: Iterable[int] = (), unit: str = "") -> str:
    """Remark beside a result of some seeds, of which others diverged or have no value; empty where it is of all.

    Args:
        values: number of seeds that the result is of.
        seeds: number of all seeds.
        diverged: for each seed that diverged the iteration, or another unit of time, at which it did.
        unit: named behind these numbers, if it is not the iteration.

    Returns:
        The remark.

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
    """Put a remark behind a result, or in its place where there is no result.

    Args:
        shown: the result, or "".
        said: the remark, or "".

    Returns:
        The text.

    >>> beside("0.9", "4 of 6; 2 diverged")
    '0.9 (4 of 6; 2 diverged)'
    """
    return f"{shown} ({said})" if shown and said else shown or said


def labelled(name: str, said: str) -> str:
    """Put a remark behind a name: one that counts values in brackets, any other after a colon.

    Args:
        name: of a curve or method.
        said: the remark, or "".

    Returns:
        The text.

    >>> labelled("ring", "4 of 6; 2 diverged"), labelled("ring", "diverged (6 of 6, at 180)")
    ('ring (4 of 6; 2 diverged)', 'ring: diverged (6 of 6, at 180)')
    """
    return f"{name}: {said}" if said and not said[0].isdigit() else beside(name, said)
