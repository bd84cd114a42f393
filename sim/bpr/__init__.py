"""The torch-free trainer: matrix factorisation and LightGCN by BPR with hard negatives under control."""

from .evaluate import Ranks, evaluate, rank_positives
from .lightgcn import LightGCN
from .model import BPRMF, Diverged
from .popularity import Popularity
from .settings import paper_settings

__all__ = ["BPRMF", "Diverged", "LightGCN", "Popularity", "Ranks", "evaluate", "paper_settings", "rank_positives"]
