"""verify_sampler: what it accepts, what it rejects and how."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pytest

from proofs_check import InvalidSamplerError, verify_sampler
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Sampler,
    Softmax,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
    simulate_rank_distribution,
)


@pytest.mark.parametrize(
    "sampler",
    [
        Uniform(1), Uniform(4), DNS(1, 1), DNS(2, 6), SoftmaxV(0.7, 8), SoftmaxExact(0.7, 8), Softmax(0.5, 8), pris(8),
        NonSampling(), TopKOptimal("ndcg", 5, 8, 5, 40),
    ],
    ids=str,
)  # fmt: skip
def test_the_librarys_samplers_pass(sampler: Sampler) -> None:
    report = verify_sampler(sampler, n_neg=40, n_pools=800)
    assert report.ok, report.problems
    assert report.rank_monotone
    assert report.kernel_agrees
    assert report.draws_agree
    assert report.is_mixture
    assert report.order_only == sampler.rank_based or sampler.N == 1
    assert report.mixture.sum() == pytest.approx(1.0)
    assert "mixture of OPAUC" in str(report)


@pytest.mark.parametrize(
    "sampler",
    [
        popularity(0.75, 4), DNS(2, 6, proposal="log-count"), pris(8, popular=True), AHNS(0.5, 1.0, -2.0, 6),
        Uniform(4, proposal="count^1", corrected=True),
    ],
    ids=str,
)  # fmt: skip
def test_popular_pools_and_targets_pass(sampler: Sampler) -> None:
    """Their laws are simulated: they depend on counts, or on the scores."""
    report = verify_sampler(sampler, n_neg=40, n_pools=800)
    assert report.ok, report.problems
    assert report.kernel_agrees and report.draws_agree and not report.exact and report.distribution_agrees is None
    assert report.mixture.sum() == pytest.approx(1.0)
    assert report.rank_monotone == (not isinstance(sampler, AHNS))


def test_popular_pools_are_mixtures_only_where_the_popular_are_the_hard() -> None:
    losses, falling = np.linspace(3.0, 0.0, 30), 400.0 / np.arange(1, 31)
    for counts, mixture in ((falling, True), (falling[::-1], False)):
        report = verify_sampler(popularity(1.0, 3), losses=losses, counts=counts, n_pools=4000)
        assert report.ok and report.rank_monotone and report.is_mixture == mixture


def test_warp_is_no_law_and_optimises_the_area_of_the_violators() -> None:
    """Each of the v violators of 40 is the first of a pool with the same chance, which is known trial by trial."""
    sampler = WARP(40, 1.0, 6)
    margins = np.random.default_rng(3).normal(-1.5, 1.0, 40)
    v = int((margins > -1.0).sum())
    assert 5 < v < 20
    clear, mean = 1.0, 0.0
    for trial in range(1, 7):
        mean += clear * v / (41 - trial) * sampler.params[trial]
        clear *= (41 - trial - v) / (41 - trial)
    report = verify_sampler(sampler, losses=margins, n_pools=40_000)
    assert report.ok, report.problems
    error = simulate_rank_distribution(sampler, margins, n_pools=40_000, rng=0).standard_error
    assert (np.abs(report.rank_distribution[:v] - mean / v) < 7 * error[:v]).all()  # 20 normal values, below 1e-10
    assert not report.rank_distribution[v:].any()
    assert report.mass == report.rank_distribution.sum() < 1 and report.draws_agree is None
    assert report.mixture.argmax() == v - 1 and report.is_mixture and report.kernel_agrees and not report.equivariant
    assert f"no, and need not be: {report.mass:.3g} of a unit" in str(report)
    with pytest.raises(ValueError, match="sampler must have a law on pools to draw from, got WARP"):
        sampler.draw(margins, 3)


def test_sequential_samplers_may_give_less_than_one_but_not_more() -> None:
    @dataclass(frozen=True)
    class Reading(Plain):
        sequential = True

    assert verify_sampler(Reading(lambda x: np.full(x.size, 0.1)), n_pools=200).mass == pytest.approx(0.4)
    with pytest.raises(InvalidSamplerError, match=r"weights must sum to at most 1, got 2 on \[4, 3, 2, 1\]"):
        verify_sampler(Reading(lambda x: np.full(x.size, 0.5)), n_pools=200)


@pytest.mark.parametrize("sampler", [AOBPR(), AdaSIR(), Kernel(), IRGAN()], ids=str)
def test_samplers_with_a_memory_are_refused(sampler: Sampler) -> None:
    with pytest.raises(ValueError, match="sampler must have no memory, got") as error:
        verify_sampler(sampler)
    assert "\n" not in str(error.value)


def test_the_mixture_of_dns_is_exact() -> None:
    report = verify_sampler(DNS(2, 5), n_neg=30, n_pools=500)
    assert report.exact
    np.testing.assert_array_equal(report.mixture, DNS(2, 5).opauc_mixture(30))
    assert report.effective_beta == pytest.approx(DNS(2, 5).effective_beta(30))


@dataclass(frozen=True)
class Plain:
    """Not a Sampler: just N and weights."""

    rule: object
    N: int = 4
    rank_based: bool = False

    def weights(self, losses):  # type: ignore[no-untyped-def]
        return self.rule(np.asarray(losses, dtype=float))  # type: ignore[operator]


def _hardest(x):  # type: ignore[no-untyped-def]
    return (np.arange(x.size) == x.argmax()).astype(float)


def test_any_object_with_weights_will_do() -> None:
    report = verify_sampler(Plain(_hardest, rank_based=True), n_neg=20, n_pools=2000)
    assert report.ok
    assert report.order_only
    assert report.kernel_agrees is None
    assert report.draws_agree is None
    assert not report.exact
    assert report.effective_beta == pytest.approx(DNS(1, 4).effective_beta(20), abs=0.05)


def test_easy_samplers_are_no_mixture() -> None:
    report = verify_sampler(Plain(lambda x: _hardest(-x)), n_neg=20, n_pools=2000)
    assert not report.rank_monotone
    assert not report.is_mixture
    assert "no mixture of OPAUCs" in str(report)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda x: np.full(x.size, 0.5), r"weights must sum to 1, got 2 on the pool \[4, 3, 2, 1\]"),
        (lambda x: np.where(x == x.max(), 2.0, -1 / 3), r"weights must be non-negative, got -0.333333 at position 1"),
        (
            lambda x: np.ones(x.size - 1),
            r"weights must have the shape \(4,\) of the pool, got \(3,\) on \[4, 3, 2, 1\]",
        ),
        (lambda x: x / 0.0 * 0.0, r"weights must be finite numbers, got \[nan"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_laws_are_rejected_with_the_pool(rule: object, message: str) -> None:
    with pytest.raises(InvalidSamplerError, match=message) as caught:
        verify_sampler(Plain(rule))
    assert caught.value.pool.tolist() == [4.0, 3.0, 2.0, 1.0]


def test_a_law_that_fails_on_ties_only_is_rejected() -> None:
    with pytest.raises(InvalidSamplerError, match=r"sum to 1, got 4 on the pool \[1, 1, 1, 1\]"):
        verify_sampler(Plain(lambda x: (x == x.max()).astype(float)))


def test_false_declarations_are_found() -> None:
    softmax = Plain(lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(), rank_based=True)
    report = verify_sampler(softmax, n_pools=200)
    assert not report.ok
    assert not report.order_only
    assert any(p.startswith("rank_based must be False") for p in report.problems)


def test_position_bias_is_found() -> None:
    report = verify_sampler(Plain(lambda x: np.eye(x.size)[0]), n_pools=200)
    assert not report.equivariant
    assert "reversing the pool must reverse the weights" in str(report)


def test_random_weights_are_found() -> None:
    rng = np.random.default_rng(0)
    report = verify_sampler(Plain(lambda x: rng.dirichlet(np.ones(x.size))), n_pools=200)
    assert any("got two answers" in p for p in report.problems)


@numba.njit
def _first_hardest(losses, params, idx, w):  # type: ignore[no-untyped-def]
    idx[0] = losses.argmax()
    w[0] = 1.0
    return 1


@dataclass(frozen=True)
class Own(Sampler):
    N: int = 5
    kernel = staticmethod(_first_hardest)
    rank_based = True
    params = ()


@numba.njit
def _raises(losses, params, idx, w):  # type: ignore[no-untyped-def]
    raise ValueError("no such pool")


@dataclass(frozen=True)
class Raising(Own):
    kernel = staticmethod(_raises)


@dataclass(frozen=True)
class WrongLaw(Own):
    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> np.ndarray:
        return DNS(2, 5).rank_distribution(n_neg)


@dataclass(frozen=True)
class WrongWeights(Own):
    def weights(self, losses):  # type: ignore[no-untyped-def]
        return DNS(2, 5).weights(losses)


def test_own_kernels_are_checked() -> None:
    report = verify_sampler(Own(), n_neg=25, n_pools=500)
    assert report.ok
    assert report.kernel_agrees
    report = verify_sampler(WrongLaw(), n_neg=25, n_pools=2000)
    assert report.distribution_agrees is False
    assert "rank_distribution must agree with the weights" in str(report)
    report = verify_sampler(WrongWeights(), n_neg=25, n_pools=500)
    assert report.kernel_agrees is False
    assert "kernel must give" in str(report)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # all that is left of the exception
def test_a_kernel_that_raises_is_found() -> None:
    with pytest.raises(InvalidSamplerError, match="weights must sum to 1, got 0 on the pool"):
        verify_sampler(Raising(), n_neg=25)


def test_bad_draws_are_found() -> None:
    class Drawing(Plain):
        def draw(self, losses, size, rng=None):  # type: ignore[no-untyped-def]
            return np.zeros(size, dtype=np.int64)

    report = verify_sampler(Drawing(lambda x: np.full(x.size, 1 / x.size)), n_pools=200)
    assert report.draws_agree is False


def test_own_losses_and_argument_errors() -> None:
    report = verify_sampler(SoftmaxV(1.0, 4), losses=np.linspace(0, 5, 30), n_pools=300)
    assert report.n_neg == 30
    with pytest.raises(TypeError, match=r"sampler must have N and weights\(losses\), got int"):
        verify_sampler(3)
    with pytest.raises(ValueError, match=r"losses must be 1-D with at least N=4 entries, got shape \(2,\)"):
        verify_sampler(SoftmaxV(1.0, 4), losses=[1.0, 2.0])
    with pytest.raises(ValueError, match="n_pools must be >= 100, got 3"):
        verify_sampler(DNS(1, 2), n_pools=3)


def test_reports_are_reproducible() -> None:
    one, two = (verify_sampler(SoftmaxV(1.0, 6), n_neg=30, n_pools=300, rng=5) for _ in range(2))
    np.testing.assert_array_equal(one.rank_distribution, two.rank_distribution)
