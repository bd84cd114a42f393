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
# # 11. Why not harder?
#
# **Finding.** A harder sampler looks at the part of the ranking that a Top-K metric measures. Why, then, does the best
# hardness in training lie far on the soft side of what theory says about Figure 6, and why does it hardly move with K?
# Three exact answers, and one honest failure:
#
# - **R1, resolution.** Below a hardness set by the data the loss is best served by equal scores: there is nothing left to
#   learn from. The hardest cut that still orders the top K grows like $K^{1-\theta}$, not like K. On six data sets this
#   is a bound that no best setting breaks, but it neither predicts nor ranks how the best hardness grows with K.
# - **R2, capacity.** Hardness gains where a model cannot order everything and has to choose.
# - **R3, train is not test.** Figure 6 compares an area and a metric on the same labels. On other labels only what is
#   common to both counts, and a small cut is a noisy estimate of it.
#
# In practice: choose the hardness on validation, in $\beta = M/N$; start at a few times the bound below.

# %%
import numpy as np
import pandas as pd

from sim.estimators import hardest_cut, resolution
from sim.studies.notebook import picture, published, show
from sim.studies.style import ordered_colours, style

table = published("R1")

# %% [markdown]
# ## The puzzle
#
# Under random rankings the OPAUC(β) that goes best with Recall@K has β = 1.5 K/n. Trained models prefer this, for the
# smallest and the largest K:

# %%
beta = table[(table.quantity == "beta") & (table.metric == "recall")]
view = beta[beta.k.isin([1, 100])].pivot_table(index="data", columns="k", values=["random", "observed"], sort=False)
view.rename(columns={"random": "1.5 K/n", "observed": "best β in training"}).round(4)

# %% [markdown]
# ## R1: what a hard sampler cannot see
#
# Let the best possible ROC curve be TPR = FPR^θ: the steeper the head, the smaller θ. The loss of a sampler that looks at
# the hardest share β has its minimum at scores that order negatives up to A only. A is where the tangent from (β, 1)
# touches the curve, and everything behind it is tied. Why? To push a negative down pays only if it frees the place for
# one that is less like a positive; beyond A the next one is just as confusing.
#
# **What to look at:** on the left, where each tangent touches the curve (point): everything right of it is tied. On the right,
# the slopes: the steeper the head (small θ), the nearer the hardest useful β comes to growing like K.

# %%
theta, cuts = 0.5, (0.05, 0.2, 0.5)
with style() as plt:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    fpr = np.linspace(0.0, 1.0, 500)
    left.plot(fpr, fpr**theta, color="black", linewidth=1.5)
    for cut, colour in zip(cuts, ordered_colours(len(cuts))):
        at = float(resolution(theta, cut))
        left.plot([0, cut], [1 - cut * theta * at ** (theta - 1), 1], color=colour, linewidth=1)
        left.plot(at, at**theta, "o", color=colour, label=f"β = {cut:g}: ordered up to {at:.3f}")
    left.set(xlabel="FPR", ylabel="TPR", xlim=(0, 0.6), ylim=(0, 1.02), title="θ = 1/2: the tangent from (β, 1)")
    left.legend(loc="lower right")
    share = np.geomspace(1e-5, 1e-2, 50)
    for value, colour in zip((0.3, 0.5, 0.7, 0.9), ordered_colours(4)):
        right.plot(share, hardest_cut(value, share), color=colour, label=f"θ = {value:g}: slope {1 - value:.1f}")
    right.plot(share, 1.5 * share, color="black", linestyle="--", label="random rankings: slope 1")
    right.set(xscale="log", yscale="log", xlabel="K / n", ylabel="hardest β that orders the top K")
    right.set_title("The law: θβ = A^(1−θ) − (1−θ) A")
    right.legend()
    picture(figure, "What a hard cut can order, and the hardest cut that orders the top K")

# %% [markdown]
# ## R1 put to the test
#
# θ is measured at the head of each data set's ROC curve, and compared with how the best β moves with K.
#
# **What to look at:** as a forecast the law would put the points on the diagonal (left). As a bound it has only to keep them
# above it (right).

# %%
show("R1", table)

# %% [markdown]
# So the law is a floor for β, not a forecast. What trains best must first be orderable, and then something else decides.
#
# ## R2: hardness pays where capacity is limited
#
# With a free score for every user and item, looking at all negatives is never worse: its minimiser orders everything (S1).
# The smallest model of limited capacity has one score per item for all users. Nine users, four items: three like items
# 0 and 2, two like 1, 2 and 3, four like 0 and 1. The soft loss and the hard one put different items first:

# %%
from scipy.optimize import minimize

likes = [(3, (0, 2)), (2, (1, 2, 3)), (4, (0, 1))]


def loss(scores, hardest):
    """Mean logistic loss over users and their positives; negatives: all, or the hardest one."""
    total = 0.0
    for count, liked in likes:
        others = [scores[j] for j in range(4) if j not in liked]
        for i in liked:
            pairs = np.logaddexp(0.0, np.array(others) - scores[i])
            total += count / len(liked) * (pairs.max() if hardest else pairs.mean())
    return total / 9


for name, hardest in (("all negatives (AUC)", False), ("hardest negative (M = 1)", True)):
    starts = [np.random.default_rng(s).normal(size=3) for s in range(6)]
    found = min(
        (minimize(lambda x, h=hardest: loss(np.append(x, 0.0), h), s, method="Nelder-Mead", options={
            "xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}) for s in starts),
        key=lambda f: f.fun,
    )  # fmt: skip
    scores = np.append(found.x, 0.0)
    first = int(scores.argmax())
    hits = sum(count for count, liked in likes if first in liked)
    print(f"{name}: scores {np.round(scores - scores.min(), 2)}, item {first} first, a hit for {hits} of 9 users")

# %% [markdown]
# ## R3: what predicts on train need not predict on test
#
# Figure 6 correlates an area and a metric that see the same labels. Most of what they share then is chance. If the test
# labels are others, the correlation under random rankings is φ times Figure 6's, φ being the correlation of the two
# labels, at every β: no better β, only less of it. With the train positives taken out of the test ranking it is 0.

# %%
from sim.rankings import Binormal, phi, predictive_correlation, split_correlation

n, positives, k = 1000, 20, 20
rows = []
for both in (20, 10, 4, 1):
    curve = split_correlation(both, positives - both, positives - both, n - 2 * positives + both, "recall", k)
    agreement = phi(both, positives - both, positives - both, n - 2 * positives + both)
    rows.append((both, agreement, curve.argmax() + 1, curve.max()))
pd.DataFrame(rows, columns=["labels in common", "φ", "best m", "its correlation"]).round(3)

# %% [markdown]
# What carries over is what the rankings know. Take rankings of different quality at the head and behind (binormal curves
# of nine shapes), draw train and test positives from each, and ask which β on train goes best with Recall on test at the
# false positive rate K/n. The correlation is a product: how well the expected area is aligned with the expected metric
# (this wants β near K/n) times how reliably the area is estimated (this wants a large β).
#
# **What to look at:** on the left, the peak (star) of few train positives lies further right, at softer areas; on the right,
# their best β hardly moves with K.

# %%
family = [Binormal(mu, sigma) for mu in (1.4, 1.7, 2.0) for sigma in (0.7, 1.0, 1.4)]
betas = np.geomspace(1e-5, 1.0, 120)
with style() as plt:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    sizes = (1, 5, 20, 100, 1000)
    for count, colour in zip(sizes, ordered_colours(len(sizes))):
        curve = predictive_correlation(family, betas, 1e-3, count, 5).correlation
        left.plot(betas, curve / curve.max(), color=colour, label=f"{count} train positives")
        left.plot(betas[curve.argmax()], 1.0, "*", color=colour, markersize=9, clip_on=False)
        rates = np.geomspace(1e-4, 1e-2, 7)
        best = [betas[predictive_correlation(family, betas, a, count, 5).correlation.argmax()] for a in rates]
        right.plot(rates, best, color=colour)
    left.axvline(1.5e-3, color="black", linestyle="--", linewidth=0.8)
    left.set(xscale="log", xlabel="β on train", ylabel="correlation with test Recall, over its best")
    left.set(title="K/n = 0.001 (dashed: 1.5 K/n)", ylim=(0.4, 1.02))
    left.legend()
    right.plot(rates, 1.5 * rates, color="black", linestyle="--")
    right.set(
        xscale="log",
        yscale="log",
        xlabel="K / n",
        ylabel="best β on train",
        title="Few positives: flat, and soft at small K",
    )
    picture(figure, "Which β on train goes best with Recall on test")

# %% [markdown]
# The fewer positives a user has, the less the best β moves with K, and at small K the softer it is: the same two things
# that training shows. This is an explanation in kind; it has not been fitted to the data sets.
#
# ## What to do with it
#
# - Do not scale M in proportion to K: no data set here wants it. Tune M/N on validation, by the metric that counts.
# - The bound is quick: train once softly, read TPR at FPR K/n off the validation ranking, and take
#   β ≥ A + (1 − TPR)/TPR′ at A = K/n (`sim.estimators.hardest_cut`, `hardest_kept` for pools). Harder cannot order the top
#   K; the best was softer by the factor in the caption above.
# - A curve without a head, where TPR′(0) is finite, as false negatives in the pool make it, has a floor that no K moves.
