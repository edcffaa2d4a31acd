"""HTML that shows what is in memory: one style in light and dark, and no text of a table that is taken for HTML."""

import html

# Named by what they are for. Rules that are written with these colours hold in light and in dark.
_LIGHT = {
    "ink": "#1c2430",
    "soft": "#5b6675",
    "paper": "#ffffff",
    "panel": "#f5f7fa",
    "line": "#d5dbe3",
    "accent": "#1f6feb",
    "plus": "#1a7f4b",
    "minus": "#c2362f",
}
_DARK = {
    "ink": "#e6e9ee",
    "soft": "#9aa5b4",
    "paper": "#14181f",
    "panel": "#1d232c",
    "line": "#39424f",
    "accent": "#6aa8ff",
    "plus": "#5fcf94",
    "minus": "#ff8a80",
}

_RULES = """
.skmulti { color: var(--skm-ink); background: var(--skm-paper); font: 14px/1.5 system-ui, sans-serif; }
.skmulti, .skmulti * { box-sizing: border-box; }
.skmulti h1, .skmulti h2, .skmulti h3 { line-height: 1.25; margin: 1.2em 0 .5em; }
.skmulti p { margin: .5em 0; max-width: 75ch; overflow-wrap: anywhere; }
.skmulti .soft { color: var(--skm-soft); }
.skmulti .scroll { overflow-x: auto; max-width: 100%; }
.skmulti table { border-collapse: collapse; margin: .5em 0; }
.skmulti th, .skmulti td { border-bottom: 1px solid var(--skm-line); padding: .3em .8em .3em 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; min-width: 4em; }
.skmulti th { color: var(--skm-soft); font-weight: 600; }
.skmulti td.number, .skmulti th.number { text-align: right; font-variant-numeric: tabular-nums; }
.skmulti code, .skmulti pre { font: 12.5px/1.5 ui-monospace, monospace; }
.skmulti img, .skmulti svg { max-width: 100%; height: auto; }
"""


def escape(value):
    """Return a value as text that HTML shows as it is, in elements and in quoted attributes."""
    return html.escape(str(value), quote=True)


def table(headings, rows, *, numbers=()):
    """Return a table.

    Parameters
    ----------
    headings : sequence of str
        Headings of the columns.
    rows : iterable of sequence
        Cells of each row, which are escaped.
    numbers : collection of str
        Headings of the columns that are aligned as numbers.

    Returns
    -------
    str
        HTML, in a box that scrolls if it is too narrow for the table.
    """
    kinds = [' class="number"' if heading in numbers else "" for heading in headings]

    def line(tag, cells):
        inner = "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))
        return f"<tr>{inner}</tr>"

    body = "".join(line("td", cells) for cells in rows)
    return f'<div class="scroll"><table><thead>{line("th", headings)}</thead><tbody>{body}</tbody></table></div>'


def fragment(body, css=""):
    """Return HTML for a cell of a notebook: a box with its style.

    Parameters
    ----------
    body : str
        HTML whose texts are escaped.
    css : str
        Further rules, with selectors that begin with ``.skmulti`` and colours such as ``var(--skm-ink)``.
    """
    return f'<div class="skmulti"><style>{_style(css)}</style>{body}</div>'


def document(title, body, css=""):
    """Return a whole page of HTML that asks for nothing from a network.

    Parameters
    ----------
    title : str
        Title of the page, which is escaped.
    body : str
        HTML whose texts are escaped.
    css : str
        Further rules, as for `fragment`.
    """
    # The policy is the browser's promise: a page that holds cells of users neither runs a script nor loads a thing.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_style(css)}"
        "body { margin: 0; background: var(--skm-paper); }"
        ".skmulti { max-width: 1200px; margin: 0 auto; padding: 1em; }</style></head>\n"
        f'<body class="skmulti-page"><main class="skmulti">{body}</main></body></html>\n'
    )


def _style(css):
    """Return the rules of the package with the colours of light and dark."""
    light, dark = (
        "".join(f"--skm-{name}: {colour};" for name, colour in colours.items()) for colours in (_LIGHT, _DARK)
    )
    here = ".skmulti, .skmulti-page"
    # Notebooks and documentation have a switch of their own, which counts for more than the system's.
    is_dark = '[data-theme="dark"] .skmulti, [data-jp-theme-light="false"] .skmulti'
    is_light = '[data-theme="light"] .skmulti, [data-jp-theme-light="true"] .skmulti'
    return (
        f"{here} {{ {light} }} @media (prefers-color-scheme: dark) {{ {here} {{ {dark} }} }}"
        f"{is_light} {{ {light} }} {is_dark} {{ {dark} }}{_RULES}{css}"
    )
