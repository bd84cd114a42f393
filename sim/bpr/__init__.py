"""The torch-free trainer: matrix factorisation and LightGCN by BPR with hard negatives under control."""

from ._popularity import Popularity
from ._schedule import paper_settings
from .evaluate import Ranks, evaluate, rank_positives
from .lightgcn import LightGCN
from .model import BPRMF, Diverged

__all__ = ["BPRMF", "Diverged", "LightGCN", "Popularity", "Ranks", "evaluate", "paper_settings", "rank_positives"]
