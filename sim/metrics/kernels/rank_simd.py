"""Vector code of the full ranking: a tile of scores held in registers, and counting the scores above a bound.

Numba does not keep a block of sums in registers, so these three functions are written in LLVM's terms. An item table
is read in panels: ``panels[p, k, c]`` is factor k of item ``p * width + c``, so that one step of the inner loop
multiplies a row of items by one factor of several users. A score is a chain of fused multiply-adds over the factors in
ascending order, starting from zero: its bits depend on the two rows alone, never on the tile or thread it fell to.
With ``NUMBA_DISABLE_JIT=1`` the same functions are plain NumPy, with a multiplication and an addition for each step.
"""

from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...core.jit import JIT_ENABLED

__all__ = ["ROWS", "chain", "count_above", "panel_width", "tile"]

_WIDE = bool(binding.get_host_cpu_features().get("avx512f"))
_BYTES = 64 if _WIDE else 32  # a vector
_VECTORS = 2  # in a panel's row

ROWS = 8 if _WIDE else 4
"""Users of a tile: 8 x 2 sums fit in the registers of AVX-512, 4 x 2 in those of others."""


def panel_width(dtype):
    """Items of a panel of numbers of this type."""
    return _VECTORS * _BYTES // np.dtype(dtype).itemsize


def _vector(context, dtype):
    return ir.VectorType(context.get_data_type(dtype), _BYTES * 8 // dtype.bitwidth)


def _splat(builder, vector, value):
    undef = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undef, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undef, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _fma(builder, a, b, c):
    kind = a.type
    lanes, element = (f"v{kind.count}", kind.element) if isinstance(kind, ir.VectorType) else ("", kind)
    name = f"llvm.fma.{lanes}{'f32' if isinstance(element, ir.FloatType) else 'f64'}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
    return builder.call(function, [a, b, c])


def _shape(context, builder, array_type, array):
    return cgutils.unpack_tuple(builder, context.make_array(array_type)(context, builder, array).shape)


def _pointer(context, builder, array_type, array, *at):
    """Pointer to ``array[at]``."""
    offset = at[0]
    for size, index in zip(_shape(context, builder, array_type, array)[1:], at[1:]):
        offset = builder.add(builder.mul(offset, size), index)
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _load(builder, pointer, vector):
    """The vector at ``pointer``, which need not be aligned."""
    value = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    value.align = 4
    return value


def _contiguous(dtype, *arrays_and_dimensions):
    return isinstance(dtype, types.Float) and all(
        isinstance(a, types.Array) and (a.layout, a.ndim, a.dtype) == ("C", ndim, dtype)
        for a, ndim in arrays_and_dimensions
    )


@intrinsic
def _tile(typingctx, users, u, panels, p, out, column):
    if not _contiguous(users.dtype, (users, 2), (panels, 3), (out, 2)):
        return None

    def codegen(context, builder, signature, args):
        U, first_row, P, panel, target, first_column = args
        U_type, index, P_type, _, target_type, _ = signature.args
        vector, index = _vector(context, users.dtype), first_row.type
        width = index(_VECTORS * vector.count)
        items = _pointer(context, builder, P_type, P, panel, index(0), index(0))
        rows = [_pointer(context, builder, U_type, U, builder.add(first_row, index(r)), index(0)) for r in range(ROWS)]
        sums = [[cgutils.alloca_once(builder, vector) for _ in range(_VECTORS)] for _ in range(ROWS)]
        for total in (s for row in sums for s in row):
            builder.store(ir.Constant(vector, [0.0] * vector.count), total)
        with cgutils.for_range(builder, _shape(context, builder, P_type, P)[1]) as loop:
            start = builder.gep(items, [builder.mul(loop.index, width)])
            x = [_load(builder, builder.gep(start, [index(v * vector.count)]), vector) for v in range(_VECTORS)]
            for row, totals in zip(rows, sums):
                factor = _splat(builder, vector, builder.load(builder.gep(row, [loop.index])))
                for v, total in enumerate(totals):
                    builder.store(_fma(builder, factor, x[v], builder.load(total)), total)
        for r, totals in enumerate(sums):
            for v, total in enumerate(totals):
                at = builder.add(first_column, index(v * vector.count))
                where = _pointer(context, builder, target_type, target, index(r), at)
                builder.store(builder.load(total), builder.bitcast(where, vector.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.none(users, types.intp, panels, types.intp, out, types.intp), codegen


@intrinsic
def _chain(typingctx, users, u, panels, p, c):
    if not _contiguous(users.dtype, (users, 2), (panels, 3)):
        return None

    def codegen(context, builder, signature, args):
        U, row, P, panel, column = args
        number, zero = context.get_data_type(users.dtype), row.type(0)
        factors = _pointer(context, builder, signature.args[0], U, row, zero)
        items = _pointer(context, builder, signature.args[2], P, panel, zero, column)
        _, d, width = _shape(context, builder, signature.args[2], P)
        total = cgutils.alloca_once_value(builder, number(0.0))
        with cgutils.for_range(builder, d) as loop:
            x = builder.load(builder.gep(factors, [loop.index]))
            y = builder.load(builder.gep(items, [builder.mul(loop.index, width)]))
            builder.store(_fma(builder, x, y, builder.load(total)), total)
        return builder.load(total)

    return users.dtype(users, types.intp, panels, types.intp, types.intp), codegen


@intrinsic
def _count_above(typingctx, scores, row, start, stop, bound):
    if not _contiguous(scores.dtype, (scores, 2)):
        return None

    def codegen(context, builder, signature, args):
        data, r, first, last, limit = args
        vector, index = _vector(context, scores.dtype), r.type
        step = index(_VECTORS * vector.count)
        limit = _splat(builder, vector, limit)
        total = cgutils.alloca_once_value(builder, index(0))
        pointer = _pointer(context, builder, signature.args[0], data, r, first)
        with cgutils.for_range(builder, builder.udiv(builder.sub(last, first), step)) as loop:
            block = builder.gep(pointer, [builder.mul(loop.index, step)])
            for v in range(_VECTORS):
                x = _load(builder, builder.gep(block, [index(v * vector.count)]), vector)
                bits = builder.bitcast(builder.fcmp_ordered(">", x, limit), ir.IntType(vector.count))
                builder.store(builder.add(builder.load(total), builder.zext(builder.ctpop(bits), index)), total)
        return builder.load(total)

    return types.int64(scores, types.intp, types.intp, types.intp, scores.dtype), codegen


def _plain_tile(users, u, panels, p, out, column):
    sums = np.zeros((ROWS, panels.shape[2]), users.dtype)
    for k in range(panels.shape[1]):
        sums += users[u : u + ROWS, k, None] * panels[p, k]
    out[:, column : column + panels.shape[2]] = sums


def _plain_chain(users, u, panels, p, c):
    total = users.dtype.type(0)
    for k in range(panels.shape[1]):
        total += users[u, k] * panels[p, k, c]
    return total


def _plain_count_above(scores, row, start, stop, bound):
    return int((scores[row, start:stop] > bound).sum())


def _pick(compiled, plain, doc):
    function = compiled if JIT_ENABLED else plain
    function.__doc__ = doc
    return function


tile = _pick(_tile, _plain_tile, "Scores of ROWS users from ``users[u]`` on for a panel's items: ``out[:, column:]``.")
chain = _pick(_chain, _plain_chain, "Score of ``users[u]`` for item c of panel p, to the bits of :func:`tile`.")
count_above = _pick(
    _count_above, _plain_count_above, "Number of ``scores[row, start:stop]`` above ``bound``; whole panels only."
)
