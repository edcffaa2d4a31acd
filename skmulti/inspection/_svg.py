"""A figure as SVG inside of a page: in the page's font and ink, the same text each time."""

import hashlib
import io
import re
import warnings
from xml.etree import ElementTree

_XLINK = "{http://www.w3.org/1999/xlink}href"
# What no XML may hold, and cells of a table can.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FONT = "system-ui, sans-serif"
_INKS = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")


def figure_to_svg(figure, *, label=""):
    """Return a figure as an ``<svg>`` element that stands in a page, light or dark.

    Lines and words that are drawn in ink, which is black or the colour of text of matplotlib's present style, get the
    colour of the text around the picture (``currentColor``). The background is transparent, words stay text in the
    page's font. Equal figures give equal text, and no id of one picture is that of another.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Figure to write. It stays as it is.
    label : str
        What the picture shows, for readers who do not see it.

    Returns
    -------
    str
        The element, without a declaration of XML. It asks nothing of a network.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skmulti.inspection import figure_to_svg
    >>> figure = Figure()
    >>> line = figure.subplots().plot([1, 2], color="black")
    >>> svg = figure_to_svg(figure, label="A <line>")
    >>> svg[:4], "A &lt;line&gt;" in svg, "stroke: currentColor" in svg, "#000000" in svg
    ('<svg', True, True, False)
    """
    text = _written(figure)
    root = ElementTree.fromstring(text)
    # Ids count in the whole page, and matplotlib gives the same ones in every picture.
    prefix = f"skm{hashlib.sha256(text.encode()).hexdigest()[:8]}-"
    referred = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    _remove_global_parts(root)
    inks = _ink_colours()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = _own_attributes(element.attrib, prefix, referred, inks)
        # Blanks between elements are indentation.
        element.tail = None
        if not (element.text or "").strip():
            element.text = None
    root.attrib.update(
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "role": "img",
            "aria-label": _UNFIT.sub("", label),
            "style": "fill: currentColor; stroke-linejoin: round; stroke-linecap: butt",
        }
    )
    return ElementTree.tostring(root, encoding="unicode")


def _written(figure):
    """Return what matplotlib writes, as text that is XML."""
    import matplotlib

    file = io.StringIO()
    # Text stays text: a page has fonts for all languages, so a glyph that matplotlib's font lacks is shown there.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skmulti"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    return _UNFIT.sub("", file.getvalue())


def _remove_global_parts(root):
    """Remove metadata, and the rules of style, which would hold for the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)


def _ink_colours():
    """Return the colours, as SVG has them, that stand for ink."""
    import matplotlib
    from matplotlib.colors import to_hex

    return {"#000000", *(to_hex(matplotlib.rcParams[name]) for name in _INKS)}


def _own_attributes(attributes, prefix, referred, inks):
    """Return an element's attributes with ids of this picture only, the page's font and its ink."""
    kept = {}
    for name, value in attributes.items():
        if name == "id" and value not in referred:
            continue
        if name == "id":
            value = prefix + value
        elif name == _XLINK:
            name, value = "href", value.replace("#", f"#{prefix}", 1) if value.startswith("#") else value
        elif name == "style":
            value = _own_style(value, inks)
        kept[name] = value.replace("url(#", f"url(#{prefix}")
    return kept


def _own_style(style, inks):
    """Return declarations of style in which ink is the page's, and so is the font."""
    style = re.sub(
        r"(fill|stroke): (#[0-9a-f]{6})",
        lambda found: f"{found[1]}: {'currentColor' if found[2] in inks else found[2]}",
        style,
    )
    # matplotlib before 3.10 writes size and family as one declaration.
    style = re.sub(r"font: ([^;]*?[\d.]+px) [^;]*", rf"font: \1 {_FONT}", style)
    return re.sub(r"font-family: [^;]*", f"font-family: {_FONT}", style)
