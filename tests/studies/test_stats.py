"""The statistics of the guidelines: exact moments, coverage and false alarms where the truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from sim.studies.stats import Bootstrap, best_level, bootstrap, holm, peak, trend, trend_power

KS = (1, 5, 10, 20, 50, 100)
BETA = np.geomspace(0.005, 1.0, 9)


def study(rng, means, *, seeds=3, users=200, sd_user=0.3, sd_pair=0.1, sd_seed=0.01):
    """Values of shape (levels, seeds, users, q) around ``means`` (levels, q): users differ, by level too, and seeds."""
    levels, q = means.shape
    values = means[:, None, None, :] + rng.normal(0, sd_user, (1, 1, users, q))
    values = values + rng.normal(0, sd_pair, (levels, 1, users, 1)) + rng.normal(0, sd_pair, (levels, seeds, users, q))
    return values + rng.normal(0, sd_seed, (levels, seeds, 1, 1))


def one_peak(elasticity, at=0.1, width=0.02):
    """Curves over log(beta), (levels, len(KS)), whose peaks lie at ``at`` for K = 10 and move with K."""
    x = np.log(BETA)[:, None] - np.log(at) - elasticity * np.log(np.array(KS) / 10)
    return 0.3 - width * x**2


def variances(values):
    """What the bootstrap's variance must be, by the moments of multinomial counts."""
    seeds, users = values.shape[1:3]
    means = values.mean(axis=1)
    from_users = means.var(axis=1) / users
    if seeds == 1:
        return from_users
    own = values - means[:, None]
    spread = own.mean(axis=2) ** 2 + own.var(axis=2) / users  # (levels, seeds, q): E of the square over users' counts
    return from_users + spread.mean(axis=(0, 1)) / (seeds - 1)


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_bootstrap_has_the_exact_variance(rng, seeds):
    """20,000 replicates: the relative standard error of a variance is .01; 6 of them, false alarms below 1e-7."""
    values = study(rng, np.array([[0.2, 0.5], [0.3, 0.1], [0.25, 0.4]]), seeds=seeds, users=40)
    found = bootstrap(values, n=20_000)
    assert np.allclose(found.mean, values.mean(axis=(1, 2)))
    assert np.allclose(found.replicates.var(axis=0) / variances(values), 1, atol=0.06)
    error = np.sqrt(variances(values) / 20_000)
    assert (np.abs(found.replicates.mean(axis=0) - found.mean) < 6 * error).all()


def test_bootstrap_is_paired_and_repeatable(rng):
    values = study(rng, np.array([[0.2], [0.4]]), seeds=1)
    values[1] = values[0] + 0.5
    found = bootstrap(values, n=50)
    assert np.allclose(found.replicates[:, 1] - found.replicates[:, 0], 0.5)
    assert np.array_equal(found.replicates, bootstrap(values, n=50).replicates)
    assert not np.array_equal(found.replicates, bootstrap(values, n=50, seed=1).replicates)


def test_bootstrap_does_not_depend_on_its_blocks(rng, monkeypatch):
    values = study(rng, np.array([[0.2], [0.4]]))
    whole = bootstrap(values, n=30).replicates
    with monkeypatch.context() as patch:
        patch.setattr("sim.studies.stats.BLOCK", values.shape[2] * 7)
        assert np.allclose(bootstrap(values, n=30).replicates, whole, rtol=1e-12)


@pytest.mark.parametrize("values", [np.ones((2, 3, 4)), np.ones((2, 0, 4, 1)), np.full((1, 1, 2, 1), np.nan)])
def test_bootstrap_refuses(values):
    with pytest.raises(ValueError, match="values must be finite"):
        bootstrap(values)


def test_relative_drops_what_levels_share(rng):
    values = study(rng, np.array([[0.4], [0.5]]), sd_user=1.0, sd_pair=0.001, sd_seed=1e-4)
    found = bootstrap(np.abs(values), n=500)
    low, high = found.relative().interval()
    assert found.relative().mean.max() == 1.0
    assert (high - low).max() < 0.25 * (found.interval()[1] - found.interval()[0]).min()


def test_best_level_keeps_the_best(rng):
    """All levels equal, the hardest case: each is thrown out in at most 5%. 400 studies, binomial bound at 1e-7.

    Measured over 1,000 studies: 2%, and 8% where seeds differ five times as much and there are three of them.
    """
    out = 0
    for seed in range(400):
        found = bootstrap(study(rng, np.full((5, 1), 0.3), users=100), n=200, seed=seed)
        out += int(best_level(found)[0, 0] < 0.05)
    assert out <= scipy_stats.binom.isf(1e-7, 400, 0.05)


def test_best_level_throws_out_the_worse(rng):
    means = np.array([0.1, 0.28, 0.3, 0.3, 0.2])[:, None]
    p = best_level(bootstrap(study(rng, means, users=2000, seeds=5, sd_seed=0.002), n=1000))[:, 0]
    assert p[0] < 0.01 and p[4] < 0.01
    assert p[2] > 0.05 and p[3] > 0.05
    assert p.max() == p[np.argmax(p)] > 0.4


def test_best_level_of_one(rng):
    assert best_level(bootstrap(study(rng, np.array([[0.1]])), n=10)) == 1.0


@pytest.mark.parametrize("at", [0.0, 1.3, 2.5, 4.0])
def test_peak_of_a_parabola_is_exact(at):
    x = np.array([0.0, 0.5, 1.5, 2.0, 3.5, 4.0])
    assert peak(x, 7 - 0.3 * (x - at) ** 2) == pytest.approx(at)


def test_peak_stays_on_the_grid_and_takes_stacks():
    x = np.arange(4.0)
    curves = np.array([[[0, 1, 2, 3], [3, 2, 1, 0]], [[1, 0, 0, 2], [0, 0, 1, 0]]], dtype=float)
    found = peak(x, curves)
    assert found.shape == (2, 2)
    for i, j in itertools.product(range(2), range(2)):
        assert found[i, j] == peak(x, curves[i, j])
    assert found[0].tolist() == [3.0, 0.0]
    assert found[1, 0] == 3.0  # opens upwards


@pytest.mark.parametrize("x", [[0.0, 1.0], [0.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
def test_peak_refuses(x):
    with pytest.raises(ValueError, match="x must be rising"):
        peak(x, np.zeros(len(x)))


def test_trend_keeps_its_level(rng):
    """Same peak for every K: p < .05 in at most 5%. 600 studies, binomial bound at 1e-7 (9.9%).

    Measured over 1,000 studies: 0.4%, and 3% where the curves are almost flat.
    """
    alarms = 0
    for seed in range(600):
        found = bootstrap(study(rng, one_peak(0.0), users=100), n=200, seed=seed)
        alarms += trend(BETA, KS, found).p < 0.05
    assert alarms <= scipy_stats.binom.isf(1e-7, 600, 0.05)


@pytest.mark.parametrize("elasticity", [-0.5, 0.3, 0.6])
def test_trend_finds_the_elasticity(rng, elasticity):
    found = bootstrap(study(rng, one_peak(elasticity), users=4000, seeds=5, sd_seed=0.001), n=1000)
    seen = trend(BETA, KS, found)
    assert seen.p < 0.01
    assert seen.low < seen.elasticity < seen.high
    assert seen.elasticity == pytest.approx(elasticity, abs=0.1)


def test_power_is_not_overstated(rng):
    """Power computed from studies without a trend, against the share found in 200 studies with it.

    Measured .86, .40, .87 against .93: it is understated, as the null hypothesis's curve carries noise of its own.
    """
    nulls = [bootstrap(study(rng, one_peak(0.0), users=400), n=1000) for _ in range(3)]
    powers = [trend_power(BETA, KS, null, 0.1) for null in nulls]
    found = [trend(BETA, KS, bootstrap(study(rng, one_peak(0.1), users=400), n=200, seed=s)) for s in range(200)]
    seen = np.mean([f.p < 0.05 and f.elasticity > 0 for f in found])
    assert seen > 0.7
    assert 0.3 < np.mean(powers) < seen + 0.1
    assert trend_power(BETA, KS, nulls[0], 0.0) == pytest.approx(0.025, abs=0.01)
    assert trend_power(BETA, KS, nulls[0], -1.0) > 0.9


def test_trend_needs_two_cut_offs(rng):
    found = Bootstrap(np.ones((3, 1)), np.ones((5, 3, 1)))
    with pytest.raises(ValueError, match="two different cut-offs"):
        trend([0.1, 0.2, 0.3], [5], found)


def test_holm_is_the_stepwise_procedure(rng):
    """Rejecting where the corrected p is at most alpha is Holm's procedure, step by step, at every alpha."""
    for _ in range(50):
        p = rng.uniform(size=6) ** 2
        for alpha in (0.01, 0.05, 0.2):
            rejected = np.zeros(6, bool)
            for step, i in enumerate(np.argsort(p)):
                if p[i] > alpha / (6 - step):
                    break
                rejected[i] = True
            assert np.array_equal(holm(p) <= alpha, rejected)
    assert holm(np.full((2, 3), 0.01)) == pytest.approx(0.06)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\]"):
        holm([0.5, 1.5])
