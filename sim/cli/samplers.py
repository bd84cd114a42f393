"""The samplers of the command line: their names, one line about each, and how options make one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..sampling import Sampler

__all__ = ["EPILOG", "SAMPLERS", "add_arguments", "flags", "make"]

SAMPLERS = {
    "uniform": "N uniform negatives, equally weighted: BPR (default N: 1)",
    "popularity": "N negatives in proportion to count^ALPHA (default N: 1)",
    "dns": "the M hardest of a pool of N; --M 1 is the original DNS",
    "softmax": "a pool of N weighed by exp(score / TAU)",
    "softmax-v": "a pool of N weighed by exp(loss / tau), tau from RHO and the losses' variance",
    "softmax-exact": "the same with tau solved so that the divergence from uniform is RHO",
    "topk": "weights over the ranks of a pool of N that METRIC@K asks for in theory",
    "pris-u": "self-normalised importance weights of the softmax over a uniform pool",
    "pris-p": "the same over a popular pool, corrected for popularity",
    "adasir-u": "a cache for each user, kept hard by importance resampling from uniform candidates",
    "adasir-p": "the same from popular candidates",
    "aobpr": "items of high rank, in a geometric law of scale LAM, on a factor that matters to the user",
    "kernel": "a cache for each user, drawn by ALPHA score^2 + 1 and corrected for it; made for --loss sampled-softmax",
    "irgan": "a cache for each user from a generator that learns to draw what the model scores high",
    "warp": "draw until a negative violates the margin, at most N times; weighed by the rank this suggests",
    "ahns": "of a pool of N the negative nearest to BETA (positive + ALPHA)^(P + 1): easier for higher positives",
    "non-sampling": "the exact mean over all negatives: no sampling, ten times the time",
}

EPILOG = "samplers\n" + "\n".join(f"  {name:<14} {what}" for name, what in SAMPLERS.items()) + "\n"


def add_arguments(p: argparse.ArgumentParser, names: tuple[str, ...] = tuple(SAMPLERS)) -> None:
    """Declare the options of the samplers ``names``."""
    listed = "one of those listed below" if len(names) > 4 else ", ".join(names)
    p.add_argument("--sampler", choices=names, default="dns", metavar="NAME", help=f"{listed} (default: dns)")
    plain = "softmax" not in names
    known = "5" if plain else "M/N by the data's density"
    p.add_argument("--M", type=int, help=f"dns: negatives kept of the pool (default: {known})")
    p.add_argument("--N", type=int, help="pool size, negatives of a pair (default: 200; 1 where all weigh the same)")
    p.add_argument("--rho", type=float, default=1.0, help="softmax-v, softmax-exact: radius, -log(beta) (default: 1)")
    if plain:
        return
    p.add_argument("--tau", type=float, default=1.0, help="softmax, pris, adasir: temperature (default: 1)")
    p.add_argument("--alpha", type=float, help="popularity: power of the counts (1); ahns: offset (.1); kernel: (100)")
    p.add_argument("--beta", type=float, default=1.0, help="ahns: scale (default: 1)")
    p.add_argument("--p", type=float, default=-2.0, help="ahns: power (default: -2)")
    p.add_argument("--C", type=int, default=200, help="adasir, kernel, irgan: size of a cache (default: 200)")
    p.add_argument("--lam", type=float, default=500.0, help="aobpr: scale of the ranks (default: 500)")
    p.add_argument("--margin", type=float, default=1.0, help="warp, and --loss hinge: margin (default: 1)")
    p.add_argument("--target", default="ndcg@20", metavar="METRIC@K", help="topk: the target (default: ndcg@20)")
    p.add_argument("--n-pos", type=int, help="topk: positives of a user (default: the data's mean)")
    p.add_argument("--n-neg", type=int, help="topk, warp: the other items (default: the data's mean)")


def make(options: argparse.Namespace, train: Any = None) -> Any:
    """The sampler that the options name; ``train``, a sparse matrix, where it depends on the size of the data."""
    from .. import sampling as s

    name = options.sampler
    alone = name in ("uniform", "popularity", "adasir-u", "adasir-p", "aobpr", "irgan")
    n = (1 if alone else 200) if options.N is None else options.N
    if name == "dns" and options.M is None and train is not None:
        from ..bpr.defaults import dns_for

        return dns_for(train, n)
    if name == "dns":
        return s.DNS(5 if options.M is None else options.M, n)
    if name in ("softmax-v", "softmax-exact"):
        return (s.SoftmaxV if name == "softmax-v" else s.SoftmaxExact)(options.rho, n)
    if name == "uniform":
        return s.Uniform(n)
    if name == "popularity":
        return s.popularity(1.0 if options.alpha is None else options.alpha, n)
    if name == "softmax":
        return s.Softmax(options.tau, n)
    if name in ("pris-u", "pris-p"):
        return s.pris(n, popular=name == "pris-p", tau=options.tau)
    if name in ("adasir-u", "adasir-p"):
        proposal = "log-count" if name == "adasir-p" else "uniform"
        return s.AdaSIR(n, options.C, options.tau, proposal=proposal)
    if name == "kernel":
        return s.Kernel(
            20 if options.N is None else options.N, options.C, 100.0 if options.alpha is None else options.alpha
        )
    if name == "irgan":
        return s.IRGAN(n, options.C, options.tau)
    if name == "aobpr":
        return s.AOBPR(options.lam, n)
    if name == "ahns":
        return s.AHNS(0.1 if options.alpha is None else options.alpha, options.beta, options.p, options.N or 32)
    if name == "non-sampling":
        return s.NonSampling()
    n_pos, n_neg = options.n_pos, options.n_neg
    if train is not None:
        n_pos = max(1, round(train.nnz / train.shape[0])) if n_pos is None else n_pos
        n_neg = train.shape[1] - n_pos if n_neg is None else n_neg
    if n_neg is None or (n_pos is None and name == "topk"):
        raise ValueError(f"n_pos and n_neg must be given for {name} where there is no data, got none")
    if name == "warp":
        return s.WARP(n_neg, options.margin, n)
    metric, _, k = options.target.partition("@")
    if not k.isdecimal():
        raise ValueError(f"target must look like 'ndcg@20', got {options.target!r}")
    return s.TopKOptimal(metric, int(k), n, n_pos, n_neg)


def flags(sampler: Sampler) -> list[str]:
    """The options that make this sampler, the inverse of :func:`make`; ValueError where there are none.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> flags(DNS(5, 200))
    ['--sampler', 'dns', '--M', '5', '--N', '200']
    """
    given = sampler.get_params()
    words = [
        word
        for name in ("M", "N", "rho", "tau", "alpha", "beta", "p", "C", "lam", "margin", "n_pos", "n_neg")
        if name in given
        for word in (f"--{name.replace('_', '-')}", f"{given[name]:.12g}")
    ]
    if str(given.get("proposal", "")).startswith("count^"):
        words += ["--alpha", given["proposal"].removeprefix("count^")]
    if "metric" in given:
        words += ["--target", f"{given['metric']}@{given['K']}"]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name in SAMPLERS:
        found = ["--sampler", name, *words]
        try:
            if make(parser.parse_args(found)) == sampler:
                return found
        except ValueError:  # parameters of another sampler
            continue
    raise ValueError(f"sampler must be one that 'hns train' can make, got {sampler}")
