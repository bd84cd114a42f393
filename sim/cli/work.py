"""About how long the commands will take, said before they begin: rough figures of one core of an ordinary machine."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..core.memory import LONG_SECONDS, check_memory, check_seconds, time_words
from ..core.terminal import say

__all__ = ["announce", "correlation_seconds", "estimate_seconds", "last_time", "training_seconds"]


def announce(seconds: float, advice: str) -> None:
    """Say on standard error how long it will take, if that is long; refuse what nobody could wait for."""
    words = check_seconds(seconds, advice)
    if words:
        say(f"hns: {words}", error=True)


def last_time(stem: Path, profile: str) -> str:
    """How long a study took when ``stem``.json was made by this profile, if that was long."""
    try:
        record = json.loads(stem.with_name(f"{stem.name}.json").read_text(encoding="utf-8"))
        seconds = float(record.get("run", record)["seconds"]) if record["profile"] == profile else 0.0
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    return f" (took {time_words(seconds)} the last time)" if seconds >= LONG_SECONDS else ""


def training_seconds(model: Any, interactions: Any) -> float:
    """Of all epochs of a training on a sparse matrix of pairs."""
    from ..bpr import LightGCN
    from ..sampling import NonSampling

    sampler, s = model.settled(interactions)
    (users, items), pairs = interactions.shape, interactions.nnz
    if isinstance(sampler, NonSampling):
        epoch = 1.0 * users * items * s.factors
    else:
        epoch = pairs * (300.0 + sampler.N * (12.0 + 0.3 * s.factors) + 0.5 * sampler.width * s.factors)
    if isinstance(model, LightGCN):
        epoch += 2.0 * math.ceil(pairs / s.batch_size) * max(1, s.layers) * 2 * pairs * s.factors
    epoch += math.ceil(pairs / s.batch_size) * (users + items) * s.factors
    return 1e-9 * s.epochs * epoch


def correlation_seconds(n_pos: int, n_neg: int, rankings: int, curves: int, method: str) -> float:
    """Of a simulated correlation."""
    each = 20.0 * (n_pos + n_neg)
    if method != "pearson":
        each += 20.0 * curves * math.log2(max(2, rankings))
    return 1e-9 * rankings * each


def estimate_seconds(sampler: Any, n_pos: int, n_neg: int | None, n_pairs: int, simulated: bool) -> float:
    """Of an assessment; refuses a sample that the memory cannot hold."""
    if n_neg is not None:
        check_memory(64.0 * (n_pos + n_neg), None, "use fewer positives and negatives (--n-pos, --n-neg)")
    return 1e-9 * (n_pairs * sampler.N * 60.0 if simulated else sampler.N * 1e3) + 1e-7 * (n_pos + (n_neg or 0))
