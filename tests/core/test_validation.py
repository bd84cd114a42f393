"""The shared argument checks: accepted values, and one line for every refused one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.core import validation as c


def test_integers() -> None:
    assert c.check_int("K", np.int8(3), low=1) == 3 and type(c.check_int("K", np.int8(3))) is int
    for bad in (1.0, "1", True, np.True_, None, np.array([1, 2])):
        with pytest.raises(TypeError, match=r"^K must be an integer, got "):
            c.check_int("K", bad)
    for low, high, text in ((1, None, ">= 1"), (None, -1, "<= -1"), (1, 3, r"in 1\.\.3")):
        with pytest.raises(ValueError, match=f"^K must be {text}, got 0$"):
            c.check_int("K", 0, low=low, high=high)


def test_reals() -> None:
    assert c.check_real("x", 1) == 1.0 and c.check_real("x", np.float32(0.5)) == 0.5
    assert c.check_fraction("beta", 1) == 1.0
    for bad in ("1", b"1", None, "a", [1.0]):
        with pytest.raises(TypeError, match="^x must be a number, got "):
            c.check_real("x", bad)
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="^x must be finite, got "):
            c.check_real("x", bad)
    with pytest.raises(ValueError, match=r"^beta must be in \(0, 1\], got 0$"):
        c.check_fraction("beta", 0)
    with pytest.raises(ValueError, match=r"^x must be in \[0, inf\), got -1$"):
        c.check_real("x", -1, low=0)
    with pytest.raises(ValueError, match="^x must be finite, got a number beyond the largest float$"):
        c.check_real("x", 10**400)
    with pytest.raises(ValueError, match=r"^x must be in \(-inf, 2\], got 3$"):
        c.check_real("x", 3, high=2)


def test_choices_and_arrays() -> None:
    assert c.check_choice("dtype", "a", ("a", "b")) == "a"
    with pytest.raises(ValueError, match="^dtype must be one of 'a', 'b', got 'c'$"):
        c.check_choice("dtype", "c", ("a", "b"))
    with pytest.raises(ValueError, match="^x must be finite, got 2 NaN or infinite values$"):
        c.check_finite("x", np.array([1, np.nan, np.inf]))
    assert c.losses_array([[1, 2]]).dtype == np.float64
    for bad in (1.0, [], np.empty((3, 0))):
        with pytest.raises(ValueError, match="^losses must have at least one entry along its last axis, got shape "):
            c.losses_array(bad)
    with pytest.raises(ValueError, match="^losses must be finite, got 1 NaN"):
        c.losses_array([0.0, math.nan])
