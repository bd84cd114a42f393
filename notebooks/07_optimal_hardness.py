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
# **Finding.** Under random rankings no sampler that prefers harder negatives follows Recall@K better than a hard cut,
# OPAUC(β) at β ≈ 1.5 K/N: in the limit this is a theorem ($2\sqrt{2}/3 = 0.943$). NDCG, AP and MRR want weights that
# fall from the first rank on: NDCG@20 and AP@20 then reach 0.98 to 0.999, where the best cut stays at 0.93 to 0.95. The
# ideal for Recall@K is not hard at all: weight on the negatives near the K-th place and none on the hardest. The pool
# caps hardness: DNS(M, 200) over 40,000 negatives reaches 0.22, 0.43 and 0.79 of the best possible for Recall@5, @20
# and @100, all at M = 1. Under score models one cut keeps 98 to 100% of what the best weights reach at K = 20.

# %%
import os

from IPython.display import Markdown, display

from sim.studies import Options
from sim.studies.hardness import g2_optimal as optimal_hardness

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))
table = optimal_hardness.run(options)
figure = optimal_hardness.plot(table)
display(Markdown(optimal_hardness.caption(table)))

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
