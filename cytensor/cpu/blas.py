"""How OpenBLAS is set up, which must be done before SciPy loads it."""
import contextlib
import importlib.machinery
import importlib.util
import os
import sys

#: A thread of OpenBLAS that has no work, as after the start, looks for it during 2**20 cycles. By
#: default it would take a core from others during 2**28, some 100 ms.
IDLE = {"OPENBLAS_THREAD_TIMEOUT": "20"}
_set_by_us = None


def processor():
    """Return the processor's vendor, its family, and whether it has AVX-512 for all that we do.

    Returns
    -------
    tuple of (str, int, bool)
        ``("unknown", 0, False)`` where the system does not say.
    """
    fields = {}
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                fields.setdefault(name.strip(), value.strip())
                if not line.strip():
                    break
    except OSError:
        pass
    flags = set(fields.get("flags", "").split())
    wide = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"} <= flags
    return fields.get("vendor_id", "unknown"), int(fields.get("cpu family", 0)), wide


def best_core():
    """Return the kernels to ask of OpenBLAS, or None where its own choice is good."""
    vendor, family, avx512 = processor()
    # It does not know Zen 5 on all machines, and falls back to kernels for AVX2: half the speed.
    if vendor == "AuthenticAMD" and family == 26 and avx512:
        return "SkylakeX"
    return None


def load():
    """Return the module of the products, and load BLAS with it.

    Only ``scipy.linalg.cython_blas`` itself is loaded, not the packages around it, which take
    much longer; ``import scipy.linalg`` works later as if nothing had happened.
    """
    return _load("_blas", "cython_blas")


def load_lapack():
    """Return the module of linear algebra, and load LAPACK with it, in the same way."""
    load()
    return _load("_lapack", "cython_blas", "cython_lapack")


def _load(name, *needed):
    """Load an extension module of ours, with those of ``scipy.linalg`` that it needs."""
    module = sys.modules.get(f"cytensor.cpu.{name}")
    if module is not None:
        return module
    with _setting({**IDLE, **_choose_core()}):
        return _load_with(needed, f"cytensor.cpu.{name}")


def _load_with(needed, name):
    alone = []
    try:
        with _without_its_init("scipy"):
            if "scipy.linalg" not in sys.modules:
                alone += [other for other in needed if _load_alone("scipy.linalg", other)]
            if len(alone) == len(needed):
                return importlib.import_module(name)
        importlib.import_module("scipy.linalg")
        return importlib.import_module(name)
    finally:
        for other in alone:
            del sys.modules[f"scipy.linalg.{other}"]


def _load_alone(package, name):
    """Load one extension module of a package without the package; tell whether that worked."""
    root, *inner = package.split(".")
    spec = importlib.util.find_spec(root)
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = os.path.join(spec.submodule_search_locations[0], *inner, name + suffix)
        if os.path.exists(path):
            break
    else:
        return False
    spec = importlib.util.spec_from_file_location(f"{package}.{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError:
        del sys.modules[spec.name]
        return False
    return True


@contextlib.contextmanager
def _without_its_init(package):
    """Let modules of a package be imported, and the package itself not, if it is not yet.

    On Windows its ``__init__`` is what makes its libraries known.
    """
    if package in sys.modules or os.name == "nt":
        yield
        return
    sys.modules[package] = importlib.util.module_from_spec(importlib.util.find_spec(package))
    try:
        yield
    finally:
        del sys.modules[package]


def _choose_core():
    """What tells OpenBLAS which kernels to take, if it would choose badly and nobody has chosen."""
    global _set_by_us
    if "scipy.linalg" in sys.modules or "OPENBLAS_CORETYPE" in os.environ:
        return {}
    _set_by_us = best_core()
    return {"OPENBLAS_CORETYPE": _set_by_us} if _set_by_us else {}


@contextlib.contextmanager
def _setting(variables):
    """Give the environment some variables that it does not have, for a while."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def record():
    """Return what is known of BLAS, for ``python -m cytensor info``.

    Returns
    -------
    dict
        ``vendor`` of the processor, ``core`` (OpenBLAS's name for its kernels),
        ``coretype_set_by_us``, ``threads`` that OpenBLAS takes when others call it, and ``path``
        of the library. What another BLAS does not say is None.

    Examples
    --------
    >>> sorted(record())
    ['core', 'coretype_set_by_us', 'path', 'threads', 'vendor']
    """
    path, core, threads = load().library()
    return {"vendor": processor()[0], "core": core, "coretype_set_by_us": _set_by_us,
            "threads": threads, "path": path and os.path.realpath(path)}
