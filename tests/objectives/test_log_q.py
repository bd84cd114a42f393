"""Sampled softmax with corrected logits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sim.objectives import CORRECTIONS, expected_softmax, log_q_softmax

SCORES, PROPOSAL = np.log([2.0, 1.0, 3.0, 0.5]), np.array([0.1, 0.4, 0.3, 0.2])


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_expectation_is_the_mean_over_pools(correction: str, size: int) -> None:
    first = 0 if correction == "usual" else 1
    drawn = PROPOSAL[first:] / PROPOSAL[first:].sum()
    expected = np.zeros(4)
    for pool in product(range(first, 4), repeat=size):
        expected += np.prod(drawn[np.array(pool) - first]) * log_q_softmax(SCORES, pool, PROPOSAL, correction)
    found = expected_softmax(SCORES, PROPOSAL, size, correction)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    assert found.sum() == pytest.approx(1.0)


def test_all_are_consistent_and_the_positive_once_is_nearer() -> None:
    share = np.exp(SCORES) / np.exp(SCORES).sum()
    bias = {c: [abs(expected_softmax(SCORES, PROPOSAL, n, c) - share).max() for n in (2, 40)] for c in CORRECTIONS}
    assert all(late < 0.2 * early for early, late in bias.values())
    assert bias["once"][1] < 0.2 * bias["usual"][1]


def test_a_proposal_like_the_softmax_leaves_no_bias_but_the_positives() -> None:
    e = np.exp(SCORES)
    np.testing.assert_allclose(expected_softmax(SCORES, e, 3, "once"), e / e.sum(), atol=1e-13)
    usual = expected_softmax(SCORES, e, 3, "usual")[0]
    assert usual == pytest.approx((1 + 3 * e[0] / e.sum()) / 4)  # its own slot, and three draws


def test_scores_and_scale_do_not_matter_up_to_a_constant() -> None:
    one = log_q_softmax(SCORES, [1, 3], PROPOSAL, "once")
    np.testing.assert_allclose(log_q_softmax(SCORES + 800.0, [1, 3], 5 * PROPOSAL, "once"), one, atol=1e-13)


def test_errors_name_the_argument() -> None:
    for bad, words in (
        (([0.0], [1], [1.0]), r"same length >= 2"),
        (([0.0, 1.0], [0], [1.0, 1.0]), r"pool must hold items in 1\.\.1, got 0"),
        (([0.0, 1.0], [], [1.0, 1.0]), r"pool must be a non-empty list of items"),
        (([0.0, 1.0], [1.5], [1.0, 1.0]), r"pool must be a non-empty list of items"),
        (([0.0, 1.0], [1], [1.0, 0.0]), r"proposal must be > 0, got 0"),
        (([0.0, np.inf], [1], [1.0, 1.0]), r"scores must be finite"),
    ):
        with pytest.raises(ValueError, match=words):
            log_q_softmax(*bad, "once")
    with pytest.raises(ValueError, match=r"correction must be one of 'usual'"):
        log_q_softmax([0.0, 1.0], [1], [1.0, 1.0], "twice")
    with pytest.raises(ValueError, match=r"n_sampled must give at most 1000000 different pools"):
        expected_softmax(np.zeros(30), np.ones(30), 12)
