"""Sphinx's settings for the documentation site; `tools/build_docs.py` gathers the pages and calls it."""

import re

from puffer_arena import __version__

project = "puffer_arena"
version = release = __version__
copyright = "the puffer_arena authors"
root_doc = "docs/index"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples/**"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_rtype = False


def setup(app):
    """Let docstrings say `a * b` and `|x|`, which reStructuredText takes for markup."""
    app.connect("autodoc-process-docstring", _plain)


def _plain(app, what, name, value, options, lines):
    for k, line in enumerate(lines):
        words = re.split(r"(`+[^`]*`+)", line)
        lines[k] = "".join(word if word.startswith("`") else re.sub(r"([*|])", r"\\\1", word) for word in words)


html_theme = "furo"
html_title = f"puffer_arena {release}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b4540a", "color-brand-content": "#b4540a"},
    "dark_css_variables": {"color-brand-primary": "#f2b134", "color-brand-content": "#f2b134"},
}
