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
# **Finding.** The hardness of DNS(M, N) does not depend on the scores at all: the rank of a sampled negative has an exact
# law, harder for smaller M and for larger N. It is a *mixture* of OPAUC objectives, not the single OPAUC(M/N) that the
# name suggests: the mixture does not tighten as the catalogue grows. Softmax-v is harder for larger ρ, but its nominal
# $\beta = e^{-\rho}$ can be far from what it realises.

# %%
import os

from IPython.display import Markdown, display

from sim.studies import Options
from sim.studies.hardness import f7 as fig7

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))
table = fig7.run(options)
figure = fig7.plot(table)
display(Markdown(fig7.caption(table)))

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
print(f"limit     : mean beta {limit.mean():.5f}, 90% in [{limit.ppf(0.05):.4f}, {limit.ppf(0.95):.4f}]; M/N = 0.025")

# %% [markdown]
# ## What ρ realises
#
# On 200 normal scores: the KL divergence from uniform that Softmax-v reaches for a nominal ρ, and that of Softmax-exact,
# which solves for the temperature on every pool. No divergence on 200 items exceeds log 200 = 5.3.

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
# ## On synthetic scores, and every sampler on one scale
#
# The effective β, $(2\,E[\mathrm{rank}] - 1)/n$, is the mean β of the OPAUC mixture that a sampler optimises. For
# DNS(M, N) it is near (M + 1)/(N + 1), whatever the scores; no pool of N is harder than 2/(N + 1). For Softmax-v it
# depends on the tails: at ρ = 1 (nominal β 0.37) it is 0.07 on normal scores and 0.01 on heavy-tailed ones, as hard as
# M = 13 and M = 1.5 of 200. Larger pools make DNS and Softmax-v harder, and Softmax-exact easier: on normal scores its
# β rises from .35 at N = 20 to .44 at 800.

# %%
from sim.studies.hardness import f7_synthetic as hardness_synthetic

synthetic = hardness_synthetic.run(options)
synthetic_figure = hardness_synthetic.plot(synthetic)
display(synthetic_figure, Markdown(hardness_synthetic.caption(synthetic)))

# %%
effective = hardness_synthetic.effective(synthetic)
effective.pivot_table(
    index=["family", "N", "parameter", "nominal_beta"], columns="model", values=["effective_beta", "like_M"]
).round(4)

# %% [markdown]
# Any other sampler, on any losses:

# %%
from sim.sampling import rank_distribution

for sampler in (DNS(1, 200), DNS(5, 500), SoftmaxV(0.2, 100), SoftmaxExact(3.0, 1000)):
    law = rank_distribution(sampler, losses.ravel()[:10_000], n_pools=2_000, rng=0)
    print(f"{sampler}: effective beta {law.effective_beta:.4f} +- {law.effective_beta_error:.4f}")
