"""Joint moments of metrics and weighted areas over simulated rankings, some positives perhaps hidden."""

from __future__ import annotations

import numba
import numpy as np

from ...core.jit import kernel
from ...core.random import stream2, uniform
from ..kernels import draw_ranking, metric_values, ranking_room

__all__ = ["area_sums"]


@kernel()
def choose(key, count, chosen):
    """Mark a uniformly random subset of ``count`` entries (selection sampling)."""
    left = count
    for i in range(chosen.size):
        chosen[i] = uniform(key, i) * (chosen.size - i) < left
        left -= chosen[i]


@kernel(parallel=True)
def area_sums(
    seed, bounds, n_pos, n_hidden, n_neg, table, masked, codes, which, ks, gains, tails, shift, sums, products
):  # fmt: skip
    """Sums of v - shift and of its products over each group g of the rankings bounds[g] .. bounds[g+1] - 1.

    A ranking has n_pos observed positives, n_hidden hidden ones and n_neg negatives. v holds the metrics, of all
    positives or (``masked``) of the hidden ones in the list without the observed, then the weighted areas: the sum of
    ``tails[b]`` over the observed positives, b the number of hidden positives and negatives above. Row b of ``tails``
    (n_hidden + n_neg + 1, n_areas) is the sum of the weights on the ranks beyond b. ``sums`` (groups, v) and
    ``products`` (groups, v, v; lower triangle) must be zero.
    """
    everyone = n_pos + n_hidden
    counted = n_hidden if masked else everyone
    n_metrics = codes.size
    for g in numba.prange(bounds.size - 1):
        bits, levels = ranking_room(everyone + n_neg)
        b = np.zeros(everyone, dtype=np.int64)
        mine = np.zeros(everyone, dtype=np.int64)
        hidden = np.zeros(everyone, dtype=np.bool_)
        scratch = np.zeros((3, ks.size))
        v = np.zeros(shift.size)
        for ranking in range(bounds[g], bounds[g + 1]):
            draw_ranking(stream2(seed, 0, ranking), everyone, n_neg, table, bits, levels, b)
            choose(stream2(seed, 1, ranking), n_hidden, hidden)
            v[:] = -shift
            above = 0
            for i in range(everyone):
                if hidden[i]:
                    mine[above] = b[i]
                    above += 1
                else:
                    row = tails[b[i] + above]
                    for a in range(row.size):
                        v[n_metrics + a] += row[a]
            row = v[:n_metrics]
            metric_values(
                mine if masked else b, counted, n_neg, codes, which, ks, gains, scratch[0], scratch[1], scratch[2], row
            )
            for c in range(n_metrics):
                v[c] -= shift[c]
            for a in range(v.size):
                sums[g, a] += v[a]
                line = products[g, a]
                for c in range(a + 1):
                    line[c] += v[a] * v[c]
