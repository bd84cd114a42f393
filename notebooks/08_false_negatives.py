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
# # 8. False negatives: where does harder sampling start to hurt?
#
# Under random rankings hidden positives cost every hardness the same: one factor,
# $\sqrt{\frac{N_o}{N_o + N_h} \cdot \frac{N_- - N_h}{N_-}}$, and the best β does not move. Where positives score
# higher it does: the hardest negatives are mostly hidden positives.
#
# **What to look at:** in a the peaks stay above one another as more positives are hidden; in b and c they move to the right, to
# softer areas. In f, what false negatives cost in training at each level of hardness.

# %%
from sim.studies.fn import peaks
from sim.studies.notebook import published, show

table = published("FN")
show("FN", table)

# %% [markdown]
# ## Where the peaks are
#
# m (of 800 observed negatives), or M of DNS(M, 100), at the peak.

# %%
peaks(table).pivot_table(index=["study", "model", "hidden"], columns=["metric", "k"], values="m")

# %% [markdown]
# ## What false negatives cost in training
#
# Change of the test metric in per cent where the hidden pairs stay in the pools, against the control that keeps the same
# pairs out of the pools: the same train pairs, no false negatives from them. Half-widths of the 95% intervals below.

# %%
from IPython.display import display

cost = table[table.study == "cost"].assign(half=lambda t: (t.high - t.low) / 2)
display((100 * cost.pivot_table(index=["metric", "k", "hidden"], columns="m", values="value", sort=False)).round(1))
display((100 * cost.pivot_table(index=["metric", "k", "hidden"], columns="m", values="half", sort=False)).round(1))

# %% [markdown]
# ## The closed form
#
# Given where the observed positives stand, the hidden ones are a uniform subset of the rest. So the covariance of the
# true metric with any weighted area of the observed positives is that of the observed metric, times
# $1 - N_h/N_-$; the metric's variance follows. The metric of the hidden positives alone, in the list without the observed
# ones as a test has it, is independent of every area: random rankings say nothing about generalisation.

# %%
from sim.rankings import hidden_attenuation

for n_hidden in (0, 20, 80, 200, 400):
    print(f"{n_hidden:>3} of 800 hidden: factor {hidden_attenuation(200, 800, n_hidden):.4f}")
