"""Programs in an interpreter of their own, which finds the package that is under test."""
import subprocess
import sys
from pathlib import Path

import cytensor

#: Where the package was imported from. Python looks there first, and not in the folder from which
#: the tests are run: that one may hold the sources of the package, unbuilt.
PLACE = Path(cytensor.__file__).resolve().parent.parent


def run(program, *options):
    """Run a program; return what it prints.

    Parameters
    ----------
    program : str
    *options : str
        For the interpreter.

    Returns
    -------
    str
    """
    done = subprocess.run([sys.executable, *options, "-c", program], cwd=PLACE, text=True,
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
