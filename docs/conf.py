"""How Sphinx makes web pages of the documentation: ``make docs``."""
import importlib.metadata

project = "cytensor"
copyright = "The cytensor developers"
release = importlib.metadata.version("cytensor")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinxcontrib.mermaid"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 2
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Symbolic tensors", "page_width": "1100px"}
