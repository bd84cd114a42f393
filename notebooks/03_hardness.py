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
# # 3. How hard is a sampler? (Figure 7)
#
# The hardness of DNS(M, N) does not depend on the scores at all: the rank of a sampled negative has an exact law, harder
# for smaller M and for larger N. It is a *mixture* of OPAUC objectives, not the single OPAUC(M/N) that the name suggests:
# the mixture does not tighten as the catalogue grows. Softmax-v is harder for larger ρ, but its nominal
# $\beta = e^{-\rho}$ can be far from what it realises.
#
# **What to look at:** the further left a curve rises, the harder the sampler: more of its weight lies on the negatives of
# the highest scores. Which samplers' curves are evenly spaced, and which jump?

# %%
from sim.studies.notebook import published, show

show("F7")

# %% [markdown]
# ## DNS(M, N) as a mixture
#
# For a pool of N drawn from n negatives, let R be the rank of the (M+1)-th best of the pool. Given R the M best are a
# uniform subset of the ranks 1..R-1, so DNS(M, N) optimises OPAUC((R-1)/n) with the law of R as weights. For large n that
# law is Beta(M+1, N-M).

# %%
from scipy.stats import beta

from sim.sampling import DNS

for n in (1_000, 10_000, 40_000):
    sampler = DNS(5, 200)
    mixture = sampler.opauc_mixture(n)
    cumulative = mixture.cumsum()
    low, high = (int((cumulative < q).sum() + 1) / n for q in (0.05, 0.95))
    print(
        f"n = {n:>6}: mean beta {sampler.effective_beta(n):.5f}, 90% of the weight on beta in [{low:.4f}, {high:.4f}]"
    )
limit = beta(5 + 1, 200 - 5)
ends = limit.ppf([0.05, 0.95])
print(f"limit     : mean beta {limit.mean():.5f}, 90% in [{ends[0]:.4f}, {ends[1]:.4f}]; M/N = {5 / 200:g}")

# %% [markdown]
# ## What ρ realises
#
# On 200 normal scores: the KL divergence from uniform that Softmax-v reaches for a nominal ρ, and that of Softmax-exact,
# which solves for the temperature on every pool. No divergence on 200 items exceeds log 200.

# %%
import numpy as np

from sim.objectives import kl_of_weights, logistic_loss
from sim.sampling import SoftmaxExact, SoftmaxV

losses = logistic_loss(1.0 - np.random.default_rng(0).normal(size=(500, 200)))
for rho in (0.01, 0.1, 0.5, 1.0, 3.0, 10.0):
    realised = kl_of_weights(SoftmaxV(rho, 200).weights(losses)).mean()
    solved = kl_of_weights(SoftmaxExact(rho, 200).weights(losses)).mean()
    print(f"rho {rho:>5}: Softmax-v realises {realised:.3f}, Softmax-exact {solved:.3f}")

# %% [markdown]
# ## On synthetic scores
#
# The effective β, $(2\,E[\mathrm{rank}] - 1)/n$, is the mean β of the OPAUC mixture that a sampler optimises. For
# DNS(M, N) it is near (M + 1)/(N + 1), whatever the scores; no pool of N is harder than 2/(N + 1).
#
# **What to look at:** full and dashed lines, two models of scores, lie on one another for DNS (a, b) and apart for the
# softmax samplers (c, d): the heavier the tail of the scores, the harder is Softmax-v. In f, larger pools make DNS and
# Softmax-v harder.

# %%
synthetic = published("F7-synthetic")
show("F7-synthetic", synthetic)

# %% [markdown]
# `like_M`: the M of DNS(M, N) that is as hard.

# %%
from sim.studies.hardness.f7_synthetic import effective

effective(synthetic).pivot_table(
    index=["family", "N", "parameter", "nominal_beta"], columns="model", values=["effective_beta", "like_M"]
).round(4)

# %% [markdown]
# ## Every sampler on one scale
#
# **What to look at:** panel e, the samplers from the hardest to the softest on synthetic scores (full points). Open points
# are those of a trained model: which samplers change places?

# %%
show("F7-samplers")

# %% [markdown]
# Any other sampler, on any losses:

# %%
from sim.sampling import rank_distribution

for sampler in (DNS(1, 200), DNS(5, 500), SoftmaxV(0.2, 100), SoftmaxExact(3.0, 1000)):
    law = rank_distribution(sampler, losses.ravel()[:10_000], n_pools=2_000, rng=0)
    print(f"{sampler}: effective beta {law.effective_beta:.4f} +- {law.effective_beta_error:.4f}")
