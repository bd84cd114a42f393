"""The flags of kernels: what is compiled, and that inner kernels are the same functions from both sides."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from sim.core.jit import JIT_ENABLED, kernel


@kernel(inner=True)
def third(x):
    return x / 3


@kernel(inline=True, inner=True)
def scaled(x, out):
    for i in range(x.size):
        out[i] = third(x[i])


@kernel(cache=False)
def total(x, out):
    scaled(x, out)
    return out.sum()


def test_inner_kernels_are_compiled_with_their_caller_and_plain_from_python() -> None:
    x, out, plain = np.arange(7.0), np.empty(7), np.empty(7)
    value = total(x, out)
    scaled(x, plain)
    assert inspect.isfunction(scaled) and inspect.isfunction(third)
    assert value == plain.sum() and (out == plain).all()


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_division_by_zero_does_not_raise_in_inner_kernels() -> None:
    @kernel(inner=True)
    def inverse(x):
        return 1.0 / x

    @kernel(cache=False)
    def call(x):
        return inverse(x)

    assert call(0.0) == np.inf  # NumPy's error model, said again for inner kernels
    with pytest.raises(ZeroDivisionError):
        inverse(0.0)


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_only_what_python_calls_has_an_entry() -> None:
    total(np.arange(3.0), np.empty(3))
    (compiled,) = total.overloads.values()
    code = compiled.library.get_llvm_str()
    described = compiled.fndesc
    assert described.llvm_cpython_wrapper_name in code and described.llvm_cfunc_wrapper_name not in code
    assert len(re.findall(r"^define .*cpython", code, flags=re.MULTILINE)) == 1
