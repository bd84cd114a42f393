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
# **Finding.** What Figure 6 shows for random rankings holds for rankings of a recommender that has learnt something, with one
# change: the best OPAUC(β) for Recall@K is not set by K/N but by the **negatives in the top K**. Its m is about 1.5 times
# $K(1 - \text{Precision@}K)$, between 0.8 and 1.5 times that over twelve score models, a trained model and up to 100,000
# items. For random rankings this is the scaling law $\beta^* = 1.5\,K/N$; for a good recommender the best m is smaller, down
# to the single hardest negative.
#
# 1. Smaller K still wants smaller β (F6-3), and left of the peak NDCG still falls more slowly (F6-4), in every model.
# 2. Peaks stay above 0.8 (F6-1) where the top K holds about three negatives or more. When it is nearly all positives they
#    sink, to 0.1: no OPAUC(β) follows Recall@K there, and "β can be too small" (F6-2) is void, as the single hardest negative
#    is best.
# 3. Exactly there LLPAUC(α, β) helps: from 0.77 to 0.92, from 0.17 to 1. With ten negatives or more in the top K it gains at
#    most 0.03 for Recall, NDCG and AP. For MRR and Hit, which look at the first positive only, it helps in nine cases of ten.
# 4. AUC's correlation is mostly higher than for random rankings: up to 0.63 at K = N/50, against the paper's "under 0.4".
# 5. Spearman's and Kendall's coefficients put the peaks where Pearson's does.
# 6. A metric sampled with n negatives measures OPAUC(1.5 K/n): with n = 100, Recall@10 is an area up to β = 0.15.

# %%
import os

import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from sim.studies import Options
from sim.studies.correlation import f6_llpauc as corr_llpauc
from sim.studies.correlation import f6_methods as corr_methods
from sim.studies.correlation import f6_models as corr_models
from sim.studies.correlation import f6_sampled as corr_sampled

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))


def show(experiment):
    """Run an experiment, show its picture and caption, return its table."""
    table = experiment.run(options)
    figure = experiment.plot(table)
    display(figure, Markdown(experiment.caption(table)))
    plt.close(figure)  # shown once
    return table


table = show(corr_models)

# %% [markdown]
# ## Verdict by model
#
# For Recall, over all K and sizes that are drawn. `over_law` is m at the peak divided by the random rankings' 1.5 K N₋/N,
# `over_count` divided by 1.5 times the negatives in the top K (where these are 5 or more), `height` the height of the peaks
# there and `height_few` where there is less than one. `ordered`: m never falls as K rises. `auc_most`: AUC's largest
# correlation at K up to N/20. `slower`: share of the m left of the peaks at which NDCG keeps more of its peak than Recall.

# %%
corr_models.verdicts(table).round(3)

# %% [markdown]
# ## Why 1.5 times the negatives in the top K
#
# Positives and negatives above a threshold fluctuate independently. Recall@K is settled at the threshold where the top K
# ends, an area over m negatives by all thresholds up to the m-th negative; near the top both are Brownian motions, run at the
# speed at which positives come. If the ROC curve rises as $s^\theta$ there, the best m is $(2+\theta)/(1+\theta)$ times the
# negatives in the top K: 1.5 for random rankings ($\theta = 1$), never more than 2. `limit_correlation` is this law for any
# smooth score model, without simulation:

# %%
from sim.rankings import Binormal, expected_negatives, limit_correlation, simulate_correlation

model = Binormal.from_auc(0.9)
for k in (20, 50, 100, 200):
    law = limit_correlation(200, 9800, "recall", k, score_model=model)
    count = expected_negatives(200, 9800, k, score_model=model)
    peaks = simulate_correlation(
        200, 9800, metrics=["recall"], ks=[k], n_rankings=2000, rng=0, score_model=model, ms=range(1, 500, 2)
    ).peaks()
    print(
        f"Recall@{k:<3}  1.5 K N₋/N = {1.5 * k * 0.98:5.1f}   1.5 x negatives = {1.5 * count:5.1f}   law m = {law.argmax() + 1:3}, "
        f"height {law.max():.3f}   simulated m = {peaks.m[0, 0]:.0f} [{peaks.m_low[0, 0]:.0f}, {peaks.m_high[0, 0]:.0f}], "
        f"height {peaks.correlation[0, 0]:.3f}"
    )

# %% [markdown]
# ## LLPAUC beside OPAUC
#
# LLPAUC(α, β) (Shi et al., WWW 2024) also leaves out the worst positives: only the best αN₊ count.

# %%
ll = show(corr_llpauc)

# %% [markdown]
# ## Other coefficients
#
# A metric has few values, so that ties matter: Spearman's coefficient is taken with mid-ranks, Kendall's is tau-b.

# %%
ranks = show(corr_methods)

# %% [markdown]
# ## Sampled metrics
#
# Ranking each positive against n sampled negatives turns any metric@K into a weighted area (Krichene and Rendle, KDD 2020).

# %%
sampled = show(corr_sampled)
