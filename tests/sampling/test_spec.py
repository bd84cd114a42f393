"""One spelling of a sampler: what is written is read again, and what cannot be read says why."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sim import sampling
from sim.sampling import DNS, AdaSIR, Sampler, Softmax, SoftmaxV, TopKOptimal, Uniform, parse
from sim.sampling.spec import SPECS, find, known_names, make

TRAIN = sparse.csr_matrix(np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], (4, 1)))


@pytest.mark.parametrize("name", SPECS)
def test_what_a_sampler_is_called_makes_it_again(name: str) -> None:
    sampler = make(name, {"dns": {"M": 2, "N": 9}, "topk": {"K": 2, "N": 3}}.get(name, {}), TRAIN)
    assert parse(str(sampler)) == sampler
    assert parse(repr(sampler).replace("'", "")) == sampler
    assert {type(v) for v in parse(str(sampler)).get_params().values()} <= {int, float, str, bool}
    assert parse(str(sampler)).get_params() == sampler.get_params()


@given(st.floats(1e-300, 1e300), st.integers(1, 10**6))
def test_no_digit_is_lost(rho: float, n: int) -> None:
    found = parse(str(SoftmaxV(rho, n)))
    assert isinstance(found, SoftmaxV) and found.rho == rho and n == found.N


def test_every_class_of_the_package_has_a_name() -> None:
    classes = {
        c for c in vars(sampling).values() if isinstance(c, type) and issubclass(c, Sampler) and c is not Sampler
    }
    assert {c.__name__ for c in classes} <= set(known_names())
    assert set(SPECS) <= set(known_names())


@pytest.mark.parametrize(
    ("text", "sampler"),
    [
        ("DNS(5, 200)", DNS(5, 200)),
        (" dns ( 5 ,N = 200 ) ", DNS(5, 200)),
        ("dns", DNS()),
        ("Softmax_V(3)", SoftmaxV(3.0)),
        ("softmax-v(rho=3)", SoftmaxV(3.0)),
        ("pris-p(9)", Softmax(1.0, 9, proposal="log-count", corrected=True)),
        ("adasir-p", AdaSIR(proposal="log-count")),
        ("popularity(.75, 5)", Uniform(5, proposal="count^0.75")),
        ("Uniform(5, proposal=count^0.75)", Uniform(5, proposal="count^0.75")),
        ("topk(recall, 2, 4)", TopKOptimal("recall", 2, 4, n_pos=3, n_neg=4)),
    ],
)
def test_spellings(text: str, sampler: Sampler) -> None:
    found = parse(text, TRAIN)
    assert found == sampler and found.get_params() == sampler.get_params()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DNS(5, 200", "must look like 'DNS(5, 200)'"),
        ("", "must look like"),
        ("dnz(5)", "did you mean dns?"),
        ("qqq(3)", "known are uniform"),
        ("DNS(0, 3)", "M must be >= 1, got 0"),
        ("DNS(1, 2, 3)", "takes M, N"),
        ("DNS(M=1, M=2)", "given M once"),
        ("DNS(Q=3)", "'Q' is not known"),
        ("pris-p(popular=False)", "'popular' is not known"),
        ("DNS(5, os.system(x))", "numbers or plain words"),
        ("topk", "n_pos and n_neg must be given for topk where there are no data"),
        ("non-sampling(3)", "takes no arguments"),
        ("softmax(tau=nan)", "tau must be"),
    ],
)
def test_what_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises((ValueError, TypeError)) as error:
        parse(text)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_names_are_found_whatever_the_hyphens() -> None:
    assert find("SOFTMAX_exact") is SPECS["softmax-exact"]
    assert find("softmaxexact").factory is SPECS["softmax-exact"].factory
    assert math.isclose(make("popularity", {"alpha": 2}).get_params()["N"], 1)
