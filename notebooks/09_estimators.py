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
# **Finding.** DNS(M, N) is a consistent estimator of OPAUC(M/N)'s surrogate objective on every score model tried: its
# bias is negative, close to $\frac{1-\beta}{2N}\,h'(\beta)$ with $h$ the mean loss at a level, and falls as 1/N, as does its
# variance over pools; with the whole catalogue as pool it is exact, gradient included. At N = 200, β = 0.1 the pools are a
# small part of the variance (2%): the rest comes from the positives and falls as $1/n_+$ only. The softmax samplers are
# **not** consistent for the OPAUC that $\beta = e^{-\rho}$ names. Softmax-exact keeps the divergence it promises and tends
# to the KL-robust value, 31 to 52% above OPAUC's on the binormal model, infinite on Student-t tails. Softmax-v does not
# keep it: at ρ = 1 it samples in effect from the same handful of negatives, 1 to 10 of them, whether the pool holds 20 or
# 2,000, unless the scores are bounded. So at a given ρ its β falls as 1/N, as DNS's does with a fixed M.

# %%
import os

import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from sim.studies import Options
from sim.studies.estimators import e_beta as realised_beta
from sim.studies.estimators import e_bias as estimator_bias
from sim.studies.estimators import e_error as estimator_error
from sim.studies.estimators import e_rates as estimator_rates

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))


def show(experiment):
    """Run an experiment, show its picture and caption, return its table."""
    table = experiment.run(options)
    figure = experiment.plot(table)
    display(figure, Markdown(experiment.caption(table)))
    plt.close(figure)  # shown once
    return table


table = show(estimator_bias)

# %% [markdown]
# The exact bias of DNS beside its leading term, which needs only the slope $h'(\beta)$ of the mean loss at the threshold:

# %%
exact = table[(table["sampler"] == "DNS") & (table.kind == "exact") & (table.sweep == "N")]
exact[["quantity", "N", "truth", "bias", "leading"]].sort_values(["quantity", "N"]).round(6)

# %% [markdown]
# ## Error: how many positives, how large a pool

# %%
table = show(estimator_error)

# %% [markdown]
# Which OPAUC's gradient the mean gradient of a sampler is most aligned with, on one sample (nominally β = 0.1):

# %%
gradient = table[table.quantity == "gradient"]
gradient[["sampler", "N", "rmse", "bias", "cosine", "nearest_beta", "nearest_cosine"]].round(3)

# %% [markdown]
# ## Rates in N

# %%
table = show(estimator_rates)

# %% [markdown]
# ## Nominal and realised β

# %%
table = show(realised_beta)

# %%
by_rho = table[(table.sweep == "rho") & (table["sampler"] == "Softmax-v")]
by_rho.pivot(index="rho", columns="model", values="realised").assign(
    nominal=by_rho.groupby("rho").nominal.first()
).round(4)
