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
# # 5. Is it true? The ledger of claims
#
# Most of the paper's statements hold, several in a sharper form than printed. Three need care by whoever uses them:
#
# 1. DNS(M, N) on pools does not optimise OPAUC(M/N) but a mixture of OPAUCs that stays spread out however large the
#    catalogue is (T1-pool).
# 2. The temperature of Softmax-v is a first-order value: the β = exp(-ρ) it promises and the one it realises can be orders of
#    magnitude apart, and for ρ ≥ log N there is no such β at all (T2e, T2f).
# 3. Minimising the logistic surrogate of OPAUC(β) need not maximise OPAUC(β) (S1).
#
# Every claim comes with *mutants*, plausible false variants of itself, which the same checks must refute. The whole ledger is
# in [CLAIMS.md](../CLAIMS.md); `hns check` tests it again. Here are three of its entries, tested now:

# %%
import pandas as pd

from proofs_check import all_claims, run

results, complete = run(["L1", "T3", "T2a"], effort="quick")
assert complete
pd.DataFrame(
    {
        "claim": r.id,
        "verdict": str(r.status),
        "cases": sum(e.cases for e in r.evidence),
        "mutants refuted": f"{sum(m.killed for m in r.mutants)}/{len(r.mutants)}",
    }
    for r in results
)

# %% [markdown]
# ## The verdicts at a glance
#
# **What to look at:** how long the upper bars, claims that hold, are beside the lower ones; the names lead into CLAIMS.md.

# %%
from sim.studies.notebook import picture
from sim.studies.style import PALETTE, style

order = ["holds", "holds, sharpened", "holds with a condition", "holds approximately", "refuted", "open"]
colours = ["green", "blue", "sky", "yellow", "red", "grey"]
groups = {status: [c.id for c in all_claims().values() if str(c.verdict.status) == status] for status in order}
with style() as plt:
    figure, ax = plt.subplots(figsize=(7.6, 2.6))
    for y, (status, colour) in enumerate(zip(order, colours)):
        ax.barh(y, len(groups[status]), color=PALETTE[colour])
        ax.text(len(groups[status]) + 0.15, y, " ".join(groups[status]), va="center", fontsize=6.5)
    ax.set(yticks=range(len(order)), xlabel="claims", xlim=(0, 34))
    ax.set_yticklabels(order)
    ax.invert_yaxis()
    ax.grid(False)
    picture(figure, "Claims by verdict")
print("; ".join(f"{len(groups[status])} {status}" for status in order if groups[status]))

# %% [markdown]
# ## What does a sampler optimise?
#
# `verify_sampler` runs the estimator checks on any sampler, one of your own too, and says which mixture of OPAUCs it is.

# %%
from proofs_check import verify_sampler
from sim.sampling import DNS

print(verify_sampler(DNS(5, 50)))

# %% [markdown]
# ## A claim in full: Theorem 3
#
# The count of hits in the top K is an integer, so the paper's floor and ceil can be turned around; the result cannot be
# improved. For 20 positives, 50 negatives, K = 5 and some X = N₊N₋·OPAUC(K/N₋):

# %%
from sim.metrics import topk_bounds_from_opauc

rows = []
for x in (0, 10, 25, 40, 60, 90, 100):
    paper, sharp = (topk_bounds_from_opauc(20, 50, 5, x, form=form) for form in ("paper", "sharp"))
    rows.append({"X": x, "paper": f"{paper[0]}..{paper[1]}", "sharp": f"{sharp[0]}..{sharp[1]}"})
pd.DataFrame(rows)
