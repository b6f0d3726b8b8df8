"""Build the extension modules. Everything else about the package is in pyproject.toml."""
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

DIRECTIVES = {
    "language_level": 3,
    "cdivision": True,
    "embedsignature": True,
}
COMMON = {
    "include_dirs": [numpy.get_include(), "cytensor", "cytensor/cpu"],
    "define_macros": [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
}


def pyx(name, *sources, **kwargs):
    path = name.replace(".", "/") + ".pyx"
    return Extension(name, [path, *sources], **COMMON, **kwargs)


setup(ext_modules=cythonize([pyx("cytensor._core")], compiler_directives=DIRECTIVES))
