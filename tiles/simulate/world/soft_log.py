"""The soft logarithm of reflectance, the space in which the simulator's variation is measured and drawn.

``y = asinh(r / 0.02)``: relative for bright surfaces, absolute for dark water, and defined for the small negative
reflectance that is legal in L2A.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["compute_slope", "from_soft_log", "to_soft_log"]

Values = npt.NDArray[np.float64]

_KNEE = 0.02


def to_soft_log(reflectance: npt.ArrayLike) -> Values:
    """Bring reflectance into the space where variation is alike for dark and bright.

    Args:
        reflectance: Any shape, reflectance units, negative allowed.

    Returns:
        ``asinh(reflectance / 0.02)``, the same shape.
    """
    return np.asarray(np.arcsinh(np.asarray(reflectance, dtype=np.float64) / _KNEE))


def from_soft_log(values: npt.ArrayLike) -> Values:
    """Bring soft logarithms back to reflectance; undoes ``to_soft_log``.

    Args:
        values: Any shape.

    Returns:
        Reflectance, the same shape.
    """
    return np.asarray(_KNEE * np.sinh(np.asarray(values, dtype=np.float64)))


def compute_slope(reflectance: npt.ArrayLike) -> Values:
    """How far reflectance moves with its soft logarithm: the derivative, ``sqrt(r² + 0.02²)``.

    Args:
        reflectance: Any shape, reflectance units.

    Returns:
        Reflectance a unit of soft logarithm, the same shape.
    """
    return np.asarray(np.hypot(np.asarray(reflectance, dtype=np.float64), _KNEE))
