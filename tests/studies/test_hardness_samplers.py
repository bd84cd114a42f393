"""Figure 7 for every sampler: laws from caches and by factors against what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.core.random import stream
from sim.sampling import AOBPR, IRGAN, WARP, AdaSIR, Kernel, simulate_rank_distribution
from sim.sampling.kernels.pools import set_bit
from sim.sampling.kernels.proposals import draw_proposed
from sim.studies.hardness import f7_samplers as hardness_samplers
from sim.studies.hardness.f7_samplers import N, World, _now, law_of, synthetic

# Comparisons at 7 standard errors of 64 blocks, Student's t with 63 degrees: under 3e-9 each.
ERRORS = 7.0


@pytest.fixture(scope="module")
def world() -> World:
    return synthetic(3, n_items=300, n_pos=10)


@pytest.fixture(scope="module")
def table(smoke_table):
    return smoke_table("F7-samplers")


def test_aobpr_draws_its_exact_law(world):
    sampler = AOBPR(15.0, N=1)
    state: dict = {}
    sampler.refresh(_now(world, 1, 0), state)
    proposal = sampler.adaptive_proposal(state)
    mask = np.zeros(5, np.uint64)
    for i in world.positives:
        set_bit(mask, i)
    ids, q = np.empty(1, np.int32), np.empty(1)
    counts = np.zeros(300)
    for t in range(60_000):
        key = np.uint64(stream(np.uint64(7), t))
        draw_proposed(key, proposal, 0, world.user, 300, 10, 1, True, mask, ids, q)
        counts[ids[0]] += 1
    assert counts[world.positives].sum() == 0
    expected = 60_000 * law_of(sampler, world, 1, 0).probability
    assert expected.min() > 5
    assert stats.chisquare(counts[world.negatives], expected).pvalue > 1e-7


@pytest.mark.parametrize("sampler", [IRGAN(1, 50, 0.5, 1e-12), AdaSIR(1, 5_000), Kernel(1, 50, 3.0, corrected=False)])
def test_caches_follow_what_they_are_drawn_by(world, sampler):
    scores = world.scores[world.negatives]
    weights = 3.0 * scores**2 + 1.0 if isinstance(sampler, Kernel) else np.exp(scores / sampler.tau)
    law = law_of(sampler, world, 640, 1)
    expected = np.cumsum(weights / weights.sum())
    bias = 0.002 if isinstance(sampler, AdaSIR) else 0.0  # importance resampling: of order 1 / C
    near = np.abs(law.cumulative - expected) < ERRORS * law.cumulative_error + bias
    assert near[expected < 0.99].all()  # beyond, the errors are estimated from a few draws


def test_the_corrected_kernel_is_near_uniform(world):
    law = law_of(Kernel(200, 2_000, 3.0), world, 640, 1)
    assert abs(law.effective_beta - 1.0) < ERRORS * law.effective_beta_error + 0.02  # self-normalised: of order 1 / N


def test_the_error_of_warps_beta_is_that_of_its_law(world):
    """The law is scaled to sum to one; beta and its error are of the normalised law already."""
    sampler = WARP(290, 1.0, N)
    margins = world.scores[world.negatives] - world.scores[world.positive]
    whole, law = simulate_rank_distribution(sampler, margins, n_pools=640, rng=1), law_of(sampler, world, 640, 1)
    assert whole.probability.sum() < 0.9 and law.probability.sum() == pytest.approx(1.0)
    assert law.effective_beta == pytest.approx(whole.effective_beta)
    assert law.effective_beta_error == whole.effective_beta_error > 0


def test_ahns_takes_the_negative_nearest_to_its_target(world):
    score = float(world.scores[world.positive])
    sampler = next(s for _, name, s in hardness_samplers.samplers(synthetic(0)) if name.startswith("AHNS"))
    sampler = type(sampler)(0.1, 1.0, -2.0, world.negatives.size, score=score)
    law = law_of(sampler, world, 2, 0)  # a pool of all negatives
    target = 1.0 / (score + 0.1)
    assert law.probability.argmax() == np.abs(world.scores[world.negatives] - target).argmin()
    assert law.probability.max() == pytest.approx(1.0)


def test_every_sampler_has_a_law_and_exact_ones_are_simulated(table):
    rows = hardness_samplers.effective(table)
    assert len(set(rows.sampler)) == 15
    ends = table.groupby(["world", "sampler"]).cumulative
    np.testing.assert_allclose(ends.last(), 1.0, atol=1e-9)
    checked = rows[rows.check_error.notna()]
    assert set(checked.kind) == {"exact"} and len(checked) >= 4
    assert (np.abs(checked.check_beta - checked.effective_beta) < ERRORS * checked.check_error).all()
    # no pool of N is harder than its best item, whatever the weights
    assert (rows.effective_beta > 2.0 / (N + 1) - 0.001 - ERRORS * rows.effective_beta_error).all()


def test_the_figure_draws_and_the_caption_reads(table):
    figure = hardness_samplers.plot(table)
    assert len(figure.axes) == 5
    assert "DNS looks at the order" in hardness_samplers.caption(table)
