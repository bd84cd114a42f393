# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. What AUC does not see (Figures 2 and 3)
#
# Can two rankings have exactly the same AUC while one puts its positives at the head of the list and the other does not?
# OPAUC(β), the part of the area at false positive rates below β, tells them apart.
#
# A recommender shows the first K items. AUC counts every pair of a positive and a negative alike, wherever it stands in
# the list. OPAUC(β) counts only pairs with the $m = \beta N_-$ highest-scored negatives,
#
# $$\mathrm{OPAUC}(\beta) = \frac{1}{N_+ N_-} \sum_{i \in I^+} \; \sum_{j \in S^\downarrow[1, m]} \mathbb 1(r_i > r_j).$$
#
# Hard negative sampling trains on those negatives, which is why the paper reads it as optimising OPAUC.
#
# **What to look at:** on the left the whole area and its part below β; on the right two rankings that AUC cannot tell
# apart. A's positives (green) stand in the first places, B's do not.

# %%
from sim.studies.notebook import show

show("F2")

# %% [markdown]
# The same numbers from the library, on the two rankings of the picture:

# %%
import numpy as np

from sim.metrics import auc, opauc, recall_at_k
from sim.studies.f2 import two_rankings

for name, labels in zip("AB", two_rankings()):
    scores = -np.arange(len(labels), dtype=float)  # best first
    print(
        f"{name}: AUC {auc(labels, scores):.3f}  OPAUC(0.4) {opauc(labels, scores, 0.4):.3f}"
        f"  divided by beta {opauc(labels, scores, 0.4, normalize='beta'):.3f}"
        f"  McClish {opauc(labels, scores, 0.4, normalize='mcclish'):.3f}"
        f"  Recall@4 {recall_at_k(labels, scores, 4):.2f}"
    )
