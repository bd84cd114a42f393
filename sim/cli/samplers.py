"""The samplers of the command line: their options, and what they make."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..sampling import Sampler

__all__ = ["add_arguments", "epilog", "make"]


def epilog() -> str:
    """A line about each sampler."""
    from ..sampling.spec import SPECS

    return "samplers\n" + "\n".join(f"  {spec.name:<14} {spec.what}" for spec in SPECS.values()) + "\n"


def add_arguments(p: argparse.ArgumentParser, names: tuple[str, ...] = ()) -> None:
    """Declare the options of the samplers ``names``, all by default."""
    from ..sampling.spec import SPECS, find

    names = names or tuple(SPECS)

    def known(text: str) -> str:
        try:
            spec = find(text.partition("(")[0])
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix("sampler ")) from None
        allowed = spec.name in names or any(SPECS[name].factory is spec.factory for name in names)
        if not allowed:
            raise argparse.ArgumentTypeError(f"must be one of {', '.join(names)}, got {text!r}")
        return text if "(" in text else spec.name

    listed = "one of those listed below" if len(names) > 4 else ", ".join(names)
    p.add_argument(
        "--sampler", type=known, default="dns", metavar="NAME",
        help=f"{listed}, or its whole spelling, like 'DNS(5, 200)' (default: dns)",
    )  # fmt: skip
    few = "softmax" not in names
    m = "5" if few else "M/N by the data's density"
    p.add_argument("--M", type=int, help=f"dns: negatives kept of the pool (default: {m})")
    p.add_argument("--N", type=int, help="pool size, negatives of a pair (default: 200; 1 where all weigh the same)")
    p.add_argument("--rho", type=float, help="softmax-v, softmax-exact: radius, -log(beta) (default: 1)")
    if few:
        return
    p.add_argument("--tau", type=float, help="softmax, pris, adasir, irgan: temperature (default: 1; irgan: 0.5)")
    p.add_argument("--alpha", type=float, help="popularity: power of the counts (1); ahns: offset (.1); kernel: (100)")
    p.add_argument("--beta", type=float, help="ahns: scale (default: 1)")
    p.add_argument("--p", type=float, help="ahns: power (default: -2)")
    p.add_argument("--C", type=int, help="adasir, kernel, irgan: size of a cache (default: 200; irgan: 50)")
    p.add_argument("--lam", type=float, help="aobpr: scale of the ranks (default: 500)")
    p.add_argument("--margin", type=float, default=1.0, help="warp, and --loss hinge: margin (default: 1)")
    p.add_argument("--target", default="ndcg@20", metavar="METRIC@K", help="topk: the target (default: ndcg@20)")
    p.add_argument("--n-pos", type=int, help="topk: positives of a user (default: the data's mean)")
    p.add_argument("--n-neg", type=int, help="topk, warp: the other items (default: the data's mean)")


def make(options: argparse.Namespace, train: Any = None) -> Sampler:
    """The sampler that the options name; ``train``, a sparse matrix, where it depends on the size of the data."""
    from ..sampling.spec import OPTIONS, from_options

    if options.sampler == "dns" and options.M is None and train is not None:
        from ..bpr.defaults import dns_for

        return dns_for(train, 200 if options.N is None else options.N)
    given = {name: getattr(options, name, None) for name in (*OPTIONS, "target")}
    return from_options(options.sampler, given, train)
