"""Slow, obvious versions of sim.objectives: linear programs, one-dimensional searches, high precision, fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
from scipy.optimize import brentq, linprog, minimize


def cvar_by_fractions(losses: Sequence[float], beta: Fraction) -> Fraction:
    """Fill dQ/dP_0 <= 1 / beta from the largest loss downwards."""
    n = len(losses)
    left, value = Fraction(1), Fraction(0)
    for loss in sorted(losses, reverse=True):
        q = min(left, 1 / (beta * n))
        value += q * Fraction(loss)
        left -= q
    return value


def cvar_by_linear_program(losses: np.ndarray, beta: float) -> float:
    """max q . L subject to 0 <= q <= 1 / (beta n), sum q = 1."""
    n = len(losses)
    found = linprog(-losses, A_eq=np.ones((1, n)), b_eq=[1.0], bounds=(0.0, 1.0 / (beta * n)), method="highs")
    return -found.fun


def kl_at(losses: Sequence[float], lam: float, digits: int = 60) -> Decimal:
    """KL(Q || uniform) for Q proportional to exp(L / lam), in decimal arithmetic."""
    with localcontext() as context:
        context.prec = digits
        scaled = [Decimal(float(v)) / Decimal(float(lam)) for v in losses]
        top = max(scaled)
        weights = [(v - top).exp() for v in scaled]
        total = sum(weights)
        n = Decimal(len(losses))
        return sum((w / total * ((v - top) - (total / n).ln()) for v, w in zip(scaled, weights)), Decimal(0))


def kl_temperature_by_search(losses: np.ndarray, rho: float) -> float:
    """Root of KL - rho in log lambda."""
    spread = losses.max() - losses.min()

    def gap(u: float) -> float:
        lam = spread * math.exp(u)
        q = np.exp((losses - losses.max()) / lam)
        q /= q.sum()
        kept = q > 0
        return float((q[kept] * np.log(q[kept] * len(losses))).sum()) - rho

    return spread * math.exp(brentq(gap, -12.0, 12.0, xtol=1e-14))


def kl_dro_by_primal(losses: np.ndarray, rho: float) -> float:
    """max q . L on the simplex subject to KL(q || uniform) <= rho, by a general solver."""
    n = len(losses)

    def slack(q: np.ndarray) -> float:
        return rho - float((q * np.log(n * np.maximum(q, 1e-300))).sum())

    start = np.full(n, 1.0 / n)
    found = minimize(
        lambda q: -(q @ losses),
        start,
        jac=lambda q: -losses,
        bounds=[(1e-12, 1.0)] * n,
        constraints=[{"type": "eq", "fun": lambda q: q.sum() - 1.0}, {"type": "ineq", "fun": slack}],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-13},
    )
    return -found.fun


def opauc_surrogate_by_loops(pos: Sequence[float], neg: Sequence[float], m: int) -> float:
    """Equation (9) for n_neg * beta = m, term by term."""
    hardest = sorted(neg, reverse=True)[:m]
    return sum(math.log1p(math.exp(-(p - q))) for p in pos for q in hardest) / (len(pos) * m)
