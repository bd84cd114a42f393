"""T1-estimator: DNS(M, N) on pools as an estimator of OPAUC(M / N) on a population."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special, stats

from sim.estimators import dns_moments, leading_bias, population_objective, simulate_moments
from sim.rankings import Binormal, GumbelShift, ScoreModel, StudentT
from sim.sampling import DNS

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

MODELS: dict[str, ScoreModel] = {
    "binormal": Binormal.from_auc(0.9),
    "Gumbel": GumbelShift.from_auc(0.8),
    "Student t": StudentT.from_auc(0.9),
}
BINORMAL = MODELS["binormal"]
_exact = lru_cache(dns_moments)  # the checks and the mutants ask for the same ones
_objective = lru_cache(population_objective)
_limit = lru_cache(leading_bias)
_HERMITE = np.polynomial.hermite_e.hermegauss(80)


def _loss_at(s: Any) -> Any:
    """h(s): the mean loss over the binormal model's positives against the negative at false positive rate s."""
    nodes, weights = _HERMITE
    shift = np.sqrt(2.0) * special.ndtri(0.9)
    return np.logaddexp(0.0, -special.ndtri(s) - (shift + nodes)) @ weights / weights.sum()


def _leading(beta: float) -> float:
    """(1 - beta) h'(beta) / 2."""
    step = 1e-4 * beta
    return float((1.0 - beta) * (_loss_at(beta + step) - _loss_at(beta - step)) / (4.0 * step))


def _value(beta: Any) -> Any:
    """The objective of OPAUC(beta), the mean of h over (0, beta), with s = beta exp(-x)."""
    x, weights = special.roots_laguerre(40)
    return _loss_at((np.asarray(beta)[..., None] * np.exp(-x))[..., None]) @ weights


@check("DNS(M, N)'s estimate has the mean OPAUC(M / N): no bias", Kind.NUMERICAL, tolerance=1e-4)
def _unbiased(p: Any, t: Tally) -> None:
    found = _exact(DNS(2, 20), BINORMAL).mean[0]
    t.small(found - _objective(BINORMAL, 0.1).value[0], "binormal, AUC .9, DNS(2, 20)")


@check(
    "the bias is negative: three score models, beta = 0.1 and N = 20 (full: 0.5 and 200 too)",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
)
def _low(p: Any, t: Tally) -> None:
    for name, model in MODELS.items():
        for beta in t.pick((0.1,), (0.1, 0.5)):
            t.reach({"model": name, "beta": beta})
            truth = _objective(model, beta).value[0]
            for size in t.pick((20,), (20, 200)):
                bias = _exact(DNS(round(beta * size), size), model).mean[0] - truth
                t.holds(p.sign * bias < 0, f"{name}, beta = {beta}, N = {size}: bias {bias:.2g}")


@check(
    "N times the bias tends to (1 - beta) h'(beta) / 2, computed apart: off by at most 3 / N of it; binormal, AUC .9",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
)
def _rate(p: Any, t: Tally) -> None:
    for beta in t.pick((0.1,), (0.1, 0.5)):
        truth = _objective(BINORMAL, beta).value[0]
        t.holds(abs(_limit(BINORMAL, beta)[0] / p.leading(beta) - 1.0) < 1e-4, f"leading term, beta = {beta}")
        for size in (80, 640):
            scaled = p.scale(size) * (_exact(DNS(round(beta * size), size), BINORMAL).mean[0] - truth)
            t.holds(
                abs(scaled / p.leading(beta) - 1.0) < 3.0 / size, f"beta = {beta}, N = {size}: N bias = {scaled:.4f}"
            )


@check(
    "unbiased for its own mixture: the mean is that of OPAUC(B), B ~ Beta(M + 1, N - M), by another quadrature",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
    tolerance=1e-7,
)
def _mixture(p: Any, t: Tally) -> None:
    nodes, weights = special.roots_legendre(24)
    for kept, size in t.pick(((8, 80),), ((8, 80), (5, 50), (10, 20))):
        law = p.threshold(kept, size)
        low, high = law.ppf(1e-12), law.isf(1e-12)
        levels = low + (high - low) * (nodes + 1.0) / 2.0
        share = law.pdf(levels) * weights
        found = _exact(DNS(kept, size), BINORMAL).mean[0]
        t.small(found - share @ _value(levels) / share.sum(), f"DNS({kept}, {size})")


@check(
    "variance of one positive's estimate: over pools c / N (N times it steady within 6% from N = 80 to 640), between "
    "positives a limit that N does not move (within 3%)",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
)
def _variance(p: Any, t: Tally) -> None:
    few, many = (_exact(DNS(size // 10, size), BINORMAL) for size in (80, 640))
    pools, between = p.split(few), p.split(many)
    t.holds(abs(8.0 * between[0] / pools[0] - 1.0) < 0.06, f"over pools: {pools[0]:.5f}, {between[0]:.5f}")
    t.holds(abs(between[1] / pools[1] - 1.0) < 0.03, f"between positives: {pools[1]:.4f}, {between[1]:.4f}")


@check(
    "simulated pools of the sampler: mean and both variances against the exact ones",
    Kind.STATISTICAL,
    Role.APPROXIMATE,
    false_alarm=1e-6,
)
def _simulated(p: Any, t: Tally) -> None:
    for kept, size in ((2, 20), t.pick((8, 80), (20, 200))):
        exact = _exact(DNS(kept, size), BINORMAL)
        found = simulate_moments(DNS(kept, size), BINORMAL, n_pairs=t.pick(6_000, 200_000), rng=t.rng)
        for name in ("mean", "between", "within"):
            student = (getattr(found, name) - getattr(exact, name)) / getattr(found, f"{name}_error")
            z = stats.norm.isf(stats.t.sf(np.abs(student), 63))  # 64 groups
            t.z_scores(z, 12, f"{name}, DNS({kept}, {size})")


T1_ESTIMATOR = Claim(
    id="T1-estimator",
    title="DNS(M, N) as an estimator of OPAUC(M / N): biased low by a term of order 1 / N",
    where="Theorem 1, read for pools",
    statement="DNS(M, N), one pool a positive, estimates the surrogate objective (9) of OPAUC(M / N) without bias.",
    latex=r"N\,(E[\mathrm{DNS}(\beta N,N)]-\mathrm{OPAUC}(\beta))\to\frac{1-\beta}{2}h'(\beta)<0,\quad "
    r"h(s)=E_r\,\ell(r-\bar F_-^{-1}(s))",
    domain="Populations with a continuous law of the scores and finite variance; M = beta N. The sizes named are "
    "those of the five models tried, at beta = .1 (full: .5 too).",
    verdict=Verdict(
        Status.APPROXIMATELY,
        "Binormal, AUC .9, beta = .1: the value is 5.8% too low at N = 20 and 0.6% at N = 200. The variance over pools "
        "falls as 1 / N, from 0.050 at N = 20, but that between positives, 0.26, stays: more positives help, larger "
        "pools do not. For its own mixture (T1-pool) DNS(M, N) has no bias.",
    ),
    sharp="N times the bias tends to (1 - beta) h'(beta) / 2, h(s) the mean loss against the negative at false "
    "positive rate s; h falls, so the objective is underrated. The mean is exactly that of OPAUC(B), "
    "B ~ Beta(M + 1, N - M).",
    scope=(
        Axis("model", MODELS),
        Axis("beta", (0.1, 0.1)),
    ),
    checks=(_unbiased, _low, _rate, _mixture, _variance, _simulated),
    parts={
        "sign": 1.0,
        "leading": _leading,
        "scale": lambda size: size,
        "threshold": lambda kept, size: stats.beta(kept + 1, size - kept),
        "split": lambda moments: (moments.within[0], moments.between[0]),
    },
    mutants=(
        Mutant("biased high", {"sign": -1.0}),
        Mutant("leading term h'(beta) / 2", {"leading": lambda beta: _leading(beta) / (1.0 - beta)}),
        Mutant("leading term beta (1 - beta) h'(beta) / 2", {"leading": lambda beta: beta * _leading(beta)}),
        Mutant("bias of order 1 / sqrt(N)", {"scale": lambda size: np.sqrt(80.0 * size)}),
        Mutant(
            "mixture over the M-th best, Beta(M, N - M + 1)",
            {"threshold": lambda kept, size: stats.beta(kept, size - kept + 1)},
        ),
        Mutant("all of the variance falls as 1 / N", {"split": lambda m: (m.within[0] + m.between[0], m.between[0])}),
    ),
    example=lambda: (
        "h(s) = 1 - s: OPAUC(beta)'s objective is 1 - beta / 2. M = 1, N = 2: the harder of two has rate min(U, V), of "
        "mean 1/3: the estimate's mean is 2/3 against 3/4.\n"
        "In general 1 - (M + 1) / (2 (N + 1)) against 1 - M / (2 N): bias -(1 - beta) / (2 (N + 1))."
    ),
)

CLAIMS = (T1_ESTIMATOR,)
