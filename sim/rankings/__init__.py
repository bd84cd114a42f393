"""Random rankings and score models: closed forms (exact) beside Monte Carlo kernels.

Exact, for uniformly random rankings: :func:`exact_correlation` (:func:`correlation_by_cutoff`: all K at once),
:func:`exact_moments`, :func:`peak`,
:func:`scaling_law`, :func:`optimal_weights`, :func:`weights_correlation`, :func:`rational_moments`, and for every
metric and LLPAUC :func:`lattice_moments`.
By simulation, for any score model: :func:`simulate_correlation` (Pearson, Spearman, Kendall; peaks with intervals);
for any weights over negative ranks, with hidden positives or without: :func:`simulate_areas`, :func:`fit_weights`.
How often an area and a metric order two rankings otherwise: :func:`recall_disagreement`,
:func:`simulate_disagreement`.
Sampled metrics: :func:`sampled_correlation` (exact for random rankings), :func:`simulate_sampled_correlation`.
In the limit of many items, for any smooth score model: :func:`limit_correlation`, :func:`expected_negatives`,
:func:`roc_exponent`.
Train labels against test labels: :func:`split_correlation`, :func:`family_correlation`, :func:`predictive_correlation`.
Score models, each with its population curve and area: :class:`Binormal` and the others.
"""

from .disagreement import Disagreement, joint_law, recall_disagreement, simulate_disagreement
from .exact.cutoffs import correlation_by_cutoff
from .exact.lattice import LATTICE_METRICS, lattice_moments
from .exact.limit import expected_negatives, limit_correlation, roc_exponent
from .exact.moments import (
    LINEAR_METRICS,
    Moments,
    Peak,
    exact_correlation,
    exact_moments,
    metric_position_weights,
    peak,
    scaling_law,
)
from .exact.rational import RationalMoments, rational_moments
from .exact.train_test import (
    Predictive,
    PropensityMoments,
    family_correlation,
    phi,
    predictive_correlation,
    propensity_moments,
    split_correlation,
)
from .exact.weights import optimal_weights, weights_correlation
from .models.base import ScoreModel
from .models.known import Binormal, GumbelShift, LogisticShift, PowerROC, StudentT
from .models.mixed import BetaScores, Empirical, FalseNegatives, PopularitySkewed
from .simulate.areas import SimulatedAreas, hidden_attenuation, simulate_areas
from .simulate.correlation import SimulatedCorrelation, SimulatedPeaks, simulate_correlation
from .simulate.plan import METHODS, METRICS
from .simulate.rank_correlation import Correlation, correlate
from .simulate.regression import FittedWeights, fit_weights
from .simulate.sampled import SAMPLED_METRICS, sampled_correlation, sampled_gain, simulate_sampled_correlation

__all__ = [
    "LATTICE_METRICS",
    "LINEAR_METRICS",
    "METHODS",
    "METRICS",
    "SAMPLED_METRICS",
    "BetaScores",
    "Binormal",
    "Correlation",
    "Disagreement",
    "Empirical",
    "FalseNegatives",
    "FittedWeights",
    "GumbelShift",
    "LogisticShift",
    "Moments",
    "Peak",
    "PopularitySkewed",
    "PowerROC",
    "Predictive",
    "PropensityMoments",
    "RationalMoments",
    "ScoreModel",
    "SimulatedAreas",
    "SimulatedCorrelation",
    "SimulatedPeaks",
    "StudentT",
    "correlate",
    "correlation_by_cutoff",
    "exact_correlation",
    "exact_moments",
    "expected_negatives",
    "family_correlation",
    "fit_weights",
    "hidden_attenuation",
    "joint_law",
    "lattice_moments",
    "limit_correlation",
    "metric_position_weights",
    "optimal_weights",
    "peak",
    "phi",
    "predictive_correlation",
    "propensity_moments",
    "rational_moments",
    "recall_disagreement",
    "roc_exponent",
    "sampled_correlation",
    "sampled_gain",
    "scaling_law",
    "simulate_areas",
    "simulate_correlation",
    "simulate_disagreement",
    "simulate_sampled_correlation",
    "split_correlation",
    "weights_correlation",
]
