"""Moments of the estimators: exact against enumeration, simulated against exact, mutants refuted (T1, T1-pool)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numba
import numpy as np
import pytest
from oracles import sampling as oracle
from scipy import stats

from sim.estimators import (
    GROUPS,
    PairMoments,
    assess,
    dns_moments,
    dns_sample_moments,
    nominal_beta,
    population_objective,
    simulate_moments,
    simulate_sample_moments,
)
from sim.objectives import logistic_loss, logistic_loss_grad, opauc_surrogate_grad
from sim.rankings import Binormal, Empirical, StudentT
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform
from sim.studies.estimators.common import MODELS

POS = np.array([0.3, 1.2])
NEG = np.array([0.5, -1.0, 0.1, 1.4, -0.3])
TIED = np.array([0.5, 0.1, 0.1, 0.1, -0.3])


def limit(comparisons: int) -> float:
    """Bound on |mean / standard error| over GROUPS groups; false alarm 1e-6 over so many comparisons."""
    return float(stats.t.isf(1e-6 / (2 * comparisons), GROUPS - 1))


def one_pair(sampler: Sampler, positive: float, pool: np.ndarray) -> np.ndarray:
    """Value and slope of one pool, by the definition."""
    weights = sampler.weights(logistic_loss(positive - pool))
    return np.array([weights @ logistic_loss(positive - pool), weights @ logistic_loss_grad(positive - pool)])


@pytest.mark.parametrize(("M", "N"), [(1, 2), (2, 3), (3, 3), (1, 4)])
def test_population_moments_are_those_over_all_pools(M, N):
    # the population of an empirical model is its atoms: pools are drawn with replacement
    found = dns_moments(DNS(M, N), Empirical(POS, NEG))
    pools = np.array(list(product(NEG, repeat=N)))
    pairs = np.array([[one_pair(DNS(M, N), positive, pool) for pool in pools] for positive in POS])
    assert found.mean == pytest.approx(pairs.mean(axis=(0, 1)), abs=1e-12)
    assert found.between == pytest.approx(pairs.mean(axis=1).var(axis=0), abs=1e-12)
    assert found.within == pytest.approx(pairs.var(axis=1).mean(axis=0), abs=1e-12)
    assert found.variance(7) == pytest.approx((found.between + found.within) / 7)
    assert found.mse(found.mean - 2.0, 7) == pytest.approx(found.variance(7) + 4.0)


@pytest.mark.parametrize("neg", [NEG, TIED], ids=["distinct", "tied"])
@pytest.mark.parametrize(("M", "N"), [(1, 2), (2, 3), (1, 4), (2, 5), (3, 3)])
def test_sample_moments_are_those_over_all_pools(M, N, neg):
    sampler, n = DNS(M, N), neg.size
    found = dns_sample_moments(sampler, POS, neg)
    orders = [list(pool) for pool in permutations(range(n), N)]  # ties go to the earlier position
    gradients, values = np.zeros((POS.size, len(orders), n)), np.zeros((POS.size, len(orders)))
    for i, positive in enumerate(POS):
        for k, pool in enumerate(orders):
            margin = positive - neg[pool]
            weights = sampler.weights(logistic_loss(margin))
            values[i, k] = weights @ logistic_loss(margin)
            gradients[i, k, pool] = -weights * logistic_loss_grad(margin)
    slopes = -gradients.sum(axis=2)
    assert found.mean == pytest.approx([values.mean(), slopes.mean()], abs=1e-13)
    assert found.variance == pytest.approx([values.var(axis=1).sum() / 4, slopes.var(axis=1).sum() / 4], abs=1e-13)
    assert found.grad_neg == pytest.approx(gradients.mean(axis=1).mean(axis=0), abs=1e-13)
    assert found.grad_pos == pytest.approx(slopes.mean(axis=1) / 2, abs=1e-13)
    spread = (gradients.var(axis=1).sum() + slopes.var(axis=1).sum()) / 4
    assert found.grad_variance == pytest.approx(spread, abs=1e-13)


def test_the_whole_pool_is_theorem_1():
    pos, neg = (scores[0] for scores in Binormal().sample(6, 40, rng=0))
    for M in (1, 4, 39, 40):
        value, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, M / 40)
        exact = dns_sample_moments(DNS(M, 40), pos, neg)
        drawn = simulate_sample_moments(DNS(M, 40), pos, neg, n_runs=128, rng=0)
        for found in (exact, drawn):
            assert found.mean[0] == pytest.approx(value, abs=1e-13)
            assert found.grad_bias2(grad_pos, grad_neg) < 1e-25
            assert max(found.variance.max(), found.grad_variance) < 1e-12
    below = dns_sample_moments(DNS(4, 30), pos, neg)  # negatives are missing: neither exact nor without variance
    assert below.grad_bias2(*opauc_surrogate_grad(pos, neg, 4 / 30)[1:]) > 1e-6 and below.variance.min() > 1e-7


def own_mixture(M: int, N: int, pos: np.ndarray, neg: np.ndarray, *, shift: int = 0, replace: bool = False) -> float:
    """Mean of the exact OPAUC(k / n) objectives under the law of DNS(M, N); ``shift`` moves k."""
    law = DNS(M, N).opauc_mixture(neg.size, replace=replace)
    ks = np.clip(np.arange(1, neg.size + 1) + shift, 1, neg.size)
    return float(law @ [opauc_surrogate_grad(pos, neg, k / neg.size)[0] for k in ks])


def test_dns_is_unbiased_for_its_own_mixture_t1_pool():
    pos, neg = (scores[0] for scores in Binormal().sample(10, 60, rng=1))
    assert dns_sample_moments(DNS(3, 20), pos, neg).mean[0] == pytest.approx(own_mixture(3, 20, pos, neg), abs=1e-12)
    found = simulate_sample_moments(DNS(3, 20), pos, neg, n_runs=20_000, rng=2)

    def z(target: float) -> float:
        return abs(found.mean[0] - target) / found.mean_error[0]

    assert z(own_mixture(3, 20, pos, neg)) < limit(1)
    mutants = {
        "M + 1": own_mixture(4, 20, pos, neg), "M - 1": own_mixture(2, 20, pos, neg),
        "N + 1": own_mixture(3, 21, pos, neg), "R instead of R - 1": own_mixture(3, 20, pos, neg, shift=1),
        "with replacement": own_mixture(3, 20, pos, neg, replace=True),
        "the hard cut M / N": opauc_surrogate_grad(pos, neg, 3 / 20)[0],
    }  # fmt: skip
    for name, target in mutants.items():
        assert z(target) > limit(1), name
    replaced = simulate_sample_moments(DNS(3, 20), pos, neg, n_runs=20_000, replace=True, rng=2)
    assert abs(replaced.mean[0] - mutants["with replacement"]) / replaced.mean_error[0] < limit(1)


def scores(found: PairMoments, exact: PairMoments, names: tuple[str, ...]) -> np.ndarray:
    """|z| of the simulated moments."""
    return np.concatenate([np.abs(getattr(found, n) - getattr(exact, n)) / getattr(found, f"{n}_error") for n in names])


@pytest.mark.parametrize("name", MODELS)
def test_simulated_moments_agree_with_exact_ones(name):
    # heavy tails: only means have a standard error that can be relied on
    light = name in ("beta", "binormal", "false-negatives")
    names = ("mean", "between", "within") if light else ("mean",)
    model = MODELS[name](0.8)
    found = simulate_moments(DNS(5, 50), model, n_pairs=20_000, rng=4)
    assert scores(found, dns_moments(DNS(5, 50), model), names).max() < limit(2 * len(names))
    assert found.kl == pytest.approx(np.log(10.0), abs=1e-12)
    for mutant in (DNS(4, 50), DNS(6, 50), DNS(5, 40), DNS(5, 60)):  # M off by one, and N by ten
        assert scores(found, dns_moments(mutant, model), ("mean",)).max() > limit(2)


@pytest.mark.parametrize("sampler", [DNS(3, 12), SoftmaxExact(0.7, 12), SoftmaxV(0.7, 12)], ids=str)
def test_simulated_sample_moments_agree_with_those_of_many_pools(sampler):
    # the other way round: pools drawn by NumPy, weighed by the definition; z of a difference of two means
    pos, neg = (s[0] for s in Binormal().sample(3, 30, rng=5))
    found = simulate_sample_moments(sampler, pos, neg, n_runs=20_000, rng=6)
    rng, runs = np.random.default_rng(7), 4_000
    drawn = np.zeros((runs, 2))
    for positive in pos:
        margin = positive - neg[np.argsort(rng.random((runs, neg.size)), axis=1)[:, :12]]
        weights = sampler.weights(logistic_loss(margin))
        for q, term in enumerate((logistic_loss, logistic_loss_grad)):
            drawn[:, q] += (weights * term(margin)).sum(axis=1) / pos.size
    gap = np.abs(drawn.mean(axis=0) - found.mean)
    assert (gap < 6 * np.hypot(drawn.std(axis=0) / np.sqrt(runs), found.mean_error)).all()  # 2e-9 each
    spread = drawn.var(axis=0, ddof=1) * np.sqrt(2 / runs)
    assert (np.abs(drawn.var(axis=0, ddof=1) - found.variance) < 8 * np.hypot(spread, found.variance_error)).all()
    assert found.grad_pos.sum() == pytest.approx(found.mean[1], abs=1e-12)
    assert found.grad_neg.sum() == pytest.approx(-found.mean[1], abs=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_sign_of_the_bias_of_dns(name):
    model = MODELS[name](0.9)
    for M, N in ((1, 20), (5, 50), (5, 200), (19, 20)):
        bias = dns_moments(DNS(M, N), model).mean - population_objective(model, M / N).value
        assert bias[0] < -1e-6 and bias[1] > 1e-6  # the loss and the slope's size are both underrated
    assert dns_moments(Uniform(3), model).mean == pytest.approx(population_objective(model, 1.0).value, rel=1e-7)


def test_equal_seeds_cut_the_same_draws():
    few = simulate_moments(Uniform(10), Binormal(), n_pairs=640, blocks=6, rng=3)
    many = simulate_moments(Uniform(30), Binormal(), n_pairs=640, blocks=2, rng=3)
    assert np.allclose(few.group_mean, many.group_mean, rtol=1e-12)
    assert not np.allclose(few.group_within, many.group_within, rtol=0.5)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("sampler", [DNS(2, 15), SoftmaxV(1.0, 15), SoftmaxExact(1.0, 15)], ids=str)
def test_threads_change_no_bit(sampler):
    pos, neg = (s[0] for s in Binormal().sample(4, 50, rng=0))
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        found = simulate_moments(sampler, StudentT(), n_pairs=500, rng=8)
        sample = simulate_sample_moments(sampler, pos, neg, n_runs=200, rng=8)
        fields = (*vars(found).values(), *vars(sample).values())
        results.append(b"".join(np.asarray(value, dtype=np.float64).tobytes() for value in fields))
    assert results[0] == results[1]


@pytest.mark.nojit
def test_the_kernel_is_the_definition_on_the_streams():
    # every draw read from the streams by the slow oracle; 128 pairs, 2 groups of draws each
    sampler, model, seed = DNS(2, 5), Binormal(0.7, 1.5), 11
    found = simulate_moments(sampler, model, n_pairs=128, blocks=2, rng=seed)
    blocks = np.zeros((128, 2, 2))
    for pair in range(128):
        positive = 0.7 + 1.5 * oracle.Stream(oracle.key_of(seed, pair, 0)).normal(0)
        stream = oracle.Stream(oracle.key_of(seed, pair, 1))
        for b in range(2):
            blocks[pair, b] = one_pair(sampler, positive, np.array([stream.normal(5 * b + j) for j in range(5)]))
    assert found.mean == pytest.approx(blocks.mean(axis=(0, 1)), rel=1e-12)
    assert found.within == pytest.approx(blocks.var(axis=1, ddof=1).mean(axis=0), rel=1e-10)
    total = blocks.var(axis=(0, 1)) * 128 / 127
    between = (blocks**2).mean(axis=(0, 1)) - blocks.var(axis=1, ddof=1).mean(axis=0) - blocks.mean(axis=(0, 1)) ** 2
    assert found.between == pytest.approx(between * 128 / 127, rel=1e-10)
    assert (found.between < total).all()


def test_an_own_sampler_is_assessed_too():
    @numba.njit
    def ends(losses, params, idx, w):  # type: ignore[no-untyped-def]
        idx[0], idx[1] = losses.argmax(), losses.argmin()
        w[0] = w[1] = 0.5
        return 2

    @dataclass(frozen=True)
    class Ends(Sampler):
        N: int = 10
        kernel = staticmethod(ends)
        params = ()

    found = simulate_sample_moments(Ends(5), POS, NEG, n_runs=128, rng=0)  # the whole pool: no variance
    expected = np.mean([one_pair(Ends(5), positive, NEG) for positive in POS], axis=0)
    assert found.mean == pytest.approx(expected, abs=1e-12)
    assert found.kl == pytest.approx(np.log(2.5), abs=1e-12)
    with pytest.raises(TypeError, match="nominal beta"):
        nominal_beta(Ends(5))


def test_realised_divergence():
    exact = simulate_moments(SoftmaxExact(1.3, 30), Binormal(), n_pairs=200, rng=0)
    assert exact.kl == pytest.approx(1.3, abs=1e-9)
    saturated = simulate_moments(SoftmaxExact(30.0, 30), Binormal(), n_pairs=200, rng=0)
    assert saturated.kl == pytest.approx(np.log(30.0), abs=1e-9)


def test_assess_puts_the_pieces_together():
    model = Binormal.from_auc(0.9)
    found = assess(DNS(5, 50), model, n_pos=10, n_neg=60, rng=0)
    moments, truth = dns_moments(DNS(5, 50), model), population_objective(model, 0.1).value
    assert [row["target"] for row in found.rows] == ["population, OPAUC(0.1)"] * 2 + ["sample of 10 + 60"] * 2
    assert [row["rmse"] ** 2 for row in found.rows[:2]] == pytest.approx(moments.mse(truth, 10))
    assert (found.nominal, found.exact) == (0.1, True)
    assert found.realised == pytest.approx(0.1) and 0.1 < found.matched < 0.13
    soft = assess(SoftmaxV(0.5, 50), model, n_pairs=128, rng=0)
    assert [row["target"] for row in soft.rows] == ["population, OPAUC(0.6065)"] * 2 + ["population, KL ball 0.5"] * 2
    assert len(assess(SoftmaxV(0.5, 50), model, beta=0.3, n_pairs=128, rng=0).rows) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dns_moments(SoftmaxV(1.0, 5), Binormal()), TypeError, "sampler must be DNS or Uniform"),
        (lambda: dns_moments(DNS(1, 5), StudentT(1.5)), ValueError, "finite variance"),
        (lambda: dns_sample_moments(DNS(1, 9), POS, NEG), ValueError, "neg_scores must have >= N=9"),
        (lambda: dns_sample_moments(DNS(1, 2), [], NEG), ValueError, "pos_scores must have at least one"),
        (lambda: dns_sample_moments(DNS(1, 2), POS, [np.nan]), ValueError, "neg_scores must be finite"),
        (lambda: dns_sample_moments(DNS(1, 2), [POS], NEG), ValueError, "pos_scores must be 1-D"),
        (lambda: simulate_moments(DNS(1, 5), Binormal(), n_pairs=5), ValueError, "n_pairs must be >= 128"),
        (lambda: simulate_moments(DNS(1, 5), Binormal(), blocks=1), ValueError, "blocks must be >= 2"),
        (lambda: simulate_moments(DNS(1, 5), "x"), TypeError, "model must be a ScoreModel"),
        (lambda: simulate_sample_moments(DNS(1, 5), POS, NEG, n_runs=5), ValueError, "n_runs must be >= 128"),
        (lambda: simulate_sample_moments(DNS(1, 9), POS, NEG), ValueError, "neg_scores must have >= N=9"),
        (lambda: assess(DNS(1, 5), Binormal(), n_neg=4), ValueError, "n_neg must be >= N=5"),
        (lambda: assess(DNS(1, 5), Binormal(), n_pos=0), ValueError, "n_pos must be >= 1"),
    ],
)
def test_bad_input_is_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
