"""How often areas and metrics order two rankings otherwise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sim.rankings import (
    Binormal,
    exact_correlation,
    exact_moments,
    joint_law,
    recall_disagreement,
    simulate_disagreement,
)


def _rankings(n_pos: int, n_neg: int) -> np.ndarray:
    places = combinations(range(n_pos + n_neg), n_pos)
    return np.array([[int(i in chosen) for i in range(n_pos + n_neg)] for chosen in places])


@pytest.mark.parametrize(("n_pos", "n_neg", "k", "m"), [(2, 3, 2, 1), (3, 3, 4, 2), (4, 2, 5, 2), (1, 5, 3, 5)])
def test_joint_law_counts_rankings(n_pos: int, n_neg: int, k: int, m: int) -> None:
    rows = _rankings(n_pos, n_neg)
    expected = np.zeros((min(k, n_pos) + 1, m * n_pos + 1))
    for row in rows:
        above = np.cumsum(row)[row == 0]
        expected[row[:k].sum(), above[:m].sum()] += 1.0 / len(rows)
    np.testing.assert_allclose(joint_law(n_pos, n_neg, k, m), expected, atol=1e-14)


@pytest.mark.parametrize(("n_pos", "n_neg", "k", "m"), [(5, 300, 3, 300), (60, 40, 30, 25), (100, 20, 90, 20)])
def test_joint_law_has_the_known_moments(n_pos: int, n_neg: int, k: int, m: int) -> None:
    law = joint_law(n_pos, n_neg, k, m)
    hits, x = np.arange(law.shape[0]), np.arange(law.shape[1])
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    mean = law.sum(axis=0) @ x
    assert mean / (n_pos * n_neg) == pytest.approx(exact_moments(n_pos, n_neg, "recall", k).opauc_mean[m - 1])
    i, c = hits - law.sum(axis=1) @ hits, x - mean
    rho = i @ law @ c / np.sqrt((law.sum(axis=1) @ i**2) * (law.sum(axis=0) @ c**2))
    assert rho == pytest.approx(exact_correlation(n_pos, n_neg, "recall", k)[m - 1], abs=1e-10)


def test_chances_add_up_and_simulation_agrees() -> None:
    exact = recall_disagreement(20, 80, 5, 9)
    assert exact.against + exact.agree + exact.undecided == pytest.approx(1.0)
    assert exact.split == pytest.approx(exact.against + 0.5 * exact.undecided)
    n = 20_000
    found = simulate_disagreement(20, 80, ks=[5], areas=[(9, 20)], n_pairs=n, rng=3)["recall", 5, (9, 20)]
    for name in ("against", "agree"):
        chance = getattr(exact, name)
        assert abs(getattr(found, name) - chance) < 5.5 * np.sqrt(chance * (1 - chance) / n)  # false alarm 4e-8 each


def test_one_negative_has_nothing_to_disagree_about() -> None:
    found = recall_disagreement(1, 1, 1, 1)
    assert (found.against, found.agree) == (0.0, 0.5)
    assert np.isnan(recall_disagreement(2, 2, 4, 1).rate)  # Recall@4 is always 1


def test_rankers_and_truncated_areas() -> None:
    found = simulate_disagreement(
        20, 80, ks=[5], areas=[(2, 20), (80, 20), (80, 2)], n_pairs=3_000, score_model=Binormal.from_auc(0.9), rng=1
    )
    assert found["ndcg", 5, (2, 20)].rate < found["ndcg", 5, (80, 20)].rate
    assert found["ndcg", 5, (80, 2)].against != found["ndcg", 5, (80, 20)].against


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"m must be in 1\.\.4, got 5"):
        recall_disagreement(3, 4, 2, 5)
    with pytest.raises(ValueError, match=r"simulate instead"):
        joint_law(2_000, 8_000, 100, 8_000)
    with pytest.raises(ValueError, match=r"areas must be in 1\.\.3, got 4"):
        simulate_disagreement(3, 4, ks=[1], areas=[(2, 4)])
    with pytest.raises(ValueError, match=r"n_pairs must be >= 1, got 0"):
        simulate_disagreement(3, 4, ks=[1], areas=[(2, 3)], n_pairs=0)
