"""Counter-based streams: known values, the reference in Python integers, and sanity of their statistics."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import sampling as oracle
from scipy import stats

from sim.core import random as r
from sim.core.jit import JIT_ENABLED

words = st.integers(0, 2**64 - 1)
N_DRAWS = 200_000


@numba.njit
def many_uniform(key, out):
    for i in range(out.size):
        out[i] = r.uniform(key, i)


@numba.njit
def many_bounded(key, n, out):
    for i in range(out.size):
        out[i] = r.bounded(key, i, n)


@numba.njit
def many_normal(key, out):
    for i in range(out.size):
        out[i] = r.normal(key, i)


@numba.njit
def first_draws(seed, out):
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            out[a, b] = r.uniform(r.stream2(seed, a, b), 0)


@pytest.mark.nojit
def test_known_answers() -> None:
    """SplitMix64 with seed 0: the first outputs of the reference program."""
    got = [int(r.word(np.uint64(0), i)) for i in range(3)]
    assert got == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.nojit
@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_streams_are_those_of_the_reference(seed: int) -> None:
    for a, b in ((0, 0), (1, 0), (0, 1), (3, 10**9)):
        key = r.stream2(np.uint64(seed), a, b)
        assert int(key) == oracle.key_of(seed, a, b)
        s = oracle.Stream(oracle.key_of(seed, a, b))
        for i in (0, 1, 10**6):
            assert int(r.word(np.uint64(key), i)) == s.word(i)
            assert float(r.uniform(np.uint64(key), i)) == s.uniform(i)
            assert float(r.normal(np.uint64(key), i)) == pytest.approx(s.normal(i), rel=1e-12)
            for n in (1, 2, 7, 2**31, 2**32 - 1):
                assert int(r.bounded(np.uint64(key), i, n)) == s.bounded(i, n)


@given(words, words)
def test_mix_is_injective_on_pairs(a: int, b: int) -> None:
    assert (oracle.mix(a) == oracle.mix(b)) == (a == b)
    assert int(r.mix(np.uint64(a))) == oracle.mix(a)


@given(words, st.integers(0, 60))
def test_permute_is_the_reference_shuffle(key: int, n: int) -> None:
    a = np.arange(n, dtype=np.int32)
    r.permute(np.uint64(key), a)
    assert a.tolist() == oracle.Stream(key).shuffled(range(n))
    assert sorted(a.tolist()) == list(range(n))


def test_permutations_are_uniform() -> None:
    """24 permutations of 4, 48,000 keys: chi-square beyond its 1 - 1e-6 quantile by chance with 1e-6."""
    counts: dict[tuple[int, ...], int] = {}
    for k in range(48_000):
        a = np.arange(4)
        r.permute(np.uint64(oracle.key_of(5, k)), a)
        counts[tuple(a.tolist())] = counts.get(tuple(a.tolist()), 0) + 1
    assert len(counts) == 24
    chi = sum((c - 2000) ** 2 / 2000 for c in counts.values())
    assert chi < stats.chi2.isf(1e-6, 23)


def test_draws_are_uniform_and_normal() -> None:
    """Kolmogorov-Smirnov at a false alarm of 1e-7 each, of 200,000 draws of four streams."""
    for name in range(4):
        key = np.uint64(r.stream2(np.uint64(9), name, 0))
        out = np.empty(N_DRAWS)
        many_uniform(key, out)
        assert out.min() > 0 and out.max() < 1
        assert stats.kstest(out, "uniform").pvalue > 1e-7
        many_normal(key, out)
        assert stats.kstest(out, "norm").pvalue > 1e-7
        whole = np.empty(N_DRAWS, np.int64)
        many_bounded(key, 37, whole)
        counts = np.bincount(whole, minlength=37)
        assert counts.size == 37 and stats.chisquare(counts).pvalue > 1e-7


def test_streams_with_neighbouring_names_are_unrelated() -> None:
    """First draws of 300 x 300 streams: uniform, and no correlation with the neighbours beyond 5.5 sigma (4e-8)."""
    out = np.empty((300, 300))
    first_draws(np.uint64(1), out)
    assert stats.kstest(out.ravel(), "uniform").pvalue > 1e-7
    z = (out - 0.5) * np.sqrt(12)
    for x, y in ((z[1:], z[:-1]), (z[:, 1:], z[:, :-1]), (z, z.T)):
        off = x is z  # the diagonal of z and of its transpose is the same
        products = (x * y)[~np.eye(300, dtype=bool)] if off else x * y
        pairs = products.size / (2 if off else 1)
        assert abs(products.mean()) < 5.5 / np.sqrt(pairs)


def test_uniform_stays_inside_the_open_interval() -> None:
    """The keys whose first words are all zeros and all ones, found by running the finaliser backwards."""

    def undo_xor(y: int, shift: int) -> int:
        x = y
        for _ in range(64 // shift + 1):
            x = y ^ (x >> shift)
        return x

    def key_with_first_word(z: int) -> int:
        z = undo_xor(z, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
        z = undo_xor(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
        return (undo_xor(z, 30) - 0x9E3779B97F4A7C15) % 2**64

    out = np.empty(1)
    for word, value in ((0, 2.0**-54), (2**64 - 1, 1 - 2.0**-53)):
        key = np.uint64(key_with_first_word(word))
        assert r.word(key, 0) == word
        many_uniform(key, out)
        assert out[0] == value


def test_seeds() -> None:
    assert r.to_seed(0) == 0 and r.to_seed(np.int32(5)) == 5 and r.to_seed(2**63 + 4) == 4
    generator = np.random.default_rng(3)
    first, second = r.to_seed(generator), r.to_seed(generator)
    assert first != second and first == r.to_seed(np.random.default_rng(3))
    assert r.to_seed(None) != r.to_seed(None)  # equal by chance with 1e-19
    for bad in (1.0, "1", True, np.random.RandomState(0), [1]):
        with pytest.raises(TypeError, match="^rng must be a numpy Generator, an int >= 0 or None, got [^\n]*$"):
            r.to_seed(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^rng must be >= 0 when it is an int, got -1$"):
        r.to_seed(-1)


@pytest.mark.skipif(not JIT_ENABLED, reason="about compiled code")
def test_helpers_can_be_called_from_compiled_code() -> None:
    out = np.empty(3)
    many_uniform(np.uint64(7), out)
    assert out.tolist() == [oracle.Stream(7).uniform(i) for i in range(3)]
