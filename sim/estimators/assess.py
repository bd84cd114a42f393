"""One sampler on one score model, assessed as an estimator: what ``hns estimate`` prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.random import to_seed
from ..core.validation import MOST_SIZE, check_fraction, check_int
from ..objectives import opauc_surrogate_grad
from ..rankings import ScoreModel
from ..sampling import DNS, Sampler, SoftmaxV, Uniform
from .exact import PairMoments, dns_moments, dns_sample_moments
from .population import matched_beta, population_objective, robust_objective
from .simulate import simulate_moments, simulate_sample_moments

__all__ = ["Assessment", "assess", "nominal_beta"]


@dataclass(frozen=True)
class Assessment:
    """What a sampler estimates, and how well.

    Attributes
    ----------
    rows : list of dict
        target, quantity, truth, mean, error (of the mean: standard error or quadrature), bias, sd and rmse (of one
        user's estimate from n_pos positives). For the whole gradient of a sample the truth is its length, bias that of
        the bias vector, and there is no mean.
    nominal, realised, matched : float
        beta by the paper's reading (M/N, exp(-rho)); by the divergence of the weights, exp(-KL); and of the OPAUC whose
        objective the mean estimate equals.
    exact : bool
        Whether the population's moments are exact.
    """

    rows: list[dict[str, Any]]
    nominal: float
    realised: float
    matched: float
    exact: bool


def nominal_beta(sampler: Sampler) -> float:
    """The FPR limit that the paper ascribes to a sampler: M/N for DNS, exp(-rho) for softmax, 1 for uniform.

    Raises
    ------
    TypeError
        For other samplers.

    Examples
    --------
    >>> nominal_beta(DNS(5, 200))
    0.025
    """
    if isinstance(sampler, DNS):
        return sampler.M / sampler.N
    if isinstance(sampler, SoftmaxV):
        return math.exp(-sampler.rho)
    if isinstance(sampler, Uniform):
        return 1.0
    raise TypeError(f"sampler must be DNS, SoftmaxV, SoftmaxExact or Uniform to have a nominal beta, got {sampler}")


def assess(
    sampler: Sampler,
    model: ScoreModel,
    *,
    beta: float | None = None,
    n_pos: int = 100,
    n_neg: int | None = None,
    n_pairs: int = 20_000,
    rng: np.random.Generator | int | None = None,
) -> Assessment:
    """Truth, mean, bias, spread and error of a sampler as an estimator of OPAUC(beta)'s surrogate objective.

    Parameters
    ----------
    sampler : DNS, Uniform, SoftmaxV or SoftmaxExact
    model : ScoreModel
        With scores of finite variance.
    beta : float, optional
        FPR limit of the objective to estimate, in (0, 1]; by default the sampler's nominal one.
    n_pos : int
        Positives of the user whose estimate is assessed.
    n_neg : int, optional
        Also draw one user with so many negatives, at least N, and assess the estimates of that sample's own objective
        and gradient, pools without replacement.
    n_pairs : int
        Positives of the simulation that stands in where there is no exact law.
    rng : Generator, int or None
        Source of randomness (SPEC 7).

    Returns
    -------
    Assessment

    Raises
    ------
    TypeError, ValueError
        For arguments out of range; see :func:`population_objective` and :func:`simulate_sample_moments`.

    Examples
    --------
    >>> from sim.rankings import Binormal
    >>> found = assess(DNS(5, 200), Binormal.from_auc(0.9))
    >>> [round(found.rows[0][key], 4) for key in ("truth", "mean", "bias", "sd")]
    [1.1082, 1.0868, -0.0214, 0.0629]
    """
    count = check_int("n_pos", n_pos, low=1, most=MOST_SIZE)
    nominal = nominal_beta(sampler)
    level = check_fraction("beta", nominal if beta is None else beta)
    size = 0 if n_neg is None else check_int("n_neg", n_neg, most=MOST_SIZE)
    if n_neg is not None and size < sampler.N:
        raise ValueError(f"n_neg must be >= N={sampler.N}, the pool's size, got {size}")
    seed = to_seed(rng)
    exact = not isinstance(sampler, SoftmaxV)
    truth = population_objective(model, level).value
    found: PairMoments = (
        dns_moments(sampler, model) if exact else simulate_moments(sampler, model, n_pairs=n_pairs, rng=seed)
    )
    rows = _population_rows(f"population, OPAUC({level:.4g})", found, truth, count)
    if isinstance(sampler, SoftmaxV) and beta is None:
        ball = robust_objective(model, sampler.rho).value
        rows += _population_rows(f"population, KL ball {sampler.rho:.4g}", found, ball, count)
    if n_neg is not None:
        rows += _sample_rows(sampler, model, level, count, size, exact, seed)
    return Assessment(rows, nominal, math.exp(-found.kl), float(matched_beta(model, found.mean[0])), exact)


def _population_rows(target: str, found: PairMoments, truth: np.ndarray, n_pos: int) -> list[dict[str, Any]]:
    sd, rmse = np.sqrt(found.variance(n_pos)), np.sqrt(found.mse(truth, n_pos))
    return [
        {
            "target": target, "quantity": quantity, "truth": float(truth[q]), "mean": float(found.mean[q]),
            "error": float(found.mean_error[q]),
            "bias": float(found.mean[q] - truth[q]), "sd": float(sd[q]), "rmse": float(rmse[q]),
        }
        for q, quantity in enumerate(("value", "slope"))
    ]  # fmt: skip


def _sample_rows(
    sampler: Sampler, model: ScoreModel, beta: float, n_pos: int, n_neg: int, exact: bool, seed: int
) -> list[dict[str, Any]]:
    pos, neg = (scores[0] for scores in model.sample(n_pos, n_neg, rng=seed))
    truth, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, beta)
    found = dns_sample_moments(sampler, pos, neg) if exact else simulate_sample_moments(sampler, pos, neg, rng=seed)
    target = f"sample of {n_pos} + {n_neg}"
    bias2 = max(found.grad_bias2(grad_pos, grad_neg), 0.0)
    return [
        {
            "target": target, "quantity": "value", "truth": truth, "mean": float(found.mean[0]),
            "error": float(found.mean_error[0]), "bias": float(found.mean[0] - truth),
            "sd": math.sqrt(found.variance[0]), "rmse": math.hypot(found.mean[0] - truth, math.sqrt(found.variance[0])),
        },
        {
            "target": target, "quantity": "gradient",
            "truth": math.sqrt(float(grad_pos @ grad_pos + grad_neg @ grad_neg)), "mean": math.nan, "error": 0.0,
            "bias": math.sqrt(bias2), "sd": math.sqrt(found.grad_variance),
            "rmse": math.sqrt(bias2 + found.grad_variance),
        },
    ]  # fmt: skip
