"""The selection behind DNS: the m largest of a pool, ties to earlier positions, for every size and kind of value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.sampling.kernels.weigh import top_m

EXTREMES = [np.inf, -np.inf, 1e-45, -1e-45, 3e38, -3e38, 0.0, -0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_the_m_largest_with_ties_to_earlier_positions(dtype: type, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 80))
    m = data.draw(st.integers(1, n))
    values = st.one_of(
        st.floats(-5, 5, width=32), st.integers(-2, 2).map(float), st.sampled_from(EXTREMES).map(float)
    )  # fmt: skip
    losses = data.draw(arrays(dtype, n, elements=values.map(lambda x: float(dtype(x)))))
    idx = np.full(n + 1, -7)
    top_m(losses, m, idx[:n], np.empty(n, dtype))
    expected = np.sort(np.lexsort((np.arange(n), -losses))[:m])
    np.testing.assert_array_equal(np.sort(idx[:m]), expected)
    assert idx[n] == -7
