"""Losses made for the top K, by their populations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sim.objectives import (
    bsl_minimiser,
    bsl_risk,
    ccl_minimiser,
    collapse_margin,
    psl_risk,
    renyi_divergence,
    sampled_quantile_rank,
    softmax_loss,
)

P, Q = np.array([0.5, 0.2, 0.2, 0.1]), np.array([0.2, 0.2, 0.3, 0.3])


def test_softmax_risk_is_the_mean_of_the_librarys_loss() -> None:
    scores, counts = np.array([0.3, -0.2, 0.9, 0.0]), np.array([2, 2, 3, 3])
    loss = softmax_loss(scores, np.repeat(scores, counts), 0.7, positive_in_denominator=False)
    assert bsl_risk(P, Q, scores, tau=0.7) == pytest.approx(0.7 * (P @ loss - np.log(10.0)))
    assert psl_risk(P, Q, scores, tau=0.7, activation="exp") == pytest.approx(P @ loss - np.log(10.0))


@pytest.mark.parametrize("tau_pos", [0.5, 1.0, np.inf])
def test_bsl_minimum_is_a_renyi_divergence(tau_pos: float) -> None:
    scores, least = bsl_minimiser(P, Q, tau=0.4, tau_pos=tau_pos)
    assert scores is not None
    assert bsl_risk(P, Q, scores, tau=0.4, tau_pos=tau_pos) == pytest.approx(least, abs=1e-12)
    order = 1.0 if tau_pos == np.inf else tau_pos / (tau_pos - 0.4)
    assert least == pytest.approx(-0.4 * renyi_divergence(P, Q, order))
    rng = np.random.default_rng(0)
    assert all(bsl_risk(P, Q, scores + rng.normal(size=4), tau=0.4, tau_pos=tau_pos) > least for _ in range(200))


def test_bsl_runs_away_where_the_positives_are_the_colder() -> None:
    scores, least = bsl_minimiser(P, Q, tau=1.0, tau_pos=0.5)
    assert scores is None
    ahead = [bsl_risk(P, Q, np.array([x, 0.0, 0.0, 0.0]), tau=1.0, tau_pos=0.5) for x in (0.0, 2.0, 10.0, 100.0)]
    assert (np.diff(ahead) < 0).all() and ahead[-1] == pytest.approx(least)


def test_risks_do_not_depend_on_a_constant() -> None:
    scores = np.array([0.3, -0.2, 0.9, 0.0])
    for activation in ("exp", "relu", "tanh", "atan"):
        one = psl_risk(P, Q, scores, tau=0.5, activation=activation)
        assert psl_risk(P, Q, scores + 7.0, tau=0.5, activation=activation) == pytest.approx(one)
    assert bsl_risk(P, Q, scores + 7.0, tau=0.5, tau_pos=2.0) == pytest.approx(
        bsl_risk(P, Q, scores, tau=0.5, tau_pos=2.0)
    )


def test_large_scores_do_not_overflow() -> None:
    assert np.isfinite(bsl_risk(P, Q, [1e5, 0.0, -1e5, 3.0], tau=1e-3, tau_pos=1e-2))
    assert np.isfinite(psl_risk(P, Q, [1e3, 0.0, -1e3, 3.0], tau=0.01, activation="exp"))


def test_ccl_minimiser_against_a_grid() -> None:
    grid = np.linspace(-1.0, 1.0, 41)
    for weight, margin in ((0.5, 0.2), (1.0, -0.5), (3.0, 0.8)):
        found = ccl_minimiser(P, Q, weight=weight, margin=margin)
        at = P * (1 - found) + weight * Q * np.clip(found - margin, 0, None)
        all_risks = P[:, None] * (1 - grid) + weight * Q[:, None] * np.clip(grid - margin, 0, None)
        assert (at <= all_risks.min(axis=1) + 1e-12).all()


def test_collapse_margin_against_every_set() -> None:
    def cut(x: np.ndarray) -> np.ndarray:
        return np.minimum(np.asarray(x) / 0.3, 1.0)

    sets = [list(s) for k in range(5) for s in combinations(range(4), k)]
    expected = max(P[s].sum() - min(Q[s].sum() / 0.3, 1.0) for s in sets)
    assert collapse_margin(P, Q, negatives=cut) == pytest.approx(expected)
    assert collapse_margin(P, Q) == pytest.approx(0.3)  # AUC: the largest P(A) - Q(A)


@pytest.mark.parametrize(("n", "size", "m"), [(7, 3, 2), (8, 8, 5), (6, 1, 1), (500, 40, 3)])
def test_sampled_rank_has_the_known_mean_and_variance(n: int, size: int, m: int) -> None:
    law, r = sampled_quantile_rank(n, size, m), np.arange(1, n + 1)
    mean = m * (n + 1) / (size + 1)
    assert law.sum() == pytest.approx(1.0) and law @ r == pytest.approx(mean)
    variance = m * (size + 1 - m) * (n + 1) * (n - size) / ((size + 1) ** 2 * (size + 2))
    assert law @ (r - mean) ** 2 == pytest.approx(variance, abs=1e-9)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"q must be positive probabilities"):
        bsl_risk([0.5, 0.5], [0.0, 1.0], [0.0, 0.0], tau=1.0)
    with pytest.raises(ValueError, match=r"scores must have shape \(2,\), got \(3,\)"):
        bsl_risk([0.5, 0.5], [0.5, 0.5], [0.0, 0.0, 0.0], tau=1.0)
    with pytest.raises(ValueError, match=r"tau must be in"):
        bsl_minimiser(P, Q, tau=0.0)
    with pytest.raises(ValueError, match=r"activation must be one of 'exp'"):
        psl_risk(P, Q, P, tau=1.0, activation="elu")
    with pytest.raises(ValueError, match=r"margin must be in"):
        ccl_minimiser(P, Q, weight=1.0, margin=2.0)
    with pytest.raises(ValueError, match=r"at most 16 instances, got 17"):
        collapse_margin(np.full(17, 1 / 17), np.full(17, 1 / 17))
    with pytest.raises(ValueError, match=r"m must be in 1\.\.3, got 4"):
        sampled_quantile_rank(9, 3, 4)
