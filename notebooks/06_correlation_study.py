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
# # 6. Figure 6 beyond random rankings
#
# Does what Figure 6 shows for random rankings hold for rankings of a recommender that has learnt something? With one change:
# the best OPAUC(β) for Recall@K is not set by K/N but by the **negatives in the top K**, about 1.5 times
# $K(1 - \text{Precision@}K)$ of them. For random rankings this is the scaling law $\beta^* = 1.5\,K/N$; for a good
# recommender the best m is smaller, down to the single hardest negative. Where the top K is nearly all positives no OPAUC(β)
# follows Recall@K, and LLPAUC(α, β), which also leaves out the worst positives, helps.
#
# **What to look at:** above, the points against the diagonal: over 1.5 K N₋/N they scatter, over 1.5 times the negatives in
# the top K they gather on one line, whatever the score model. Below, on the left: the peaks sink where these are few.

# %%
from sim.studies.correlation.f6_models import verdicts
from sim.studies.notebook import published, show

table = published("F6-models")
show("F6-models", table)

# %% [markdown]
# ## Verdict by model
#
# For Recall, over all K and sizes that are drawn. `over_law` is m at the peak divided by the random rankings' 1.5 K N₋/N,
# `over_count` divided by 1.5 times the negatives in the top K (where these are 5 or more), `height` the height of the peaks
# there and `height_few` where there is less than one. `ordered`: m never falls as K rises. `auc_most`: AUC's largest
# correlation at K up to N/20. `slower`: share of the m left of the peaks at which NDCG keeps more of its peak than Recall.

# %%
verdicts(table).round(3)

# %% [markdown]
# ## Why 1.5 times the negatives in the top K
#
# Positives and negatives above a threshold fluctuate independently. Recall@K is settled at the threshold where the top K
# ends, an area over m negatives by all thresholds up to the m-th negative; near the top both are Brownian motions, run at the
# speed at which positives come. If the ROC curve rises as $s^\theta$ there, the best m is $(2+\theta)/(1+\theta)$ times the
# negatives in the top K: 1.5 for random rankings ($\theta = 1$), never more than 2. `limit_correlation` is this law for any
# smooth score model, without simulation:

# %%
import os

from sim.rankings import Binormal, expected_negatives, limit_correlation, simulate_correlation

rankings = 300 if os.environ.get("HNS_PROFILE") == "smoke" else 2000  # the tests draw fewer
model = Binormal.from_auc(0.9)
for k in (20, 50, 100, 200):
    law = limit_correlation(200, 9800, "recall", k, score_model=model)
    count = expected_negatives(200, 9800, k, score_model=model)
    peaks = simulate_correlation(
        200, 9800, metrics=["recall"], ks=[k], n_rankings=rankings, rng=0, score_model=model, ms=range(1, 500, 2)
    ).peaks()
    print(
        f"Recall@{k:<3}  1.5 K N₋/N = {1.5 * k * 0.98:5.1f}   1.5 x negatives = {1.5 * count:5.1f}   law m = {law.argmax() + 1:3}, "
        f"height {law.max():.3f}   simulated m = {peaks.m[0, 0]:.0f} [{peaks.m_low[0, 0]:.0f}, {peaks.m_high[0, 0]:.0f}], "
        f"height {peaks.correlation[0, 0]:.3f}"
    )

# %% [markdown]
# ## LLPAUC beside OPAUC
#
# LLPAUC(α, β) (Shi et al., WWW 2024) counts only the best αN₊ positives.
#
# **What to look at:** on the right above, what LLPAUC gains is much where the top K holds few negatives and nothing where it
# holds many.

# %%
show("F6-llpauc")

# %% [markdown]
# ## Other coefficients
#
# A metric has few values, so that ties matter: Spearman's coefficient is taken with mid-ranks, Kendall's is tau-b.
#
# **What to look at:** the coefficients differ in height; their peaks stand above one another, and so on the diagonal.

# %%
show("F6-methods")

# %% [markdown]
# ## Sampled metrics
#
# Ranking each positive against n sampled negatives turns any metric@K into a weighted area (Krichene and Rendle, KDD 2020).
#
# **What to look at:** the fewer negatives are sampled, the further right the peak: a sampled metric measures a softer area
# than its name says.

# %%
show("F6-sampled")
