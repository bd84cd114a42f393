r"""One spelling of a sampler for Python, TOML, files, the command line and the docs.

>>> parse("DNS(5, 200)")
DNS(M=5, N=200)
>>> parse("pris-p(N=100)") == parse("Softmax(N=100, proposal=log-count, corrected=True)")
True
>>> str(parse("softmax-v(rho=0.3)"))
'SoftmaxV(rho=0.3, N=200)'

:func:`parse` reads what ``str(sampler)`` writes, and the short names of :data:`SPECS`, the one table of samplers: the
command line's names and help, the sampler tables of a TOML file, the docs' table and the tests' list are made from it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.names import hint, plain
from .adaptive import AOBPR, IRGAN, AdaSIR, Kernel
from .base import Sampler
from .ranked import AHNS, WARP, TopKOptimal
from .samplers import DNS, NonSampling, Softmax, SoftmaxExact, SoftmaxV, Uniform, popularity, pris

__all__ = ["OPTIONS", "SPECS", "Spec", "from_options", "known_names", "make", "parse", "specs_of", "to_options"]


@dataclass(frozen=True)
class Spec:
    """What one name stands for.

    Attributes
    ----------
    name : str
        The short name, as on the command line.
    what : str
        One line about it.
    factory : callable
        A class of :mod:`sim.sampling`, or a function that makes one.
    fixed : mapping
        Arguments that the name decides.
    from_data : tuple of str
        Arguments that the data decide where they are not given: "n_pos", "n_neg".
    """

    name: str
    what: str
    factory: Callable[..., Sampler]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    from_data: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The arguments that may be given, in order."""
        found = inspect.signature(self.factory).parameters
        return {name: p for name, p in found.items() if name not in self.fixed}

    def _real(self, name: str, value: Any) -> Any:
        """A whole number where a float belongs becomes one: equal samplers then have equal names."""
        p = self.parameters.get(name)
        return float(value) if type(value) is int and p is not None and p.annotation == "float" else value

    def make(self, arguments: Mapping[str, Any], train: Any = None) -> Sampler:
        """The sampler of these arguments; what is left out is the default, or taken from ``train``, a sparse matrix."""
        values = {**self.fixed, **{name: self._real(name, value) for name, value in arguments.items()}}
        missing = [name for name in self.from_data if values.get(name) is None]
        if missing:
            values |= {name: _typical(self.name, missing, train)[name] for name in missing}
        return self.factory(**values)


def _typical(name: str, missing: list[str], train: Any) -> dict[str, int]:
    """Positives of a mean user, and the other items."""
    if train is None:
        raise ValueError(f"{' and '.join(missing)} must be given for {name} where there are no data, got none")
    n_pos = max(1, round(train.nnz / train.shape[0]))
    return {"n_pos": n_pos, "n_neg": train.shape[1] - n_pos}


SPECS = {
    spec.name: spec
    for spec in (
        Spec("uniform", "N uniform negatives, equally weighted: BPR (default N: 1)", Uniform),
        Spec("popularity", "N negatives in proportion to count^ALPHA (default N: 1)", popularity),
        Spec("dns", "the M hardest of a pool of N; M = 1 is the original DNS", DNS),
        Spec("softmax", "a pool of N weighed by exp(score / TAU)", Softmax),
        Spec("softmax-v", "a pool of N weighed by exp(loss / tau), tau from RHO and the losses' variance", SoftmaxV),
        Spec("softmax-exact", "the same with tau solved so that the divergence from uniform is RHO", SoftmaxExact),
        Spec("topk", "weights over the ranks of a pool of N that METRIC@K asks for in theory", TopKOptimal,
             from_data=("n_pos", "n_neg")),
        Spec("pris-u", "self-normalised importance weights of the softmax over a uniform pool", pris,
             {"popular": False}),
        Spec("pris-p", "the same over a popular pool, corrected for popularity", pris, {"popular": True}),
        Spec("adasir-u", "a cache for each user, kept hard by importance resampling from uniform candidates", AdaSIR,
             {"proposal": "uniform"}),
        Spec("adasir-p", "the same from popular candidates", AdaSIR, {"proposal": "log-count"}),
        Spec("aobpr", "items of high rank, in a geometric law of scale LAM, on a factor that matters to the user",
             AOBPR),
        Spec("kernel", "a cache for each user, drawn by ALPHA score^2 + 1, corrected; for --loss sampled-softmax",
             Kernel),
        Spec("irgan", "a cache for each user from a generator that learns to draw what the model scores high", IRGAN),
        Spec("warp", "draw until a negative violates the margin, at most N times; weighed by the rank this suggests",
             WARP, from_data=("n_neg",)),
        Spec("ahns", "of a pool of N the one nearest to BETA (positive + ALPHA)^(P + 1): easier for higher positives",
             AHNS),
        Spec("non-sampling", "the exact mean over all negatives: no sampling, ten times the time", NonSampling),
    )
}  # fmt: skip
"""The samplers by short name, in the order of the docs."""


def specs_of() -> dict[str, Spec]:
    """:data:`SPECS`, and the classes and functions of :mod:`sim.sampling` by their own names."""
    own = {spec.factory.__name__: spec for spec in reversed(SPECS.values())}
    return {**SPECS, **{name: Spec(name, spec.what, spec.factory) for name, spec in own.items()}}


def known_names() -> list[str]:
    """Every name that :func:`parse` reads."""
    return list(specs_of())


def find(name: str) -> Spec:
    """The spec of a name, upper and lower case, hyphens and underscores alike; ValueError with near names."""
    by_plain = {plain(known): spec for known, spec in reversed(specs_of().items())}  # a short name wins
    if plain(name) not in by_plain:
        raise ValueError(f"sampler must be a known one, got {name!r}: {hint(name, known_names())}")
    return by_plain[plain(name)]


def make(name: str, arguments: Mapping[str, Any], train: Any = None) -> Sampler:
    """The sampler of a name and arguments, as a table of a TOML file gives them.

    Raises
    ------
    ValueError
        For a name or an argument that is not known (near ones are suggested), and for a value that is not allowed.
    """
    spec = find(name)
    for key in arguments:
        if key not in spec.parameters:
            raise ValueError(f"{spec.name}: {key!r} is not known: {hint(key, spec.parameters)}")
    return spec.make(arguments, train)


_CALL = re.compile(r"\s*([A-Za-z][\w-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse(text: str, train: Any = None) -> Sampler:
    """The sampler that ``text`` spells: ``NAME`` or ``NAME(value, ..., argument=value, ...)``.

    Parameters
    ----------
    text : str
        A name of :data:`SPECS` or of a class of :mod:`sim.sampling`; values are numbers, True, False, or plain words.
    train : sparse matrix of shape (n_users, n_items), optional
        Train pairs, for arguments that the data decide.

    Raises
    ------
    ValueError
        If the text cannot be read, names what is not known, or a value is not allowed.

    Examples
    --------
    >>> parse("dns(M=1, N=32)"), parse("TopKOptimal(ndcg, 20, N=100, n_pos=20, n_neg=1500)").K
    (DNS(M=1, N=32), 20)
    """
    match = _CALL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"sampler must look like 'DNS(5, 200)', got {text!r}")
    spec, body = find(match[1]), match[2] or ""
    order, given = list(spec.parameters), {}
    for place, part in enumerate(body.split(",") if body.strip() else ()):
        name, equals, value = part.rpartition("=")
        if not equals:
            if place >= len(order) or spec.parameters[order[place]].kind is inspect.Parameter.KEYWORD_ONLY:
                raise ValueError(f"sampler {spec.name} takes {', '.join(order) or 'no arguments'}, got {text!r}")
            name = order[place]
        if name.strip() in given:
            raise ValueError(f"sampler {spec.name} must be given {name.strip()} once, got {text!r}")
        given[name.strip()] = _value(value.strip(), text)
    return make(match[1], given, train)


def _value(word: str, text: str) -> Any:
    if word in ("True", "False"):
        return word == "True"
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    if not re.fullmatch(r"[\w^.+-]+", word):
        raise ValueError(f"sampler's values must be numbers or plain words, got {word!r} in {text!r}")
    return word


OPTIONS = ("M", "N", "rho", "tau", "alpha", "beta", "p", "C", "lam", "margin", "n_pos", "n_neg")
"""Arguments that have an option of their own on the command line, ``--n-pos`` for n_pos and so on."""


def from_options(name: str, given: Mapping[str, Any], train: Any = None) -> Sampler:
    """The sampler of a short name and the command line's options; those that are another sampler's are passed over.

    Parameters
    ----------
    name : str
        A name of :data:`SPECS`, or a whole spelling such as "DNS(5, 200)", which says all by itself.
    given : mapping
        Option to value, None where it was not given: those of :data:`OPTIONS`, and "target" like "ndcg@20".
    train : sparse matrix, optional
        See :func:`parse`.
    """
    if "(" in name:
        return parse(name, train)
    spec = find(name)
    arguments = {k: v for k, v in given.items() if k in spec.parameters and v is not None}
    if "metric" in spec.parameters and given.get("target") is not None:
        metric, _, k = str(given["target"]).partition("@")
        if not k.isdecimal():
            raise ValueError(f"target must look like 'ndcg@20', got {given['target']!r}")
        arguments |= {"metric": metric, "K": int(k)}
    return spec.make(arguments, train)


def to_options(sampler: Sampler) -> list[str]:
    """The options that make this sampler, the inverse of :func:`from_options`.

    Examples
    --------
    >>> to_options(DNS(5, 200))
    ['--sampler', 'dns', '--M', '5', '--N', '200']
    >>> to_options(DNS(5, 200, proposal="log-count"))
    ['--sampler', 'DNS(M=5, N=200, proposal=log-count)']
    """
    params = sampler.get_params()
    given = {name: params[name] for name in OPTIONS if name in params}
    if str(params.get("proposal", "")).startswith("count^"):
        given["alpha"] = float(params["proposal"].removeprefix("count^"))
    words = [word for k, v in given.items() for word in (f"--{k.replace('_', '-')}", f"{v:.12g}")]
    if "metric" in params:
        given["target"] = f"{params['metric']}@{params['K']}"
        words += ["--target", given["target"]]
    for name in SPECS:
        try:
            if from_options(name, given) == sampler:
                return ["--sampler", name, *words]
        except ValueError:  # values of another sampler
            continue
    return ["--sampler", str(sampler)]
