"""Kernels of the splits: arrays in, arrays out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.jit import kernel
from ..core.random import permute, stream2


@kernel()
def split_rows(counts, n_test, n_valid, seed):
    """Random parts of the pairs of each user, in CSR order: 0 train, 1 validation, 2 test.

    User ``u`` has ``counts[u]`` pairs, of which ``n_test[u]`` become test and ``n_valid[u]`` validation. A user's draw
    depends on the seed and on ``u`` only.
    """
    part = np.zeros(counts.sum(), np.uint8)
    start = 0
    for u in range(counts.size):
        n = counts[u]
        order = np.arange(n)
        permute(stream2(seed, 0x5EED, u), order)
        for j in range(n_test[u]):
            part[start + order[j]] = 2
        for j in range(n_test[u], n_test[u] + n_valid[u]):
            part[start + order[j]] = 1
        start += n
    return part


class Survey(NamedTuple):
    """What :func:`scan` found in a text table."""

    records: int
    fields: int  # of the first record
    misfits: int  # records with another number of fields, and the first of them
    misfit_line: int
    misfit_fields: int
    strays: int  # quoted fields with text behind the closing quote, and the first of them
    stray_line: int
    unclosed: bool  # the last quoted field has no end
    inside: int  # line ends inside quotes
    body: int  # where the second record begins
    stored: int  # rows of bounds


@kernel()
def scan(text, separator, blank, quoted, bounds):
    """Cut a text into records and fields, as RFC 4180 has it, and count what does not fit.

    A field ends at the byte ``separator``, or with ``blank`` at any run of spaces and tabs. Blanks before a field are
    no part of it; lines of blanks are no records. Only with ``quoted`` does a field that begins with ``"`` go on to the
    closing quote. A row of ``bounds`` (record, start, end) is set for each field, as long as there are rows.
    """
    start_of_field, in_field, in_quotes, behind, apart = 0, 1, 2, 3, 4
    records = fields = expected = misfits = misfit_line = misfit_fields = 0
    strays = stray_line = inside = body = stored = 0
    unclosed = False
    state, start, line, record_line = start_of_field, 0, 1, 1
    size = text.size
    for i in range(size + 1):
        c = text[i] if i < size else np.uint8(10)
        if state == in_field and c > 34 and c != separator:  # most bytes: nothing ends
            continue
        newline = c == 10 or c == 13
        here = line
        if i < size and (c == 10 or (c == 13 and (i + 1 == size or text[i + 1] != 10))):
            line += 1
            inside += state == in_quotes
        if state == in_quotes:
            if i == size:
                unclosed = True
            else:
                if c == 34:
                    state = behind
                continue
        space = c == 32 or c == 9
        ends = newline or c == separator or (blank and space)
        if state == start_of_field:
            if (c == 32 or (c == 9 and (blank or fields == 0))) and c != separator:
                continue
            if newline and (blank or fields == 0):  # no field here
                ends = False
            if fields == 0 and not newline:
                record_line = here
            start = i
        elif state == behind and c == 34:
            state = in_quotes
            continue
        elif (state == behind or state == apart) and not ends:
            if space:
                state = apart
                continue
            strays += 1
            if strays == 1:
                stray_line = record_line
        if ends:
            if stored < bounds.shape[0]:
                bounds[stored, 0], bounds[stored, 1], bounds[stored, 2] = records, start, i
                stored += 1
            fields += 1
            state = start_of_field
        elif not newline:
            state = in_quotes if quoted and c == 34 and state == start_of_field else in_field
        if newline and fields > 0:
            records += 1
            if records == 1:
                expected, body = fields, min(i + 1, size)
            elif fields != expected:
                misfits += 1
                if misfits == 1:
                    misfit_line, misfit_fields = record_line, fields
            fields = 0
    return Survey(
        records, expected, misfits, misfit_line, misfit_fields, strays, stray_line, unclosed, inside, body, stored
    )
