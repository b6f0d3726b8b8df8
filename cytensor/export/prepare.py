"""From a compiled function to the program that is exported."""
from cytensor.cpu.device import cpu
from cytensor.engine.passes import rewrite
from cytensor.engine.pipeline import undisturbed
from cytensor.lowering.program import lower


class NoKernels:
    """A device for programs that are only read: it has each kernel, at no address."""

    jit = None
    guests = ()                 # a gather is a step of its own
    sinks = False

    def __init__(self):
        self.capsule = cpu().capsule

    def map_kernel(self, name, dtype, to=-1, special=False):
        """Return no address: each op is written out."""
        return 0

    def fold_kernels(self, name, dtype):
        """Return no addresses."""
        return 0, 0

    def terms_kernel(self, name, dtype):
        """There is none: no two ops are one."""

    def has_map(self, name, dtype):
        """Return False, for the same reason."""
        return False

    def structured_kernel(self, name):
        """Return no address."""
        return 0


def program_of(inputs, outputs, updates, cells, mode):
    """Rewrite and lower a graph so that the program serves every size and changes nothing."""
    mode = mode.excluding("assume")
    roots = [*outputs, *[new for _, new in updates]]
    with undisturbed():
        roots = rewrite(roots, mode)
        news = [(cell, new) for (cell, _), new in zip(updates, roots[len(outputs):])]
        return lower(roots[:len(outputs)], news, inputs, cells, NoKernels(), inplace=False)
