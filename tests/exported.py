"""Runs exported functions: as programs in C, under the sanitizers, beside the function itself."""
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cytensor.export.library import source_of
from cytensor.export.signature import Namer

COMPILER = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-march=native")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

MAIN = """\
#include <complex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "NAME.h"

static void *take_(size_t bytes)
{
    void *data = malloc(bytes ? bytes : 1);
    if (fread(data, 1, bytes, stdin) != bytes)
        exit(90);
    return data;
}

static int64_t count_(int n, const int64_t *shape)
{
    int64_t total = 1;
    for (int i = 0; i < n; i++)
        total *= shape[i];
    return total;
}

int main(void)
{
    int64_t calls_ = 0;
    if (fread(&calls_, 8, 1, stdin) != 1)
        return 90;
    while (calls_--) {
        int64_t zero_ = 0;
        (void)zero_, (void)count_;
BODY
    }
    return 0;
}
"""


def program(source):
    """Return a main program that calls a function on what it reads, and writes the results."""
    rows, arguments = [], []
    for p in source.inputs:
        T, n = p.dtype.storage, len(p.shape)
        if p.is_number:
            rows.append(f"{T} {p.name}; {T} *{p.name}_at = take_(sizeof({T})); "
                        f"{p.name} = *{p.name}_at; free({p.name}_at);")
        else:
            rows.append(f"int64_t *{p.name}_shape = take_(8 * {n}); {T} *{p.name} = "
                        f"take_(sizeof({T}) * count_({n}, {p.name}_shape));")
        arguments += p.names()
    rows += number_call(source, arguments) if source.is_number else calls(source, arguments)
    for p in source.inputs:
        if not p.is_number:
            rows.append(f"free({p.name}); free({p.name}_shape);")
    return MAIN.replace("NAME", source.name).replace("BODY", "\n".join(rows))


def number_call(source, arguments):
    """A function that returns a number."""
    T = source.outputs[0].dtype.storage
    return [f"{T} result_ = {source.name}({', '.join(arguments)});",
            "fwrite(&zero_, 8, 1, stdout);", "fwrite(&result_, sizeof result_, 1, stdout);"]


def calls(source, arguments):
    """Ask for sizes; call with memory that is just large enough, and without; write results."""
    name, outs = source.name, source.outputs
    shaped = [p for p in outs if p.shape]
    rows = [f"int64_t {p.name}_shape[{len(p.shape)}];" for p in shaped]
    rows.append("int64_t bytes_ = 0;")
    asked = [*arguments, *[f"{p.name}_shape" for p in shaped], "&bytes_"]
    rows.append(f"int64_t status_ = {name}_sizes({', '.join(asked)});")
    for p in outs:
        size = f"count_({len(p.shape)}, {p.name}_shape)" if p.shape else "1"
        rows.append(f"int64_t {p.name}_count = status_ ? 0 : {size}; {p.dtype.storage} *{p.name} = "
                    f"malloc(sizeof *{p.name} * {p.name}_count + !{p.name}_count);")
    given = ", ".join([*arguments, *[p.name for p in outs]])
    rows += ["void *memory_ = malloc(bytes_ + 1);",
             f"if (!status_) status_ = {name}({given}, NULL);",
             f"if (!status_) status_ = {name}({given}, memory_);", "free(memory_);",
             "fwrite(&status_, 8, 1, stdout);", f"(void){name}_error((int)status_);",
             "if (!status_) {"]
    for p in outs:
        if p.shape:
            rows.append(f"fwrite({p.name}_shape, 8, {len(p.shape)}, stdout);")
        rows.append(f"fwrite({p.name}, sizeof *{p.name}, {p.name}_count, stdout);")
    return [*rows, "}", *[f"free({p.name});" for p in outs]]


class Exported:
    """A function as a program of its own.

    Parameters
    ----------
    function : Function
    folder : Path
    flags : sequence of str
    """

    def __init__(self, function, folder, flags=SANITIZED, name=None, link=(), **options):
        folder = Path(folder)
        name = Namer().name(name or function.name, "exported", is_function=True)
        options.setdefault("blas", "inline")
        self.source = source_of(function, name, **options)
        (folder / f"{name}.c").write_text(self.source.text, encoding="utf-8")
        (folder / f"{name}.h").write_text(self.source.header, encoding="utf-8")
        (folder / "main.c").write_text(program(self.source), encoding="utf-8")
        self.program = folder / "main"
        subprocess.run([COMPILER, *STRICT, *flags, "-c", f"{name}.c", "-o", "f.o"], cwd=folder,
                       check=True)
        subprocess.run([COMPILER, *STRICT, "-O3", "-c", f"{name}.c", "-o", "unused.o"],
                       cwd=folder, check=True)         # it warns of more
        subprocess.run([COMPILER, "-g", "-march=native", *flags, "main.c", "f.o", "-o", "main",
                        "-lm", *link], cwd=folder, check=True)

    def __call__(self, *arguments):
        """Return the results of one call, as a list; an int if it failed."""
        return self.many([arguments])[0]

    def many(self, calls):
        """Return the results of several calls."""
        data = struct.pack("q", len(calls)) + b"".join([self._packed(call) for call in calls])
        done = subprocess.run([str(self.program)], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        self._rest = done.stdout
        return [self._unpacked() for _ in calls]

    def _packed(self, arguments):
        parts = []
        for p, value in zip(self.source.inputs, arguments, strict=True):
            value = np.asarray(value, p.dtype.name)
            parts.append(np.array(value.shape, "int64").tobytes() + value.tobytes("C"))
        return b"".join(parts)

    def _take(self, dtype, count):
        size = np.dtype(dtype).itemsize * count
        data, self._rest = self._rest[:size], self._rest[size:]
        return np.frombuffer(data, dtype)

    def _unpacked(self):
        status = int(self._take("int64", 1)[0])
        if status:
            return status
        results = []
        for p in self.source.outputs:
            shape = tuple(self._take("int64", len(p.shape)))
            results.append(self._take(p.dtype.name, int(np.prod(shape))).reshape(shape))
        return results


def same_bits(got, want):
    """Check that arrays are the same to the last bit, but for the payload of not-a-numbers."""
    want = np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype, (got, want)
    np.testing.assert_array_equal(got, want)


def check(function, folder, *calls, exact=True, rtol=1e-12, **options):
    """Check that an exported function returns what the function returns."""
    exported = Exported(function, folder, **options)
    for arguments, got in zip(calls, exported.many(calls)):
        want = function(*arguments)
        want = want if isinstance(want, (list, tuple)) else [want]
        assert isinstance(got, list), exported.source.name
        for a, b in zip(got, want, strict=True):
            if exact:
                same_bits(a, b)
            else:
                np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    return exported
