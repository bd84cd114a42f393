"""Pools by popularity, from caches and by factors against their exact laws; corrections; laws over ranks."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import sampling as oracle
from scipy import stats

from sim.core.random import stream
from sim.sampling import (
    DNS,
    WARP,
    AdaSIR,
    Softmax,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
    rank_distribution,
    simulate_rank_distribution,
)
from sim.sampling.kernels.pools import set_bit
from sim.sampling.kernels.proposals import CACHE, FACTORS, alias_table, correct, draw_proposed
from sim.sampling.proposals import item_weights, proposal_arrays

# False alarms: chi-square tests at 1e-7 each; comparisons at 7 standard errors, under 1e-10 each.

NONE = np.empty(0), np.empty(0, np.uint64)


def pools(proposal, n_items, size, times, *, excluded=(), replace=True, user=0, row=None):
    """``times`` pools, as rows; -1 where they are cut."""
    mask = np.zeros((n_items + 63) // 64, np.uint64)
    for i in excluded:
        set_bit(mask, i)
    before = mask.copy()
    out = np.full((times, size), -1)
    ids, q = np.empty(size, np.int32), np.empty(size)
    row = np.zeros(1) if row is None else row
    for t in range(times):
        key = np.uint64(stream(np.uint64(7), t))
        n = draw_proposed(key, proposal, user, row, n_items, len(excluded), size, replace, mask, ids, q)
        out[t, :n] = ids[:n]
        if proposal[1].size:
            assert (q[:n] == proposal[1][ids[:n]]).all()
    assert (mask == before).all()
    return out


def follows(values, law):
    """Chi-square test of draws against a law; nothing may fall where the law is zero."""
    counts = np.bincount(values, minlength=law.size)
    assert (counts[law == 0] == 0).all()
    expected = law[law > 0] * values.size
    assert expected.min() > 5
    return stats.chisquare(counts[law > 0], expected).pvalue > 1e-7 if expected.size > 1 else True


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=50).filter(any))
def test_alias_tables_hold_the_law(weights):
    w = np.array(weights)
    accept, alias = np.empty_like(w), np.empty(w.size, np.int32)
    alias_table(w, accept, alias)
    law = np.bincount(np.arange(w.size), accept, w.size) + np.bincount(alias, 1 - accept, w.size)
    assert ((accept >= 0) & (accept <= 1 + 1e-9)).all()
    np.testing.assert_allclose(law / w.size, w / w.sum(), atol=1e-12)
    assert (law[w == 0] == 0).all()


def test_names_of_proposals():
    counts = np.array([0.0, 1.0, 8.0])
    assert item_weights("uniform", counts).tolist() == [1, 1, 1]
    assert item_weights("count^0", counts).tolist() == [1, 1, 1]
    assert item_weights("count^2", counts).tolist() == [0, 1, 64]
    np.testing.assert_allclose(item_weights("log-count", counts), np.log([1, 2, 9]))
    for bad in ("count", "count^", "count^-1", "count^nan", "count^inf", "popular", None, 3):
        with pytest.raises(ValueError, match="proposal must be") as error:
            Uniform(1, proposal=bad)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="counts must be given"):
        proposal_arrays("log-count", None)
    for name, many in (("count^1", np.zeros(3)), ("count^100", np.full(4, 1200.0))):  # finite each, but not their sum
        with pytest.raises(ValueError, match="must give weights of a positive, finite sum"):
            proposal_arrays(name, many)


COUNTS = np.array([50.0, 0.0, 10.0, 3.0, 25.0, 12.0])


@pytest.mark.parametrize("excluded", [(), (0,), (0, 4)])
def test_popular_pools_with_replacement_follow_the_law(excluded):
    law = COUNTS.copy()
    law[list(excluded)] = 0
    law /= law.sum()
    drawn = pools(proposal_arrays("count^1", COUNTS), 6, 4, 8_000, excluded=excluded)
    for place in range(4):
        assert follows(drawn[:, place], law)
    assert follows(6 * drawn[:, 1] + drawn[:, 3], np.outer(law, law).ravel())  # places are independent


def test_popular_pools_without_replacement_are_drawn_one_after_the_other():
    drawn = pools(proposal_arrays("count^1", COUNTS), 6, 2, 20_000, excluded=(4,), replace=False)
    w = {i: COUNTS[i] for i in (0, 2, 3, 5)}
    total = sum(w.values())
    law = np.zeros(36)
    for a, b in permutations(w, 2):
        law[6 * a + b] = w[a] / total * w[b] / (total - w[a])
    assert follows(6 * drawn[:, 0] + drawn[:, 1], law)


def test_rare_admissible_items_are_found_by_going_through_all():
    counts = np.array([1e9, 1.0, 2.0, 0.0, 3.0])
    proposal = proposal_arrays("count^1", counts)
    assert follows(pools(proposal, 5, 1, 20_000, excluded=(0,))[:, 0], np.array([0, 1, 2, 0, 3]) / 6)
    drawn = pools(proposal, 5, 4, 300, excluded=(0,), replace=False)
    assert (np.sort(drawn, axis=1) == [-1, 1, 2, 4]).all()  # three have a weight: the pool is cut


def test_nothing_to_draw():
    proposal = proposal_arrays("count^1", np.array([1.0, 0.0]))
    assert (pools(proposal, 2, 3, 5, excluded=(0, 1)) == -1).all()
    assert (pools(proposal, 2, 3, 5, excluded=(0,)) == -1).all()
    assert (pools((CACHE, *NONE, np.full((1, 4), -1, np.int32), np.empty((0, 0))), 2, 3, 5) == -1).all()


def test_caches_are_drawn_from_uniformly():
    caches = np.array([[9, 9, 9, 9], [1, 3, 3, 7]], np.int32)
    drawn = pools((CACHE, *NONE, caches, np.empty((0, 0))), 10, 3, 3_000, user=1, replace=False)
    assert follows(drawn.ravel(), np.bincount([1, 3, 3, 7], minlength=10) / 4)


@pytest.mark.parametrize("excluded", [(), (0, 3, 7)])
def test_aobpr_draws_follow_their_law(excluded):
    rng = np.random.default_rng(0)
    V, row = rng.normal(size=(12, 3)) * [1, 2, 0.5], np.array([0.3, -1.0, 2.0])
    order = np.argsort(-V.T, axis=1, kind="stable").astype(np.int32)
    numbers = np.stack([V.std(axis=0), np.full(3, 2.5)])
    drawn = pools((FACTORS, *NONE, order, numbers), 12, 2, 15_000, excluded=excluded, row=row)
    law = oracle.aobpr_law(row, V, 2.5, set(excluded))
    assert follows(drawn[:, 0], law) and follows(drawn[:, 1], law)


# -- corrections and laws over ranks ----------------------------------------------------------------------------------


def test_the_correction_favours_what_the_proposal_draws_too_rarely():
    """The sign test of the log-q correction: equal scores, and the item drawn four times as often weighs a quarter."""
    w, idx = np.array([0.5, 0.5]), np.array([0, 1])
    correct(2, idx, w, np.array([4.0, 1.0]))
    np.testing.assert_allclose(w, [0.2, 0.8])


def enumerated(sampler, losses, counts):
    """Mean weight by rank over all ordered pools with replacement, in which items come by their counts."""
    order = np.argsort(-losses)
    q = item_weights(sampler.proposal, counts[order])
    q /= q.sum()
    out = np.zeros(losses.size)
    for pool in product(range(losses.size), repeat=sampler.N):
        w = sampler.weights(losses[order][list(pool)])
        if sampler.corrected:
            with np.errstate(divide="ignore"):
                w = w / q[list(pool)]
        chance = q[list(pool)].prod()
        if chance > 0:
            np.add.at(out, list(pool), chance * w / w.sum())
    return out


LOSSES = np.array([0.2, 1.5, -0.4, 0.9, 0.1])
PAIRS = np.array([6.0, 1.0, 3.0, 0.0, 2.0])


@pytest.mark.parametrize(
    "sampler",
    [
        popularity(1.0, 3), popularity(0.5, 2), DNS(1, 3, proposal="count^1"), DNS(2, 3, proposal="log-count"),
        Softmax(0.7, 3), pris(3, popular=True), Uniform(3, proposal="count^1", corrected=True),
        Softmax(0.5, 3, proposal="count^2", corrected=True),
    ],
    ids=str,
)  # fmt: skip
def test_simulated_ranks_follow_the_exact_law_over_proposals(sampler):
    law = simulate_rank_distribution(sampler, LOSSES, n_pools=40_000, replace=True, counts=PAIRS, rng=3)
    exact = enumerated(sampler, LOSSES, PAIRS)
    assert exact.sum() == pytest.approx(1)
    assert (np.abs(law.probability - exact) <= 7 * law.standard_error + 1e-12).all()


def test_large_corrected_pools_approach_the_law_that_they_estimate():
    # PRIS(P) on ever larger pools against the softmax over all negatives that the proposal can reach
    rng = np.random.default_rng(1)
    scores, counts = np.sort(rng.normal(size=30))[::-1], rng.integers(1, 50, 30)
    target = oracle.tilt(scores, 1.0)
    far = []
    for n in (5, 50, 500):
        law = simulate_rank_distribution(
            pris(n, popular=True), scores, n_pools=4_000, replace=True, counts=counts, rng=0
        )
        far.append(np.abs(law.probability - target).sum())
    plain = simulate_rank_distribution(
        Softmax(1.0, 500, proposal="log-count"), scores, n_pools=4_000, replace=True, counts=counts, rng=0
    )
    assert far[0] > far[1] > far[2] and far[2] < 0.02 < np.abs(plain.probability - target).sum() / 5


def test_popularity_must_come_with_counts_and_has_no_law_without():
    with pytest.raises(ValueError, match="counts must be given for pools drawn by count"):
        simulate_rank_distribution(popularity(1.0, 2), LOSSES)
    with pytest.raises(ValueError, match="free of item counts"):
        DNS(1, 2, proposal="log-count").rank_distribution(5)
    with pytest.raises(ValueError, match="counts must be 5 numbers"):
        simulate_rank_distribution(popularity(1.0, 2), LOSSES, counts=[1.0, 2.0])
    with pytest.raises(ValueError, match="corrected must be one of"):
        Softmax(1.0, 5, corrected="yes")


def test_options_at_their_default_do_not_rename_a_sampler():
    assert DNS(2, 9).get_params() == {"M": 2, "N": 9} and repr(DNS(2, 9)) == "DNS(M=2, N=9)"
    named = DNS(2, 9, proposal="count^0.75", corrected=True)
    assert DNS(**named.get_params()) == named and named != DNS(2, 9)
    assert repr(named) == "DNS(M=2, N=9, proposal='count^0.75', corrected=True)"


# -- weights ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.floats(0.05, 20))
def test_softmax_of_scores(margins, tau):
    np.testing.assert_allclose(
        Softmax(tau, len(margins)).weights(margins), oracle.softmax_weights(margins, tau), atol=1e-12
    )


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(1, 100))
def test_warp_takes_the_first_violation(margins, n_neg):
    got = WARP(n_neg, 1.0, len(margins)).weights(margins)
    np.testing.assert_allclose(got, oracle.warp_weights(margins, 1.0, n_neg), atol=1e-12)


TOPK = [
    TopKOptimal("recall", 20, N=100, n_pos=20, n_neg=1500), TopKOptimal("ndcg", 50, N=40, n_pos=30, n_neg=60),
    TopKOptimal("ndcg", 20, N=60, n_pos=200, n_neg=60, falling=True), TopKOptimal("recall", 5, 50, 40, 20_000),
]  # fmt: skip


@pytest.mark.parametrize("sampler", TOPK, ids=str)
def test_topk_weights_by_rank(sampler):
    rng = np.random.default_rng(0)
    for _ in range(20):
        losses = rng.integers(0, sampler.N, sampler.N).astype(float)
        np.testing.assert_allclose(sampler.weights(losses), oracle.ranked_weights(losses, sampler.params), atol=1e-12)
    short = rng.permutation(max(1, sampler.width // 2)).astype(float)  # a pool that the catalogue cut
    np.testing.assert_allclose(sampler.weights(short), oracle.ranked_weights(short, sampler.params), atol=1e-12)


@pytest.mark.parametrize("sampler", TOPK, ids=str)
def test_topk_carries_the_optimal_weights_to_expected_ranks(sampler):
    from sim.rankings import optimal_weights

    wanted = optimal_weights(sampler.n_pos, sampler.n_neg, sampler.metric, sampler.K, falling=sampler.falling)[0]
    wanted = np.maximum(wanted, 0) / np.maximum(wanted, 0).sum()
    expected_rank = np.arange(1, sampler.N + 1) * (sampler.n_neg + 1) / (sampler.N + 1)
    pool = np.zeros(sampler.N)
    for rank, weight in enumerate(wanted, 1):
        above = np.flatnonzero(expected_rank >= rank - 1e-9)
        pool[above[0] if above.size else -1] += weight
    np.testing.assert_allclose(pool[: sampler.width], sampler.params, atol=1e-12)
    assert not pool[sampler.width :].any()


def test_topk_on_all_negatives_is_the_optimum_and_on_coarse_pools_dns():
    from sim.rankings import optimal_weights, weights_correlation

    whole = TopKOptimal("ndcg", 20, N=300, n_pos=60, n_neg=300)
    free = optimal_weights(60, 300, "ndcg", 20)[0]
    np.testing.assert_allclose(
        whole.rank_distribution(300), np.maximum(free, 0) / np.maximum(free, 0).sum(), atol=1e-12
    )
    assert weights_correlation(whole.rank_distribution(300), 60, 300, "ndcg", 20) > max(
        weights_correlation(DNS(m, 300).rank_distribution(300), 60, 300, "ndcg", 20) for m in range(1, 301)
    )
    assert TopKOptimal("ndcg", 20, N=200, n_pos=20, n_neg=40_000).params == pytest.approx((1.0,))


@pytest.mark.parametrize("replace", [False, True])
def test_topk_rank_law_is_exact(replace):
    sampler = TopKOptimal("ndcg", 8, N=10, n_pos=10, n_neg=25)
    assert sampler.width > 2
    law = sampler.rank_distribution(25, replace=replace)
    assert law.sum() == pytest.approx(1)
    seen = simulate_rank_distribution(sampler, np.arange(25.0), n_pools=40_000, replace=replace, rng=0)
    often = law * 40_000 > 50
    assert (np.abs(seen.probability - law) <= 7 * seen.standard_error + 1e-12)[often].all() and often[:12].all()
    assert rank_distribution(sampler, 25, replace=replace).n_pools == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Softmax(0.0, 5), "tau must be in"), (lambda: Softmax(1.0, 0), "N must be >= 1"),
        (lambda: popularity(-1.0), "alpha must be in"), (lambda: WARP(0), "n_neg must be >= 1"),
        (lambda: WARP(5, 0.0), "margin must be in"),
        (lambda: WARP(5, corrected=True), "corrected must be False for WARP"),
        (lambda: TopKOptimal("ndcg", 5, 50, 5, 20), "n_neg must be >= 50"),
        (lambda: TopKOptimal("auc", 5, 5, 5, 20), "metric must be one of"),
        (lambda: TopKOptimal("ndcg", 0, 5, 5, 20), "k must be"), (lambda: AdaSIR(1, 0), "C must be >= 1"),
        (lambda: AdaSIR(reuse=0.0), "reuse must be in"), (lambda: AdaSIR(proposal="x"), "proposal must be"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(make, says):
    with pytest.raises((ValueError, TypeError), match=says) as error:
        make()
    assert "\n" not in str(error.value)
