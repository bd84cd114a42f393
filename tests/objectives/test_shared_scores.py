"""One score an item for all users."""

from __future__ import annotations

import numpy as np
import pytest

from sim.objectives.shared_scores import hits_at_one, shared_minimiser, shared_risk

NINE = ([[0, 2], [1, 2, 3], [0, 1]], [3, 2, 4], 4)
EIGHT = ([[0], [0, 1], [1, 2]], [3, 3, 2], 3)


@pytest.mark.parametrize("case", [NINE, EIGHT])
@pytest.mark.parametrize("hardest", [False, True])
def test_minimiser_has_the_least_risk(case: tuple, hardest: bool) -> None:
    likes, users, n = case
    scores, least = shared_minimiser(likes, users, n, hardest=hardest)
    m = 1 if hardest else None
    assert shared_risk(likes, users, scores, m=m) == pytest.approx(least, abs=1e-10)
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(30):
            assert shared_risk(likes, users, scores + size * rng.normal(size=n), m=m) > least - 1e-12
    top, second = np.argsort(-scores)[:2].tolist()
    tied, risk = shared_minimiser(likes, users, n, hardest=hardest, tied=(top, second))
    assert tied[top] == pytest.approx(tied[second], abs=1e-9) and risk > least


@pytest.mark.parametrize("case", [NINE, EIGHT])
def test_the_hardest_negative_hits_one_user_more(case: tuple) -> None:
    hits = hits_at_one(*case)
    at = [hits[shared_minimiser(*case, hardest=hardest)[0].argmax()] for hardest in (False, True)]
    assert at[1] == at[0] + 1 == hits.max()


def test_only_the_shares_of_users_matter() -> None:
    likes, users, n = NINE
    one, _ = shared_minimiser(likes, users, n)
    many, _ = shared_minimiser(likes, np.array(users) * 11.0, n)
    np.testing.assert_allclose(one, many, atol=1e-5)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"likes must name at least one item and not all 2, got \[0, 1\]"):
        shared_minimiser([[0, 1]], [1], 2)
    with pytest.raises(ValueError, match=r"likes must be in 0\.\.1, got 2"):
        hits_at_one([[2]], [1], 2)
    with pytest.raises(ValueError, match=r"users must hold a number > 0 for each of the 1 types"):
        shared_risk([[0]], [0], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"likes must give finite scores of least risk"):
        shared_minimiser([[0]], [1], 2)  # nobody likes item 1: it falls for ever
