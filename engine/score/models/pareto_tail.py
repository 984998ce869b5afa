"""When a Pareto/NBD customer left: the integral over that instant, by Gaussian quadrature that cannot overflow.

f(y) = s (alpha+y)^-(r+x) (beta+y)^-(s+1), as in `pareto_nbd`, which says what it is for.
"""

from __future__ import annotations

import numpy as np

from engine.score.arrays import FloatArray

FALL = 28.0
"""An integrand is followed down to exp(-28) of where it began: 1e-12."""
_CHUNK = 16_384


def leaving(point: FloatArray, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log I, for x = 0 the logarithm of the integral of f from 0 to t instead; and its slopes by the parameters.

    In u = log((m+y) / (m+t)), m the smaller of alpha and beta, f is a logarithmically concave function whose nearest
    singularity is pi away from the real axis, however small m and large x are: ordinary Gaussian quadrature does it.
    The slopes are integrals of f times log(alpha+y), 1 / (alpha+y) and so on.
    """
    r, alpha, s, beta = point
    powers, shifts = (r + x, np.full_like(x, s + 1)), (alpha, beta)
    m, other = (1, 0) if beta < alpha else (0, 1)
    once = x == 0
    near, far = (shifts[k] + np.where(once, 0.0, t) for k in (m, other))
    most = np.where(once, np.log1p(t / shifts[m]), np.inf)
    logs, means = _concave(powers[m] - 1, powers[other], near / far, (shifts[other] - shifts[m]) / far, most)
    rise, near_share, far_rise, far_share = means
    value = np.log(s) + (1 - powers[m]) * np.log(near) - powers[other] * np.log(far) + logs
    by_power = -(np.log(near) + rise), -(np.log(far) + far_rise)
    by_shift = -powers[m] * near_share / near, -powers[other] * far_share / far
    slopes = np.stack((by_power[m], by_shift[m], 1 / s + by_power[other], by_shift[other]))
    return value, slopes


def _concave(
    p: FloatArray, q: FloatArray, low: FloatArray, high: FloatArray, most: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """log of the integral from 0 to `most` of g(u) = exp(-p u - q l(u)), l(u) = log(high + low e^u), low + high = 1;
    and the means under g of u, e^-u, l and e^-l. One column per integral; needs p + q > 0, and `most` where p < 0."""
    end = _end(p, q, low, most)
    sums = np.empty((5, len(end)))
    kind = np.searchsorted(_LENGTHS, end)
    for place, rule in enumerate(RULES):
        which = np.flatnonzero(kind == place)
        for some in np.array_split(which, len(which) * rule.shape[1] // _CHUNK + 1):  # a chunk stays in the cache
            sums[:, some] = _quadrature(p[some], q[some], low[some], high[some], end[some], rule)
    return np.log(np.maximum(end, 1e-300)) + np.log(sums[0]), sums[1:] / sums[0]


def _end(p: FloatArray, q: FloatArray, low: FloatArray, most: FloatArray) -> FloatArray:
    """Where g is below exp(-FALL) for good, or `most`: the least of three bounds, each of them close somewhere."""
    steep = p + q * low  # the first slope; log g is concave, so it only gets steeper
    end = np.minimum(most, np.where(steep > 0, FALL / np.maximum(steep, 1e-300), np.inf))
    end = np.minimum(end, (FALL - q * np.log(low)) / (p + q))  # l(u) >= u + log(low)
    fall = FALL + np.maximum(-p, 0.0) * np.minimum(most, 700.0)
    bound: FloatArray = np.minimum(end, np.log1p(np.expm1(np.minimum(fall / q, 600.0)) / low))  # of e^-ql alone
    return bound


def _quadrature(
    p: FloatArray, q: FloatArray, low: FloatArray, high: FloatArray, end: FloatArray, rule: FloatArray
) -> FloatArray:
    """The means over 0..end of g times 1, u, e^-u, l and e^-l, for `_concave`; written so that nothing can overflow."""
    nodes, weights = rule
    u = nodes[:, None] * end
    shrink = np.exp(-u)
    less = low + high * shrink  # e^(l - u)
    log_less = np.log(less)
    g = np.exp(-(p + q) * u - q * log_less)
    rise, shrunk = end * ((weights * nodes) @ g), g * shrink
    return np.stack((weights @ g, rise, weights @ shrunk, rise + weights @ (g * log_less), weights @ (shrunk / less)))


def _rule(count: int) -> FloatArray:
    """Gauss and Legendre's nodes and weights on 0..1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return np.stack(((nodes + 1) / 2, weights / 2))


_LENGTHS = (4.0, 16.0, 32.0)
RULES = _rule(16), _rule(32), _rule(64), _rule(128)
"""What is needed for nine digits up to each of the lengths, and beyond."""
