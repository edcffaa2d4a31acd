"""Settings of the documentation site: `python -m sphinx -W -b html docs build/docs`.

Nothing is fetched while it is built or read. What is generated, the list of public names (`api/`) and the gallery
(`auto_examples/`), lies in folders that git ignores.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
os.environ.setdefault("MPLBACKEND", "agg")

sys.path.insert(0, str(Path(__file__).parent / "_sphinx"))

import public_names

import skmulti

project = "skmulti"
copyright = "the skmulti developers"
author = "The skmulti developers"
version = release = skmulti.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_sphinx", "_templates", "_extra"]
root_doc = "index"

# --- pages in Markdown

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3  # a link to a heading that is not there fails the build

# --- names of the package

public_names.write(Path(__file__).parent / "api")
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
default_role = "py:obj"

# A name of skmulti that leads nowhere is a mistake. Parameters, names of other packages and values stand between the
# same quotes, and are shown as code.
nitpicky = True
nitpick_ignore_regex = public_names.ELSEWHERE

# --- gallery

# These need data of their own, or a web server; the CI script runs the last one by itself.
NOT_RUN = ("reviews.py", "solar_cells.py", "serve.py")

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": rf"^((?!{'|'.join(name.replace('.', '[.]') for name in NOT_RUN)}).)*$",
    "within_subsection_order": "gallery.ReadingOrder",
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 0,
    "plot_gallery": "True",
}

# --- looks

html_theme = "pydata_sphinx_theme"
html_title = "skmulti"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skmulti"},
    "show_prev_next": True,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "changelog": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def skip_what_is_inherited(app, what, name, thing, skip, options):
    """Leave out methods that skmulti does not define; scikit-learn's pages describe theirs."""
    if what == "class" and not (getattr(thing, "__module__", None) or "skmulti").startswith("skmulti"):
        return True
    return skip


def setup(app):
    """Register the functions of this file with Sphinx."""
    app.connect("autodoc-skip-member", skip_what_is_inherited)
