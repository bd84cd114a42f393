"""The one file that writes LLVM vector code by hand: dot products of table rows, scaled sums, comparisons.

Numba turns a plain loop over a factor row into scalar or poorly unrolled code, several times slower than eight-wide
vectors. Each function below works on rows of C-contiguous 2-D tables whose width is a multiple of :data:`LANES` (the
trainer pads with zero columns). Sums are taken in one fixed order, so results do not depend on the number of threads.
With ``NUMBA_DISABLE_JIT=1`` the same functions are plain NumPy.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import JIT_ENABLED

__all__ = [
    "LANES",
    "MASK_LANES",
    "aligned",
    "aligned_zeros",
    "array_sum",
    "at_least_mask",
    "lowest_bit",
    "prefetch_read",
    "prefetch_row",
    "prefetch_write",
    "row_axpy",
    "row_dot",
    "row_dots",
    "rows_sum",
]

LANES = 8
MASK_LANES = 16
_LINE = 64  # bytes of a cache line
_UNROLLED = (4, 8)  # widths 32 and 64 get straight-line code, others a loop


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


def _shuffle(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))


def _reduce(builder, value):
    """Sum of the lanes as a balanced tree: ((0+4)+(2+6)) + ((1+5)+(3+7))."""
    width = LANES
    while width > 1:
        half = width // 2
        low = _shuffle(builder, value, value, list(range(half)))
        high = _shuffle(builder, value, value, list(range(half, width)))
        value, width = builder.fadd(low, high), half
    return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


def _reduce_eight(builder, values):
    """The eight sums of eight vectors, each by the tree of :func:`_reduce`, to the same bits."""
    for low, high in (
        ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
        ([0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]),
        ([0, 2, 4, 6, 8, 10, 12, 14], [1, 3, 5, 7, 9, 11, 13, 15]),
    ):
        pairs = zip(values[::2], values[1::2])
        values = [builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high)) for a, b in pairs]
    return values[0]


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


def _line(array, dtype):
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and array.dtype == dtype


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
def _row_dots(typingctx, a, i, b, rows, j, out):
    if not (_check(a, b) and _line(rows, types.int32) and _line(out, a.dtype)):
        return None

    def codegen(context, builder, signature, args):
        pa, vector, width = _row_pointer(context, builder, signature.args[0], args[0], args[1])
        row_data = context.make_array(signature.args[3])(context, builder, args[3]).data
        pointers = []
        for lane in range(LANES):
            at = builder.add(args[4], ir.Constant(args[4].type, lane))
            row = builder.sext(builder.load(builder.gep(row_data, [at])), args[4].type)
            pointers.append(_row_pointer(context, builder, signature.args[2], args[2], row)[0])
        align = a.dtype.bitwidth // 8
        zero = ir.Constant(vector, [0.0] * LANES)
        totals = [cgutils.alloca_once_value(builder, zero) for _ in range(LANES)]
        for total in totals:
            builder.store(zero, total)

        def body(k):
            x = _load(builder, pa, k, align)
            for pointer, total in zip(pointers, totals):
                builder.store(_fma(builder, vector, x, _load(builder, pointer, k, align), builder.load(total)), total)

        _for_each_block(builder, width, body)
        sums = _reduce_eight(builder, [builder.load(total) for total in totals])
        target = builder.gep(context.make_array(signature.args[5])(context, builder, args[5]).data, [args[4]])
        builder.store(sums, builder.bitcast(target, vector.as_pointer())).align = align
        return context.get_dummy_value()

    return types.none(a, types.intp, b, rows, types.intp, out), codegen


@intrinsic
def _array_sum(typingctx, a, count):
    if not (isinstance(a, types.Array) and a.ndim == 1 and a.layout == "C" and isinstance(a.dtype, types.Float)):
        return None

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        vector, lanes = ir.VectorType(context.get_data_type(a.dtype), LANES), ir.Constant(args[1].type, LANES)
        start = builder.bitcast(data, vector.as_pointer())
        total = cgutils.alloca_once(builder, vector)
        builder.store(ir.Constant(vector, [0.0] * LANES), total)
        blocks = builder.udiv(args[1], lanes)
        with cgutils.for_range(builder, blocks) as loop:
            value = _load(builder, start, loop.index, a.dtype.bitwidth // 8)
            builder.store(builder.fadd(builder.load(total), value), total)
        rest = cgutils.alloca_once_value(builder, _reduce(builder, builder.load(total)))
        done = builder.mul(blocks, lanes)
        with cgutils.for_range(builder, builder.sub(args[1], done)) as loop:
            value = builder.load(builder.gep(data, [builder.add(done, loop.index)]))
            builder.store(builder.fadd(builder.load(rest), value), rest)
        return builder.load(rest)

    return a.dtype(a, types.intp), codegen


@intrinsic
def _at_least_mask(typingctx, a, j, threshold):
    if not (isinstance(a, types.Array) and a.ndim == 1 and a.layout == "C" and isinstance(a.dtype, types.Float)):
        return None

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        vector = ir.VectorType(context.get_data_type(a.dtype), MASK_LANES)
        values = builder.load(builder.bitcast(builder.gep(data, [args[1]]), vector.as_pointer()))
        values.align = a.dtype.bitwidth // 8
        undef = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undef, args[2], ir.Constant(ir.IntType(32), 0))
        bits = builder.fcmp_ordered(">=", values, _shuffle(builder, first, undef, [0] * MASK_LANES))
        return builder.zext(builder.bitcast(bits, ir.IntType(MASK_LANES)), ir.IntType(64))

    return types.int64(a, types.intp, a.dtype), codegen


@intrinsic
def _lowest_bit(typingctx, bits):
    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.int64), codegen


@intrinsic
def _row_axpy(typingctx, c, a, i, out, j):
    if not _check(a, out):
        return None

    def codegen(context, builder, signature, args):
        pa, vector, width = _row_pointer(context, builder, signature.args[1], args[1], args[2])
        po, _, _ = _row_pointer(context, builder, signature.args[3], args[3], args[4])
        align = a.dtype.bitwidth // 8
        undef = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undef, args[0], ir.Constant(ir.IntType(32), 0))
        splat = _shuffle(builder, first, undef, [0] * LANES)

        def body(k):
            value = _fma(builder, vector, splat, _load(builder, pa, k, align), _load(builder, po, k, align))
            store = builder.store(value, builder.gep(po, [k]))
            store.align = align

        _for_each_block(builder, width, body)
        return context.get_dummy_value()

    return types.none(a.dtype, a, types.intp, out, types.intp), codegen


@intrinsic
def _rows_sum(typingctx, c, b, rows, count, out, j):
    if not (_check(b, out) and _line(rows, types.int32) and _line(c, b.dtype)):
        return None

    def codegen(context, builder, signature, args):
        po, vector, width = _row_pointer(context, builder, signature.args[4], args[4], args[5])
        factors = context.make_array(signature.args[0])(context, builder, args[0]).data
        row_data = context.make_array(signature.args[2])(context, builder, args[2]).data
        index, align = width.type, b.dtype.bitwidth // 8
        undef = ir.Constant(vector, ir.Undefined)
        blocks = builder.udiv(width, ir.Constant(index, LANES))

        def columns(first, n_blocks):
            """Blocks first..first+n_blocks-1 of all rows: the sums stay in registers."""
            totals = [cgutils.alloca_once(builder, vector) for _ in range(n_blocks)]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * LANES), total)
            with cgutils.for_range(builder, args[3]) as loop:
                factor = builder.load(builder.gep(factors, [loop.index]))
                splat = _shuffle(builder, builder.insert_element(undef, factor, ir.IntType(32)(0)), undef, [0] * LANES)
                row = builder.sext(builder.load(builder.gep(row_data, [loop.index])), index)
                pointer = _row_pointer(context, builder, signature.args[1], args[1], row)[0]
                for k, total in enumerate(totals):
                    x = _load(builder, pointer, builder.add(first, ir.Constant(index, k)), align)
                    builder.store(_fma(builder, vector, splat, x, builder.load(total)), total)
            for k, total in enumerate(totals):
                target = builder.gep(po, [builder.add(first, ir.Constant(index, k))])
                builder.store(builder.load(total), target).align = align

        fours = builder.udiv(blocks, ir.Constant(index, 4))
        with cgutils.for_range(builder, fours) as loop:
            columns(builder.mul(loop.index, ir.Constant(index, 4)), 4)
        done = builder.mul(fours, ir.Constant(index, 4))
        with cgutils.for_range(builder, builder.sub(blocks, done)) as loop:
            columns(builder.add(done, loop.index), 1)
        return context.get_dummy_value()

    return types.none(c, b, rows, types.intp, out, types.intp), codegen


def _prefetch(builder, address, write):
    i32 = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [address, i32(write), i32(3), i32(1)])


@intrinsic
def _prefetch_row(typingctx, a, i):
    """Ask for the cache lines of ``a[i]`` ahead of their use."""
    if not _check(a):
        return None

    def codegen(context, builder, signature, args):
        pointer, _, width = _row_pointer(context, builder, signature.args[0], args[0], args[1])
        start = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        per_line = _LINE // (LANES * a.dtype.bitwidth // 8)  # blocks of columns

        def body(k):
            """Ask for the line of block k, once a line where the code is straight."""
            if not isinstance(k, ir.Constant) or k.constant % per_line == 0:
                at = builder.mul(k, ir.Constant(width.type, _LINE // per_line))
                _prefetch(builder, builder.gep(start, [at]), write=0)

        _for_each_block(builder, width, body)
        return context.get_dummy_value()

    return types.none(a, types.intp), codegen


def _prefetch_entry(a, write):
    if not (isinstance(a, types.Array) and a.ndim == 1 and a.layout == "C"):
        return None

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        _prefetch(builder, builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer()), write)
        return context.get_dummy_value()

    return types.none(a, types.intp), codegen


@intrinsic
def _prefetch_read(typingctx, a, i):
    return _prefetch_entry(a, write=0)


@intrinsic
def _prefetch_write(typingctx, a, i):
    return _prefetch_entry(a, write=1)


def aligned_zeros(shape, dtype):
    """A zero array whose data starts at a cache line: a row of 128 bytes then touches two lines, not three."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned(array):
    """A copy of ``array`` as :func:`aligned_zeros` lays it out."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def _plain_row_dot(a, i, b, j):
    return (a[i] * b[j]).sum()


def _plain_row_dots(a, i, b, rows, j, out):
    out[j : j + LANES] = b[rows[j : j + LANES]] @ a[i]


def _plain_rows_sum(c, b, rows, count, out, j):
    out[j] = c[:count] @ b[rows[:count]]


def _plain_row_axpy(c, a, i, out, j):
    out[j] += c * a[i]


def _plain_array_sum(a, count):
    return a[:count].sum()


def _plain_at_least_mask(a, j, threshold):
    return sum(1 << lane for lane in range(MASK_LANES) if a[j + lane] >= threshold)


def _plain_lowest_bit(bits):
    return (bits & -bits).bit_length() - 1


def _plain_prefetch(a, i):
    pass


def _pick(compiled, plain, doc):
    function = compiled if JIT_ENABLED else plain
    function.__doc__ = doc
    return function


row_dot = _pick(_row_dot, _plain_row_dot, "``a[i] @ b[j]``.")
row_dots = _pick(_row_dots, _plain_row_dots, "``out[j + l] = a[i] @ b[rows[j + l]]`` for l = 0..7, each as in row_dot.")
rows_sum = _pick(_rows_sum, _plain_rows_sum, "``out[j] = sum over k < count of c[k] * b[rows[k]]``.")
row_axpy = _pick(_row_axpy, _plain_row_axpy, "``out[j] += c * a[i]``.")
array_sum = _pick(_array_sum, _plain_array_sum, "``a[:count].sum()``: of eight lanes as in row_dot, then of the rest.")
at_least_mask = _pick(_at_least_mask, _plain_at_least_mask, "Bit l is set where ``a[j + l] >= threshold``, l = 0..15.")
lowest_bit = _pick(_lowest_bit, _plain_lowest_bit, "Position of the lowest set bit of an integer that is not 0.")
prefetch_read = _pick(_prefetch_read, _plain_prefetch, "Ask for the cache line of ``a[i]``.")
prefetch_write = _pick(_prefetch_write, _plain_prefetch, "Ask for the cache line of ``a[i]``, to be written.")
prefetch_row = _pick(_prefetch_row, _plain_prefetch, "Ask for the cache lines of ``a[i]`` ahead of their use.")
