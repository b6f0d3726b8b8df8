"""Build the extension modules. Everything else about the package is in pyproject.toml."""
import os
import platform
import runpy
import shlex
import subprocess
import sysconfig
from glob import glob

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DIRECTIVES = {
    "language_level": 3,
    "cdivision": True,
    "embedsignature": True,
}
COMMON = {
    "include_dirs": [numpy.get_include(), "cytensor", "cytensor/cpu"],
    "define_macros": [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
}


MATH = glob("cytensor/cpu/ctmath*.h")           # of the tile kernels, and of random numbers
CONVOLUTION = glob("cytensor/cpu/conv*.h")
POOLING = ["cytensor/cpu/pooling.h"]
HEADERS = [header for header in glob("cytensor/*.h") + glob("cytensor/cpu/*.h")
           if header not in MATH + CONVOLUTION + POOLING
           and not header.endswith("_generated.h")]
# Debug information would make the package four times as large.
FLAGS = ["-g0"]
# Vector loops must round as scalar ones do; nobody looks at errno or at floating-point flags.
KERNEL_FLAGS = [*FLAGS, "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
                "-fno-strict-aliasing"]


def pyx(name, *sources, flags=FLAGS, depends=()):
    path = name.replace(".", "/") + ".pyx"
    return Extension(name, [path, *sources], **COMMON, depends=[*HEADERS, *depends],
                     extra_compile_args=flags)


LOOPS = ["cytensor/cpu/nest.c", "cytensor/cpu/copy.c"]
STRUCTURED = [f"cytensor/cpu/{name}.c" for name in (
    "threads", "cores", "structured", "add", "index", "arg", "cumulate", "recurrence", "nonzero",
    "radix", "order", "compare", "sort", "search",
    "pooling", "pooling_apart", "pooling_grid", "pooling_loops", "pooling_match", "pooling_pairs",
    "pooling_regions", "pooling_tiles",
    "guard", "draw", "rejection", "variates", "mrg")]
PRODUCTS = [f"cytensor/cpu/{name}.c" for name in (
    "product", "product_blas", "product_loops", "product_panels", "product_ready", "product_tiles",
    "blas_threads")]
LAPACK = [f"cytensor/cpu/{name}.c" for name in (
    "lapack", "lapack_solve", "lapack_factor", "lapack_spectra", "expm")]
CONV = [f"cytensor/cpu/{name}.c" for name in (
    "conv", "conv_box", "conv_places", "conv_panels", "conv_images", "conv_batch", "conv_winograd",
    "conv_filters", "conv_pixels", "conv_windows")]
KERNELS = [
    pyx("cytensor.cpu._structured", *LOOPS, *STRUCTURED, flags=KERNEL_FLAGS,
        depends=MATH + POOLING),
    pyx("cytensor.cpu._blas", *LOOPS, *PRODUCTS, flags=KERNEL_FLAGS,
        depends=["cytensor/cpu/conv_kit.h"]),
    pyx("cytensor.cpu._lapack", *LOOPS, *LAPACK, flags=KERNEL_FLAGS),
    pyx("cytensor.cpu._conv", *LOOPS, *CONV, flags=KERNEL_FLAGS, depends=CONVOLUTION),
    pyx("cytensor.cpu._sparse", "cytensor/cpu/sparse.c", flags=KERNEL_FLAGS),
]

# Tile kernels are compiled once per instruction set; cpu/isa.py chooses when it is imported.
# An old compiler does not know the levels: it gets a CPU of each.
WIDTH = "-mprefer-vector-width="
ISA_FLAGS = {
    "v2": [["-march=x86-64-v2"], ["-march=nehalem", "-mtune=generic"]],
    "v3": [["-march=x86-64-v3", WIDTH + "256"], ["-march=haswell", "-mtune=generic"]],
    "v4": [["-march=x86-64-v4", WIDTH + "512"], ["-march=skylake-avx512", WIDTH + "512"]],
} if platform.machine() in ("x86_64", "AMD64") else {"base": [[]]}


def compiles(flags):
    """Whether the C compiler knows ``flags``."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [*compiler, *flags, "-Werror", "-x", "c", "-c", os.devnull, "-o", os.devnull]
    return subprocess.run(command, capture_output=True).returncode == 0


def tile_kernels():
    """The modules of tile kernels, for the instruction sets that the compiler knows."""
    flags = {isa: next(filter(compiles, choices), None) for isa, choices in ISA_FLAGS.items()}
    known = [isa for isa in flags if flags[isa] is not None]
    sources = runpy.run_path("cytensor/cpu/build_kernels.py")["write"](known)
    headers = [f"cytensor/cpu/{name}.h" for name in (
        "abi", "tile", "folds", "ctcomplex", "conv_kit", "conv_tiles")]
    headers += MATH + glob("cytensor/cpu/kernels_*_generated.h")
    return [Extension(f"cytensor.cpu._kernels_{isa}", list(map(str, sources[isa])),
                      depends=headers, include_dirs=["cytensor/cpu"],
                      extra_compile_args=[*KERNEL_FLAGS, "-fwrapv", *flags[isa]])
            for isa in known]


TILES = [
    *tile_kernels(),
    Extension("cytensor.cpu._isa", ["cytensor/cpu/_isa.c"], extra_compile_args=FLAGS),
    pyx("cytensor.cpu._special", flags=KERNEL_FLAGS),
]
CORE = [pyx(f"cytensor.{name}") for name in (
    "_types", "_lines", "_core", "_program", "_plan", "_planner", "_python", "_cells", "_arrays",
    "_watch", "_interpreter")]
# A step of a chain is a few instructions, and depends on where in a line of the cache they lie.
STEP_FLAGS = [*KERNEL_FLAGS, "-fwrapv", "-falign-functions=64", "-falign-loops=32"]
LOOPS_OF_STEPS = [pyx(f"cytensor.{name}", flags=STEP_FLAGS) for name in (
    "_loops", "_loopcode", "_loopready", "_loopplan", "_loopblocks", "_loopform")]
GROUPS = [f"cytensor/cpu/{name}.c" for name in (
    "fused", "group_plan", "group_extent", "group_blocks", "group_nest", "group_fetch",
    "group_move", "group_tile", "group_gather", "group_scatter",
    "group_arg", "group_rows", "group_columns", "group_stream", "group_sums", "group_whole")]
FUSED = pyx("cytensor.cpu._fused", *GROUPS, flags=KERNEL_FLAGS)
# Modules in Python that compiling a function spends most of its time in. Cython makes them half
# as fast again. In a developer's checkout they stay Python, so that an edit needs no build.
BUSY = [Extension("cytensor." + name.replace("/", "."), [f"cytensor/{name}.py"],
                  extra_compile_args=FLAGS)
        for name in ("lowering/emit", "lowering/groups", "lowering/program", "lowering/sizes",
                     "lowering/tiles", "lowering/updates", "ops/sizes", "rewrites/driver",
                     "rewrites/intern", "rewrites/patterns")]


class BuildExtensions(build_ext):
    """Leaves out the busy modules where the package is built in place."""

    def finalize_options(self):
        if not (self.inplace or self.editable_mode):
            self.distribution.ext_modules += cythonize(BUSY, language_level=3, build_dir="build")
        super().finalize_options()


# Modules are compiled side by side: those that take longest come first.
MODULES = [*TILES, *KERNELS, *CORE, *LOOPS_OF_STEPS, FUSED]
setup(ext_modules=cythonize(MODULES, compiler_directives=DIRECTIVES),
      cmdclass={"build_ext": BuildExtensions})
