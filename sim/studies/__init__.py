"""The paper's figures and tables: each is a :class:`~sim.studies.study.Study`, found where its module states it."""

from ..runs.options import PROFILES, Options
from .reproduce import Outcome, make, reproduce, reword
from .study import Findings, Study, get_study, studies, study_ids

__all__ = [
    "PROFILES",
    "Findings",
    "Options",
    "Outcome",
    "Study",
    "get_study",
    "make",
    "reproduce",
    "reword",
    "studies",
    "study_ids",
]
