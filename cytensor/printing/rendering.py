"""DOT text as an image: by Graphviz's program where it is installed, else by its library.

The library comes with the wheels of pygraphviz, in the extra ``viz``.
"""
import shutil
import subprocess
from threading import Lock

#: Graphviz keeps its state in global variables.
_one_at_a_time = Lock()


class Picture(bytes):
    """An image file, which notebooks show.

    Attributes
    ----------
    format : str
        ``"svg"``, ``"png"``, ``"pdf"``, ``"dot"`` or another of Graphviz's.

    Examples
    --------
    >>> Picture(b"digraph {}", "dot").data
    b'digraph {}'
    """

    format: str

    def __new__(cls, data: bytes, format: str) -> "Picture":
        self = super().__new__(cls, data)
        self.format = format
        return self

    def __getnewargs__(self):
        return bytes(self), self.format

    @property
    def data(self) -> bytes:
        """The content of the file."""
        return bytes(self)

    def _repr_svg_(self):
        return self.decode() if self.format == "svg" else None

    def _repr_png_(self):
        return bytes(self) if self.format == "png" else None

    def _repr_pdf_(self):
        return bytes(self) if self.format == "pdf" else None


def render(text: str, format: str) -> Picture:
    """Place what DOT text describes, and draw it.

    Parameters
    ----------
    text : str
    format : str
        ``"dot"`` is the text itself; other formats are Graphviz's.

    Returns
    -------
    Picture

    Raises
    ------
    ImportError
        If there is neither the program nor the library.
    ValueError
        If Graphviz does not know the format.

    Examples
    --------
    >>> render("digraph {}", "dot").format
    'dot'
    """
    if format == "dot":
        return Picture(text.encode(), format)
    program = shutil.which("dot")
    draw = _by_library if program is None else _by_program
    return Picture(draw(program, text, format), format)


def can_render() -> bool:
    """Whether there is a Graphviz, as a program or as a library."""
    if shutil.which("dot"):
        return True
    try:
        import pygraphviz  # noqa: F401
    except ImportError:
        return False
    return True


def _by_program(program, text, format):
    done = subprocess.run([program, f"-T{format}"], input=text.encode(), capture_output=True)
    if done.returncode:
        raise ValueError(f"{program} cannot draw {format!r}: {done.stderr.decode().strip()}")
    return done.stdout


def _by_library(program, text, format):
    try:
        import pygraphviz
    except ImportError:
        raise ImportError("drawing a graph needs Graphviz: pip install 'cytensor[viz]', or install "
                          "the program `dot`; format='dot' gives the text without it") from None
    with _one_at_a_time:
        graph = pygraphviz.AGraph(string=text)
        try:
            return graph.draw(format=format, prog="dot")
        finally:
            graph.close()
