"""Sizes along the axes that windows move over."""
from collections.abc import Sequence

import numpy as np

Sizes = int | Sequence[int]


def for_each_axis(sizes: Sizes, axes: int, who: object) -> tuple[int, ...]:
    """Return one size for each axis, if ``sizes`` is one for all or has them all.

    Raises
    ------
    ValueError
        If it has another number of them.

    Examples
    --------
    >>> for_each_axis(3, 2, None), for_each_axis((1, 2), 2, None)
    ((3, 3), (1, 2))
    """
    found = (sizes,) * axes if isinstance(sizes, int | np.integer) else tuple(sizes)
    if len(found) != axes:
        raise ValueError(f"{type(who).__name__}: one size, or one for each of {axes} axes, is "
                         f"wanted, not {sizes}")
    return found
