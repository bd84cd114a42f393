"""The one file that writes LLVM vector code by hand: dot products and scaled sums of table rows.

Numba turns a plain loop over a factor row into scalar or poorly unrolled code, several times slower than eight-wide
vectors. Each function below works on rows of C-contiguous 2-D tables whose width is a multiple of :data:`LANES` (the
trainer pads with zero columns). Sums are taken in one fixed order, so results do not depend on the number of threads.
With ``NUMBA_DISABLE_JIT=1`` the same functions are plain NumPy.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._jit import JIT_ENABLED

__all__ = ["LANES", "prefetch_row", "row_axpy", "row_dot"]

LANES = 8
_UNROLLED = (1, 2, 4, 8)  # widths 8, 16, 32 and 64 get straight-line code, others a loop


def _row_pointer(context, builder, array_type, array, row):
    """Pointer to the first vector of ``array[row]`` and its LLVM vector type."""
    struct = context.make_array(array_type)(context, builder, array)
    width = builder.extract_value(struct.shape, 1)
    start = builder.gep(struct.data, [builder.mul(row, width)])
    vector = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
    return builder.bitcast(start, vector.as_pointer()), vector, width


def _load(builder, pointer, k, align):
    value = builder.load(builder.gep(pointer, [k]))
    value.align = align
    return value


def _fma(builder, vector, a, b, c):
    suffix = "f32" if isinstance(vector.element, ir.FloatType) else "f64"
    name = f"llvm.fma.v{LANES}{suffix}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    return builder.call(function, [a, b, c])


def _reduce(builder, value):
    """Sum of the lanes as a balanced tree: ((0+4)+(2+6)) + ((1+5)+(3+7))."""
    width = LANES
    while width > 1:
        half = width // 2
        undef = ir.Constant(value.type, ir.Undefined)
        low = builder.shuffle_vector(value, undef, ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half))))
        high = builder.shuffle_vector(
            value, undef, ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half, width)))
        )
        value, width = builder.fadd(low, high), half
    return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


def _for_each_block(builder, width, body):
    """Run ``body(k)`` for every block of LANES columns: straight-line for common widths, else a loop."""
    index = width.type
    blocks = builder.udiv(width, ir.Constant(index, LANES))
    end = builder.append_basic_block("blocks.end")
    default = builder.append_basic_block("blocks.loop")
    switch = builder.switch(blocks, default)
    for count in _UNROLLED:
        case = builder.append_basic_block(f"blocks.{count}")
        switch.add_case(ir.Constant(index, count), case)
        builder.position_at_end(case)
        for k in range(count):
            body(ir.Constant(index, k))
        builder.branch(end)
    builder.position_at_end(default)
    with cgutils.for_range(builder, blocks) as loop:
        body(loop.index)
    builder.branch(end)
    builder.position_at_end(end)


def _check(*tables):
    return (
        all(isinstance(t, types.Array) and t.ndim == 2 and t.layout == "C" for t in tables)
        and len({t.dtype for t in tables}) == 1
    )


@intrinsic
def _row_dot(typingctx, a, i, b, j):
    if not _check(a, b):
        return None

    def codegen(context, builder, signature, args):
        pa, vector, width = _row_pointer(context, builder, signature.args[0], args[0], args[1])
        pb, _, _ = _row_pointer(context, builder, signature.args[2], args[2], args[3])
        align = a.dtype.bitwidth // 8
        total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * LANES))

        def body(k):
            x, y = _load(builder, pa, k, align), _load(builder, pb, k, align)
            builder.store(_fma(builder, vector, x, y, builder.load(total)), total)

        _for_each_block(builder, width, body)
        return _reduce(builder, builder.load(total))

    return a.dtype(a, types.intp, b, types.intp), codegen


@intrinsic
def _row_axpy(typingctx, c, a, i, out, j):
    if not _check(a, out):
        return None

    def codegen(context, builder, signature, args):
        pa, vector, width = _row_pointer(context, builder, signature.args[1], args[1], args[2])
        po, _, _ = _row_pointer(context, builder, signature.args[3], args[3], args[4])
        align = a.dtype.bitwidth // 8
        scalar = builder.insert_element(ir.Constant(vector, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        splat = builder.shuffle_vector(
            scalar, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

        def body(k):
            value = _fma(builder, vector, splat, _load(builder, pa, k, align), _load(builder, po, k, align))
            store = builder.store(value, builder.gep(po, [k]))
            store.align = align

        _for_each_block(builder, width, body)
        return context.get_dummy_value()

    return types.none(a.dtype, a, types.intp, out, types.intp), codegen


@intrinsic
def _prefetch_row(typingctx, a, i):
    """Ask for the cache lines of ``a[i]`` ahead of their use."""
    if not _check(a):
        return None

    def codegen(context, builder, signature, args):
        pointer, _, width = _row_pointer(context, builder, signature.args[0], args[0], args[1])
        i32, line = ir.IntType(32), 64
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), i32, i32, i32]),
            "llvm.prefetch.p0",
        )
        start = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        n_bytes = builder.mul(width, ir.Constant(width.type, a.dtype.bitwidth // 8))
        lines = builder.udiv(builder.add(n_bytes, ir.Constant(width.type, line - 1)), ir.Constant(width.type, line))
        with cgutils.for_range(builder, lines) as loop:
            address = builder.gep(start, [builder.mul(loop.index, ir.Constant(width.type, line))])
            builder.call(function, [address, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.none(a, types.intp), codegen


if JIT_ENABLED:
    prefetch_row = _prefetch_row
    row_dot = _row_dot
    row_axpy = _row_axpy
else:

    def prefetch_row(a, i):
        """Nothing to do."""

    def row_dot(a, i, b, j):
        """``a[i] @ b[j]``."""
        return (a[i] * b[j]).sum()

    def row_axpy(c, a, i, out, j):
        """``out[j] += c * a[i]``."""
        out[j] += c * a[i]
