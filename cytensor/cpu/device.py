"""The CPU as lowering sees it: where the kernels are."""
from cytensor import config
from cytensor._core import DTYPES
from cytensor.cpu import isa

_BLAS = ("matmul", "gemm")
_LAPACK = ("inverse", "solve", "solve_triangular", "cholesky", "lu_factor", "pivot_permutation",
           "det", "slogdet", "qr", "qr_raw", "eigh", "eigvalsh", "eig", "eigvals", "svd",
           "svdvals", "lstsq", "expm")
_CONV = ("conv", "conv_grad_inputs", "conv_grad_filters")


class Cpu:
    """Finds kernels by name. One object, ``cpu()``, serves the process."""

    name = "cpu"
    #: Ops with kernels of their own that fused groups can compute, too.
    guests = ("gather", "argmax", "argmin")
    #: Whether additions at indices may be the end of a group.
    sinks = True

    def __init__(self):
        from cytensor.cpu import _fused, _structured
        from cytensor.cpu.jit import Jit
        config.on_change("threads", _structured.set_threads)
        self.capsule = _fused.device
        self._searcher = _structured.searcher
        self.jit = Jit()
        self._structured = dict(_fused.structured)
        self._tiles = isa.kernels()

    def map_kernel(self, name, dtype, to=-1, special=False):
        """Return the address of the tile kernel of an elementwise op.

        Raises
        ------
        NotImplementedError
            If there is none for that dtype.
        """
        table = isa.kernels_special() if special else self._tiles
        return self._found(table, ("m", name, dtype, to), name, dtype)

    def fold_kernels(self, name, dtype):
        """Return the addresses of the fold and the accumulation of a reduction."""
        return (self._found(self._tiles, ("f", name, dtype, -1), name, dtype),
                self._found(self._tiles, ("a", name, dtype, -1), name, dtype))

    def searcher(self, name, dtype):
        """Return the address of what finds the best of a row: for argmax and argmin."""
        return self._searcher(name == "argmax", dtype)

    def terms_kernel(self, name, dtype):
        """Return the address of a sum of terms, as ``sum(mul(x,y))``; None if there is none."""
        return self._tiles.get(("t", name, dtype, -1))

    def has_map(self, name, dtype):
        """Whether there is a tile kernel of that name: for fused pairs."""
        return ("m", name, dtype, -1) in self._tiles

    def structured_kernel(self, name):
        """Return the address of a structured kernel."""
        if name in _BLAS and name not in self._structured:
            self._load_blas()
        if name in _LAPACK and name not in self._structured:
            self._load_lapack()
        if name in _CONV and name not in self._structured:
            self._load_conv()
        if name not in self._structured:
            raise NotImplementedError(f"{name} has no cpu kernel")
        return self._structured[name]

    def _load_blas(self):
        from cytensor.cpu import _fused, blas
        self._structured.update(_fused.kernel_addresses(blas.load().kernels))
        _fused.use_products(blas.load().ready)
        if config.debug >= 1:
            print(f"cytensor: BLAS {blas.record()}")

    def _load_conv(self):
        from cytensor.cpu import _conv, _fused
        self._structured.update(_fused.kernel_addresses(_conv.kernels))

    def _load_lapack(self):
        from cytensor.cpu import _fused, blas
        module = blas.load_lapack()
        self._structured.update(_fused.kernel_addresses(module.kernels))
        for name in ("threads", "lapack_threads"):
            config.on_change(name, lambda _: module.use_threads(
                config.lapack_threads and config.threads != 1))

    def _found(self, table, key, name, dtype):
        try:
            return table[key]
        except KeyError:
            raise NotImplementedError(f"{name} has no cpu kernel for {DTYPES[dtype]}") from None


_the_cpu = None


def cpu():
    """Return the CPU."""
    global _the_cpu
    if _the_cpu is None:
        _the_cpu = Cpu()
        if config.debug >= 1:
            print(f"cytensor: cpu with {isa.name()} kernels of {', '.join(isa.available())}")
    return _the_cpu
