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
# # 2. Which OPAUC(β) predicts which Top-K metric (Figure 6)
#
# Under uniformly random rankings the correlation of Recall@K with OPAUC(β) has a closed form. It peaks near
# $\beta^* = 1.5\,K/N$, at about $2\sqrt2/3$ whatever the class ratio, and falls on both sides: a β that is too small hurts
# as well as one that is too large. AUC ($\beta = 1$) gets about $\sqrt{3K/N}$ only.
#
# The paper drew this figure from 100,000 simulated rankings of 200 positives and 800 negatives. Here the lines are exact,
# and the simulation stands on top of them as a check.
#
# **What to look at:** each K has its own peak (star), further right for larger K; at the right end, β = 1, stands AUC.

# %%
from sim.studies.notebook import published, show

table = published("F6")
show("F6", table)

# %% [markdown]
# ## Where the peaks are
#
# `law` is the scaling law's $1.5\,K/N$. It is derived for K much smaller than N, and for metrics that count all of the
# first K positions alike; NDCG weighs the first positions more and so peaks at a smaller β.

# %%
table[table.peak & (table.metric != "precision")][["metric", "k", "m", "beta", "law", "exact"]].reset_index(drop=True)

# %% [markdown]
# ## How far does "AUC stays small" reach?
#
# The paper says that AUC's correlation stays under 0.4. The exact correlation says up to which K that is so:

# %%
from sim.rankings import exact_correlation

for metric in ("recall", "ndcg"):
    curve = {k: exact_correlation(200, 800, metric, k)[-1] for k in range(1, 201)}
    below = max(k for k, value in curve.items() if value < 0.4)
    some = ", ".join(f"{curve[k]:.3f} at K = {k}" for k in (5, 20, 50, 100, 200))
    print(f"{metric:>6}: below 0.4 up to K = {below}; {some}")

# %% [markdown]
# ## The ceiling: optimal weights over the negatives
#
# A single β is one way to weigh the hardest negatives. The best possible weights are known in closed form too; nearly all
# of their mass lies on about the first K negatives.

# %%
from sim.rankings import optimal_weights, peak

for metric in ("recall", "ndcg"):
    for k in (5, 20, 50):
        weights, best = optimal_weights(200, 800, metric, k)
        single = peak(200, 800, metric, k)
        print(
            f"{metric:>6}@{k:<3} best single beta {single.correlation:.4f} (m = {single.m:>2})   best weights {best:.4f}"
        )
