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
# # 9. Samplers as estimators of OPAUC(β) (Theorems 1 and 2)
#
# Does a sampler estimate the OPAUC(β) objective that the theorems name? DNS(M, N) does, consistently: its bias is negative,
# close to $\frac{1-\beta}{2N}\,h'(\beta)$ with $h$ the mean loss at a level, and falls as 1/N, as does its variance over
# pools; with the whole catalogue as pool it is exact, gradient included. The softmax samplers are **not** consistent for the
# OPAUC that $\beta = e^{-\rho}$ names. Softmax-exact keeps the divergence it promises and tends to the KL-robust value, which
# is another number. Softmax-v does not keep it: unless the scores are bounded it samples in effect from a handful of
# negatives, however large the pool.
#
# **What to look at:** on the left, which of the curves go to zero as the pool grows.

# %%
from sim.studies.notebook import published, show

table = published("E-bias")
show("E-bias", table)

# %% [markdown]
# The exact bias of DNS beside its leading term, which needs only the slope $h'(\beta)$ of the mean loss at the threshold:

# %%
exact = table[(table["sampler"] == "DNS") & (table.kind == "exact") & (table.sweep == "N")]
exact[["quantity", "N", "truth", "bias", "leading"]].sort_values(["quantity", "N"]).round(6)

# %% [markdown]
# ## Error: how many positives, how large a pool
#
# **What to look at:** which part of the error falls with the positives, and which with the pool.

# %%
table = published("E-error")
show("E-error", table)

# %% [markdown]
# Which OPAUC's gradient the mean gradient of a sampler is most aligned with, on one sample (nominally β = 0.1):

# %%
gradient = table[table.quantity == "gradient"]
gradient[["sampler", "N", "rmse", "bias", "cosine", "nearest_beta", "nearest_cosine"]].round(3)

# %% [markdown]
# ## Rates in N
#
# **What to look at:** the slopes, score model by score model: −1 is a bias that falls as 1/N, 0 one that stays.

# %%
show("E-rates")

# %% [markdown]
# ## Nominal and realised β
#
# **What to look at:** on the left, how far below its nominal β (dashed) Softmax-v lies, score model by score model; on the
# right, that only bounded scores let it use a larger pool.

# %%
table = published("E-beta")
show("E-beta", table)

# %%
by_rho = table[(table.sweep == "rho") & (table["sampler"] == "Softmax-v")]
by_rho.pivot(index="rho", columns="model", values="realised").assign(
    nominal=by_rho.groupby("rho").nominal.first()
).round(4)
