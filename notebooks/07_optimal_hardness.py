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
# # 7. The best possible hardness (guideline 2 in one picture)
#
# Under random rankings no sampler that prefers harder negatives follows Recall@K better than a hard cut, OPAUC(β) at
# β ≈ 1.5 K/N: in the limit this is a theorem ($2\sqrt{2}/3$). NDCG, AP and MRR want weights that fall from the first
# rank on. The ideal for Recall@K is not hard at all: weight on the negatives near the K-th place and none on the
# hardest. And the pool caps hardness: no DNS(M, N) is harder than M = 1.
#
# **What to look at:** in c to e, how near each family of samplers, at its best parameter, comes to the ceiling over all weights
# (1) as K grows; in b, where the pool's hardest level lies above what is wanted.

# %%
from sim.studies.notebook import published, show

table = published("G2-optimal")
show("G2-optimal", table)

# %% [markdown]
# ## Correlation reached by every family at its best parameter, random rankings
#
# "any weights" is the ceiling over all weights on negative ranks, "falling weights" that over those which do not rise
# with the rank: all samplers that prefer harder negatives.

# %%
random = table[(table.model == "random") & table.k.isin([1, 5, 20, 100])]
random.pivot_table(index=["n_neg", "metric", "k"], columns="family", values="correlation", sort=False).round(3)

# %% [markdown]
# ## The parameter that reaches it
#
# m of OPAUC(m/n), M of DNS(M, 200), ρ of the softmax samplers, the number of best positives of LLPAUC. LLPAUC gains much
# where the metric looks at the first positive (MRR, Hit, K = 1), little elsewhere.

# %%
tuned = random[random.parameter.notna()]
tuned.pivot_table(index=["n_neg", "metric", "k"], columns="family", values="parameter", sort=False)

# %% [markdown]
# ## Score models: regression, on rankings that were not fitted
#
# The ceilings are lower bounds, found by least squares on the numbers of positives above each negative.

# %%
models = table[table.model != "random"]
models.pivot_table(index=["model", "metric", "k"], columns="family", values="correlation", sort=False).round(3)

# %% [markdown]
# ## With one positive, a metric is a weighted area
#
# If a user has a single positive, every metric equals a weighted area exactly: the weight of rank j is what the metric
# loses when the positive falls from place j to j + 1. For MRR that is 1/(j (j + 1)), and few positives among many
# negatives come near it.

# %%
from sim.rankings import optimal_weights

for n_pos in (1, 5, 50):
    weights, ceiling = optimal_weights(n_pos, 5_000, "mrr", 100)
    print(f"{n_pos:>3} positives: correlation {ceiling:.4f}, weights {weights[:5].round(3)}")
