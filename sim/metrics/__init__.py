"""What a ranking is worth: areas under the ROC curve, Top-K metrics, and the bounds of Theorem 3 between them."""

from .areas import auc, llpauc, opauc
from .bounds import hits_at_k_from_labels, ndcg_bounds_from_opauc, opauc_count, topk_bounds_from_opauc
from .topk import (
    average_precision_at_k,
    hit_at_k,
    mrr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    topk_metrics,
)

__all__ = [
    "auc",
    "average_precision_at_k",
    "hit_at_k",
    "hits_at_k_from_labels",
    "llpauc",
    "mrr_at_k",
    "ndcg_at_k",
    "ndcg_bounds_from_opauc",
    "opauc",
    "opauc_count",
    "precision_at_k",
    "recall_at_k",
    "topk_bounds_from_opauc",
    "topk_metrics",
]
