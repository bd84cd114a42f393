"""Mean squared error of the samplers as estimators (T1, T2): against n_+ on a population, against N on one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...estimators import dns_sample_moments, population_objective, simulate_sample_moments
from ...objectives import opauc_surrogate_grad
from ...rankings import Binormal
from ...runs.options import Options
from ...sampling import DNS
from ..study import Findings, Study
from ..style import SAMPLERS as LOOKS
from ..style import legend_below, style
from .common import QUANTITIES, SAMPLERS, at_beta, moments

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "E-error", "Error of DNS and softmax sampling as estimators of OPAUC(beta) and its gradient", 170,
    zero_below=dict.fromkeys(("rmse", "low", "high", "bias"), 1e-12),
)  # fmt: skip

Floats = NDArray[np.float64]

BETA, AUC, POOL = 0.1, 0.9, 200
N_POS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
SAMPLE = (20, 1_000)
SIZES = (10, 20, 50, 100, 200, 500, 1_000)


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Root mean squared errors relative to the truth, and the bias' share of them.

    Returns
    -------
    DataFrame
        Columns target (population, sample), quantity (value, slope; gradient for the sample: all n_+ + n_- entries
        together), sampler, n_pos, N, rmse and bias (relative to the truth's size), low and high (95% limits of rmse;
        rmse itself where exact), kind, replicates; for the population pool_share, the part of the variance that comes
        from the pools and not from the positives; for the gradient also the cosine of its expectation with the truth,
        and the beta (nearest_beta) of the OPAUC whose gradient it has the largest cosine (nearest_cosine) with.
    """
    rows = [*_population(options), *_sample(options)]
    return pd.DataFrame(rows)


def _population(options: Options) -> list[dict[str, Any]]:
    n_pairs = cast(int, options.pick(smoke=256, default=20_000, paper=200_000))
    model = Binormal.from_auc(AUC)
    truth = population_objective(model, BETA).value
    rows = []
    for name in SAMPLERS:
        found = moments(at_beta(name, BETA, POOL), model, n_pairs, options.seed)
        for n_pos in N_POS:
            mse = found.mse(truth, n_pos)
            error = np.hypot(
                2.0 * (found.mean - truth) * found.mean_error,
                np.hypot(found.between_error, found.within_error) / n_pos,
            )
            for q, quantity in enumerate(QUANTITIES):
                names = {"target": "population", "quantity": quantity, "sampler": name, "n_pos": n_pos, "N": POOL}
                bias = abs(found.mean[q] - truth[q])
                row = _row(names, mse[q], error[q], bias**2, abs(truth[q]), name == "DNS", n_pairs)
                rows.append({**row, "pool_share": found.within[q] / (found.within[q] + found.between[q])})
    return rows


def _sample(options: Options) -> list[dict[str, Any]]:
    n_runs = cast(int, options.pick(smoke=128, default=1_024, paper=20_000))
    pos, neg = (scores[0] for scores in Binormal.from_auc(AUC).sample(*SAMPLE, rng=options.seed))
    value, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, BETA)
    length = float(np.sqrt(grad_pos @ grad_pos + grad_neg @ grad_neg))
    rows = []
    for name in SAMPLERS:
        for size in SIZES if options.profile != "smoke" else (10, POOL, SAMPLE[1]):
            sampler = at_beta(name, BETA, size)
            if isinstance(sampler, DNS):
                found = dns_sample_moments(sampler, pos, neg)
            else:
                found = simulate_sample_moments(sampler, pos, neg, n_runs=n_runs, rng=options.seed)
            names = {"target": "sample", "sampler": name, "n_pos": SAMPLE[0], "N": size}
            bias2 = (found.mean[0] - value) ** 2
            error = np.hypot(2.0 * (found.mean[0] - value) * found.mean_error[0], found.variance_error[0])
            exact = name == "DNS"
            rows.append(
                _row({**names, "quantity": "value"}, bias2 + found.variance[0], error, bias2, value, exact, n_runs)
            )
            bias2 = max(found.grad_bias2(grad_pos, grad_neg), 0.0)
            mse, error = bias2 + found.grad_variance, found.grad_variance_error
            row = _row({**names, "quantity": "gradient"}, mse, error, bias2, length, exact, n_runs)
            mean = np.concatenate((found.grad_pos, found.grad_neg))
            rows.append({**row, **_direction(mean, pos, neg)})
    return rows


def _direction(gradient: Floats, pos: Floats, neg: Floats) -> dict[str, float]:
    """Cosine of the expected gradient with that of OPAUC(BETA), and the beta whose gradient it is most aligned with."""
    counts = np.unique(np.round(np.geomspace(1, neg.size, 80)).astype(int)).tolist()
    cosines = {}
    for count in {*counts, round(BETA * neg.size)}:
        _, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, count / neg.size)
        other = np.concatenate((grad_pos, grad_neg))
        cosines[count] = float(gradient @ other / np.sqrt((gradient @ gradient) * (other @ other)))
    nearest = max(cosines, key=lambda count: cosines[count])
    return {
        "cosine": cosines[round(BETA * neg.size)],
        "nearest_beta": nearest / neg.size,
        "nearest_cosine": cosines[nearest],
    }


def _row(
    names: dict[str, Any], mse: float, error: float, bias2: float, scale: float, exact: bool, count: int
) -> dict[str, Any]:
    ends = np.sqrt(np.clip([mse - 1.96 * error, mse, mse + 1.96 * error], 0.0, None)) / scale
    if exact:
        ends[:] = ends[1]
    return {
        **names, "rmse": ends[1], "low": ends[0], "high": ends[2], "bias": np.sqrt(bias2) / scale,
        "kind": "exact" if exact else "simulated", "replicates": 0 if exact else count,
    }  # fmt: skip


def plot(table: pd.DataFrame) -> Figure:
    """RMSE of value and slope against n_+; RMSE of a sample's gradient against N; dashed lines are the bias alone."""
    panels = (
        ("population", "value", "n_pos", f"value, population, N = {POOL}"),
        ("population", "slope", "n_pos", f"slope, population, N = {POOL}"),
        ("sample", "gradient", "N", f"gradient, one sample of {SAMPLE[0]} + {SAMPLE[1]:,}"),
    )
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3))
        for ax, (target, quantity, x, title) in zip(axes, panels):
            for name in SAMPLERS:
                part = table[(table.target == target) & (table.quantity == quantity) & (table.sampler == name)]
                shown = part[part.rmse > 1e-9]
                ax.errorbar(
                    shown[x], shown.rmse, [shown.rmse - shown.low, shown.high - shown.rmse], marker=LOOKS[name].marker,
                    color=LOOKS[name].colour, elinewidth=0.9, label=name,
                )  # fmt: skip
                biased = part[part.bias > 1e-9]
                ax.plot(biased[x], biased.bias, color=LOOKS[name].colour, linestyle=(0, (3, 2)), linewidth=1.0)
            ax.set(xscale="log", yscale="log", title=title)
            ax.set_xlabel("number of positives n₊" if x == "n_pos" else "pool size N")
        last = table[(table.quantity == "gradient") & (table["sampler"] == "DNS") & (table.rmse > 1e-9)].iloc[-1]
        axes[2].annotate(
            f"0 at N = {SAMPLE[1]:,}", (last.N, last.rmse), (4, -11), textcoords="offset points",
            color=LOOKS["DNS"].colour, fontsize=8, ha="center",
        )  # fmt: skip
        axes[0].set_ylabel("error relative to the truth")
        dashed = plt.Line2D([], [], color="black", linestyle=(0, (3, 2)), linewidth=1.0)
        legend_below(figure, 4, (dashed, "bias alone"), where="upper center")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    gradient = table[(table.target == "sample") & (table.quantity == "gradient")].set_index(["sampler", "N"])
    value = table[(table.target == "population") & (table.quantity == "value")].set_index(["sampler", "n_pos"])
    last = max(N_POS)
    whole, share = SAMPLE[1], value.pool_share["DNS", last]
    nearest = " and ".join(
        f"{gradient.cosine[name, POOL]:.2f} for {name} (largest, {gradient.nearest_cosine[name, POOL]:.2f}, with "
        "that "
        f"of OPAUC({gradient.nearest_beta[name, POOL]:.2g}))"
        for name in SAMPLERS[1:]
    )
    return (
        f"Root mean squared error for the surrogate objective of OPAUC({BETA:g}), relative to the truth, on a "
        "binormal "
        f"model of AUC {AUC:g}; dashed: the bias alone. Left and middle: population, every positive with a fresh "
        "pool "
        f"of {POOL}; the variance ({share:.0%} of it from DNS's pools, the rest from the positives) falls as 1/n₊ to "
        f"the floor of the bias ({value.bias['DNS', last]:.1%} for DNS, "
        f"{value.bias['Softmax-exact', last]:.0%} for Softmax-exact, {value.bias['Softmax-v', last]:.0%} for "
        "Softmax-v). Right: the whole gradient of one user's objective, pools without replacement. DNS is exact, "
        "with "
        f"no error at N = n₋ = {whole:,} (Theorem 1; not drawn); at N = {POOL} its error is "
        f"{gradient.rmse['DNS', POOL]:.0%} of the gradient's length, of which {gradient.bias['DNS', POOL]:.0%} is "
        f"bias. Softmax at N = n₋ has no variance but keeps {gradient.bias['Softmax-exact', whole]:.0%} (exact) and "
        f"{gradient.bias['Softmax-v', whole]:.0%} (v) of bias: it follows another objective. At N = {POOL} the mean "
        f"gradient's cosine with that of OPAUC({BETA:g}) is {gradient.cosine['DNS', POOL]:.3f} for DNS, {nearest}. "
        "DNS "
        f"lines are exact, the others simulated ({int(table.replicates.max()):,} positives, "
        f"{int(table[table.target == 'sample'].replicates.max()):,} estimates of the gradient), 95% intervals."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Errors of the gradient and its direction, for each sampler."""
    gradient = table[(table.target == "sample") & (table.quantity == "gradient")].set_index(["sampler", "N"])
    found = {}
    for name in SAMPLERS:
        at, whole = gradient.loc[(name, POOL)], gradient.loc[(name, SAMPLE[1])]
        found[name] = (
            f"{name} at N = {POOL}: the gradient's error is {at.rmse:.0%} of its length, of which {at.bias:.0%} is "
            "bias; "
            f"the mean gradient's cosine with that of OPAUC({BETA:g}) is {at.cosine:.3f}, largest "
            f"({at.nearest_cosine:.3f}) with that of OPAUC({at.nearest_beta:.2g}); with all negatives in the pool "
            f"a bias of {whole.bias:.0%} is left ({at.kind})."
        )
    return found
