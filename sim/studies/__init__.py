"""The paper's figures and tables: each module has ``run(options) -> tidy table`` and ``plot(table) -> Figure``."""

from ..runs.options import PROFILES, Options
from .reproduce import BY_DATA, BY_METHOD, EXPERIMENTS, Outcome, experiment, make, reproduce

__all__ = ["BY_DATA", "BY_METHOD", "EXPERIMENTS", "PROFILES", "Options", "Outcome", "experiment", "make", "reproduce"]
