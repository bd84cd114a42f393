"""The hardness that a sampler realised on the model it trained: what its cell keeps beside the ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..sampling import Sampler

__all__ = ["realised_hardness"]


def realised_hardness(sampler: Sampler, model: Any, train: Any, *, n_pairs: int = 500, seed: int = 0) -> dict[str, Any]:
    r"""Two effective betas of a sampler of uniform pools, over random train pairs (u, i) of a fitted model.

    With weights w on a pool of N of the user's n negatives: by rank, :math:`(2 E[\sum_j w_j r_j] - 1) / n` for ranks
    r_j among all n, which is :meth:`sim.sampling.Sampler.effective_beta`; by divergence, :math:`\exp(-E[KL(w\|1/N)])`,
    which is M/N for DNS(M, N) and what Theorem 2 calls exp(-rho).

    Parameters
    ----------
    sampler : Sampler
        Of uniform pools, weighing losses.
    model : object with ``user_factors`` and ``item_factors``
        A fitted model.
    train : sparse matrix of shape (n_users, n_items)
        Its training pairs, the positives.
    n_pairs : int
        Pairs, with one pool each, drawn with replacement.
    seed : int
        Of the pairs and pools.

    Returns
    -------
    dict
        ``beta_rank``, ``beta_divergence``, and ``beta_rank_error``, the standard error of the first over pairs.
    """
    rng = np.random.default_rng(seed)
    rows, columns = train.nonzero()
    found = []
    for pair in rng.integers(rows.size, size=n_pairs):
        u, i = rows[pair], columns[pair]
        scores = (model.item_factors @ model.user_factors[u]).astype(np.float64)
        negatives = np.ones(scores.size, bool)
        negatives[train.indices[train.indptr[u] : train.indptr[u + 1]]] = False
        others = np.sort(scores[negatives])
        if others.size == 0:
            continue
        at = rng.integers(others.size, size=sampler.N)
        w = sampler.weights(np.logaddexp(0.0, others[at] - scores[i]))
        kept = w[w > 0]
        found.append((w @ (2 * (others.size - at) - 1) / others.size, kept @ np.log(sampler.N * kept)))
    by_rank, kl = np.array(found).T
    return {
        "beta_rank": float(by_rank.mean()), "beta_divergence": float(np.exp(-kl.mean())),
        "beta_rank_error": float(by_rank.std(ddof=1) / np.sqrt(len(found))),
    }  # fmt: skip
