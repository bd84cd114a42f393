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
# **Finding.** Two rankings can have exactly the same AUC while one puts its positives at the head of the list and the
# other does not. OPAUC(β), the part of the area at false positive rates below β, tells them apart.
#
# A recommender shows the first K items. AUC counts every pair of a positive and a negative alike, wherever it stands in
# the list. OPAUC(β) counts only pairs with the $m = \beta N_-$ highest-scored negatives,
#
# $$\mathrm{OPAUC}(\beta) = \frac{1}{N_+ N_-} \sum_{i \in I^+} \; \sum_{j \in S^\downarrow[1, m]} \mathbb 1(r_i > r_j).$$
#
# Hard negative sampling trains on those negatives, which is why the paper reads it as optimising OPAUC.

# %%
import os

from IPython.display import Markdown, display

from sim.studies import Options
from sim.studies import f2 as fig2

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))
table = fig2.run(options)
figure = fig2.plot(table)
display(Markdown(fig2.caption(table)))

# %% [markdown]
# The same numbers from the library, on the two rankings of the picture:

# %%
import numpy as np

from sim.metrics import auc, opauc, recall_at_k

for name, labels in zip("AB", fig2.two_rankings()):
    scores = -np.arange(len(labels), dtype=float)  # best first
    print(
        f"{name}: AUC {auc(labels, scores):.3f}  OPAUC(0.4) {opauc(labels, scores, 0.4):.3f}"
        f"  divided by beta {opauc(labels, scores, 0.4, normalize='beta'):.3f}"
        f"  McClish {opauc(labels, scores, 0.4, normalize='mcclish'):.3f}"
        f"  Recall@4 {recall_at_k(labels, scores, 4):.2f}"
    )
