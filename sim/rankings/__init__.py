"""Random rankings and score models: closed forms (exact) beside Monte Carlo kernels.

Exact, for uniformly random rankings: :func:`exact_correlation`, :func:`exact_moments`, :func:`peak`,
:func:`scaling_law`, :func:`optimal_weights`, :func:`weights_correlation`, :func:`rational_moments`.
By simulation, for any score model: :func:`simulate_correlation` (Pearson, Spearman, Kendall; peaks with intervals).
In the limit of many items, for any smooth score model: :func:`limit_correlation`, :func:`expected_negatives`.
Score models, each with its population curve and area: :class:`Binormal` and the others.
"""

from ._model_base import ScoreModel
from ._plan import METHODS, METRICS
from .exact import (
    LINEAR_METRICS,
    Moments,
    Peak,
    exact_correlation,
    exact_moments,
    metric_position_weights,
    peak,
    scaling_law,
)
from .limit import expected_negatives, limit_correlation
from .models import Binormal, GumbelShift, LogisticShift, PowerROC, StudentT
from .models_mixed import BetaScores, Empirical, FalseNegatives, PopularitySkewed
from .rank_correlation import Correlation, correlate
from .rational import RationalMoments, rational_moments
from .simulate import SimulatedCorrelation, SimulatedPeaks, simulate_correlation
from .weights import optimal_weights, weights_correlation

__all__ = [
    "LINEAR_METRICS",
    "METHODS",
    "METRICS",
    "BetaScores",
    "Binormal",
    "Correlation",
    "Empirical",
    "FalseNegatives",
    "GumbelShift",
    "LogisticShift",
    "Moments",
    "Peak",
    "PopularitySkewed",
    "PowerROC",
    "RationalMoments",
    "ScoreModel",
    "SimulatedCorrelation",
    "SimulatedPeaks",
    "StudentT",
    "correlate",
    "exact_correlation",
    "exact_moments",
    "expected_negatives",
    "limit_correlation",
    "metric_position_weights",
    "optimal_weights",
    "peak",
    "rational_moments",
    "scaling_law",
    "simulate_correlation",
    "weights_correlation",
]
