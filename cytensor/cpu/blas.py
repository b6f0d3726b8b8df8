"""The choice of OpenBLAS's kernels, which must be made before SciPy loads it."""
import os
import sys

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


def prepare():
    """Choose OpenBLAS's kernels, unless the user has, or SciPy is loaded already.

    Returns
    -------
    dict
        ``vendor`` of the processor, ``core`` (OpenBLAS's name for its kernels),
        ``coretype_set_by_us``, ``threads`` that OpenBLAS takes when others call it, and ``path``
        of the library. What is not known before it is loaded, or of another BLAS, is None.

    Examples
    --------
    >>> sorted(prepare())
    ['core', 'coretype_set_by_us', 'path', 'threads', 'vendor']
    """
    global _set_by_us
    if "scipy.linalg" not in sys.modules and "OPENBLAS_CORETYPE" not in os.environ:
        _set_by_us = best_core()
        if _set_by_us is not None:
            os.environ["OPENBLAS_CORETYPE"] = _set_by_us
    path = core = threads = None
    module = sys.modules.get("cytensor.cpu._blas")
    if module is not None:
        path, core, threads = module.library()
    return {"vendor": processor()[0], "core": core, "coretype_set_by_us": _set_by_us,
            "threads": threads, "path": path}
