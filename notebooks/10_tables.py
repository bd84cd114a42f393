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
# # 10. Tables 2 and 3: every method from one program
#
# **Finding.** With one trainer, one split and the same number of trainings for every method the gaps are small. On
# ml-100k (paper profile, 5 seeds) NDCG@50 on test is .409 for Softmax-exact, .405 for DNS(M, N), Softmax-v and both
# PRIS, .404 for AOBPR, .403 without sampling, .391 for uniform BPR. (Printed for Gowalla: DNS(M, N) and Softmax-v 19%
# and 21% above the next best.) On Gowalla DNS(M, N) is ahead of all the paper's methods, of DNS(1, N) by 3% and of PRIS by
# 6%: both come out 24 to 29% above their printed numbers, WARP 30%, uniform BPR 17%, DNS(M, N) as printed. The
# printed gap is mostly that of weak baselines; AdaSIR, from whose paper they are quoted, comes out 3 to 4% below its
# own. TopKOptimal, whose hardness is that which random rankings ask for, fails on ml-100k: .213. It puts 61% of the
# weight on the hardest of 200 (mean β .03); the best DNS(M, N) keeps 100 of them (β .50): in trained scores the
# hardest are often positives not yet seen (notebook 8). On Gowalla no pool of 200 is as hard as it asks for: it
# is DNS(1, 200), 5% behind the best. Training without sampling, on ml-100k level with the best of the paper's methods,
# is 17% behind on Gowalla (.151), ahead only of uniform BPR, AdaSIR and IRGAN.
#
# ## The paper profile, as committed

# %%
from pathlib import Path

import pandas as pd
from IPython.display import Image, Markdown, display

import sim
from sim.studies.tables.methods import markdown_means

figures = Path(sim.__file__).parents[1] / "figures"
for name in ("Table2", "Table3"):
    display(Markdown(markdown_means(pd.read_csv(figures / f"{name}.csv"))), Image(figures / f"{name}.png"))

# %% [markdown]
# What was chosen, and the command of every row: [Table 2](../figures/Table2.md), [Table 3](../figures/Table3.md).
#
# ## A short run
#
# Two of three settings a method, one weight decay, half of the epochs (Table 3: a quarter).

# %%
import os

import matplotlib.pyplot as plt

from sim.studies import Options
from sim.studies.tables import table2, table3

options = Options(profile=os.environ.get("HNS_PROFILE", "default"))
table = table2.run(options)
figure = table2.plot(table)
display(figure, Markdown(table2.caption(table)))
plt.close(figure)  # shown once

# %% [markdown]
# ## What was chosen
#
# On validation, by NDCG@50. *last*: the best epoch was the last that was tried, so more might help.

# %%
shown = ["data", "method", "setting", "weight_decay", "epochs", "last", "mean", "low", "high", "seeds", "paper", "far"]
table.loc[table.metric == "ndcg@50", shown].round(4).reset_index(drop=True)

# %% [markdown]
# ## Table 3: LightGCN
#
# In the committed table DNS(M, N) and Softmax-v are 30% and 32% ahead of uniform BPR on Gowalla, all three within 2.5%
# of what is printed. PRIS, its temperature tuned, is 1% behind Softmax-v, printed 19%; AdaSIR is 10% below print. Here
# a quarter of the epochs of the paper profile, on ml-100k: enough to see that it runs, not to rank the methods.

# %%
graph = table3.run(options)
figure = table3.plot(graph)
display(figure, Markdown(table3.caption(graph)))
plt.close(figure)  # shown once
