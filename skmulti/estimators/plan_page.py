"""A plan as HTML: a diagram of lanes that lie side by side or, where there is little room, below each other."""

from .._html import escape, table
from .plan_text import CHOICE_HEADINGS, choice_row, column_rows, cost_lines, headline, number, share

# Columns that a card of the diagram names; the table below names all.
NAMED_COLUMNS = 6

PAGE_CSS = """
.skmulti .plan { container-type: inline-size; }
.skmulti .flow, .skmulti .lanes, .skmulti .lane { display: flex; flex-direction: column; align-items: stretch; }
.skmulti .lanes { gap: 1em; }
.skmulti .card { border: 1px solid var(--skm-line); border-radius: 8px; background: var(--skm-panel);
  padding: .5em .75em; min-width: 0; overflow-wrap: anywhere; }
.skmulti .card b, .skmulti .card span { display: block; }
.skmulti .card .step { color: var(--skm-soft); font-size: 11px; letter-spacing: .04em; text-transform: uppercase; }
.skmulti .card .small { color: var(--skm-soft); font-size: 12.5px; }
.skmulti .card.target { border-color: var(--skm-accent); }
.skmulti .arrow { flex: none; text-align: center; color: var(--skm-soft); line-height: 1.6; }
.skmulti .arrow::before { content: "\\2193"; }
.skmulti .warn { border-left: 3px solid var(--skm-minus); padding-left: .75em; }
.skmulti .plan details { margin: .75em 0; }
.skmulti .plan summary { cursor: pointer; font-weight: 600; }
.skmulti .plan table { width: 100%; }
.skmulti .plan .choices td:last-child { font: 12.5px/1.5 ui-monospace, monospace; }
.skmulti .plan td:first-child { font-weight: 600; min-width: 7em; }
@container (min-width: 860px) {
  .skmulti .flow { display: grid; grid-template-columns: minmax(0, 3.8fr) 2em minmax(0, 1.2fr) 2em minmax(0, 1.2fr) 2em
    minmax(0, 1.2fr); align-items: center; }
  .skmulti .flow.short { grid-template-columns: minmax(0, 3fr) 2em minmax(0, 1fr) 2em minmax(0, 1fr); }
  .skmulti .lane { display: grid; grid-template-columns: minmax(0, 1fr) 2em minmax(0, 1.4fr) 2em minmax(0, 1.5fr);
    align-items: stretch; }
  .skmulti .lane .arrow { align-self: center; }
  .skmulti .lanes { border-right: 2px solid var(--skm-line); padding-right: 1em; }
  .skmulti .arrow::before { content: "\\2192"; }
}
@container (max-width: 859.9px) {
  .skmulti .plan thead { display: none; }
  .skmulti .plan table, .skmulti .plan tbody, .skmulti .plan tr, .skmulti .plan td { display: block; }
  .skmulti .plan td { border: 0; padding: 0; }
  .skmulti .plan tr { border-bottom: 1px solid var(--skm-line); padding: .4em 0; }
  .skmulti .lane { border-left: 3px solid var(--skm-line); padding-left: .75em; }
}
"""


def plan_body(plan):
    """Return a plan as HTML."""
    sections = [f"<h2>{escape(headline(plan))}</h2>", _diagram(plan)]
    if plan.warnings:
        said = "".join(f'<p class="warn">{escape(warning)}</p>' for warning in plan.warnings)
        sections.append(f"<h3>Warnings of the fit</h3>{said}")
    choices = [choice_row(choice) for choice in (*plan.target, *plan.training)]
    sections.append(f'<h3>Training</h3><div class="choices">{table(CHOICE_HEADINGS, choices)}</div>')
    sections.append(f"<h3>Cost</h3>{''.join(f'<p>{escape(line)}</p>' for line in cost_lines(plan))}")
    if plan.columns is not None:
        headings = "column", "input", "encoder", "reason"
        sections.append(_folded("Columns: where they go, and why", headings, column_rows(plan)))
    if plan.routing:
        rows = map(choice_row, plan.routing)
        folded = _folded("What was inferred, and how to change it", CHOICE_HEADINGS, rows)
        sections.append(f'<div class="choices">{folded}</div>')
    return f'<div class="plan">{"".join(sections)}</div>'


def _folded(title, headings, rows):
    """Return a table that a click shows."""
    return f"<details><summary>{escape(title)}</summary>{table(headings, rows)}</details>"


def _diagram(plan):
    """Return the way of a row: columns, inputs, branches, merge, head, target."""
    arrow = '<span class="arrow"></span>'
    lanes = "".join(f'<div class="lane">{arrow.join(_lane(entry))}</div>' for entry in plan.inputs)
    rest = [_part_card(part) for part in plan.parts]
    target, loss, metrics = plan.target
    rest.append(_card("target", target.value, f"loss: {loss.value}", f"metrics: {metrics.value}", css="card target"))
    short = " short" if len(plan.parts) == 1 else ""
    dropped = [] if plan.columns is None else [row for row in column_rows(plan) if not row[1]]
    left_out = "; ".join(f"{row[0]} ({row[3]})" for row in dropped)
    said = f'<p class="soft">Left out: {escape(left_out)}.</p>' if dropped else ""
    return f'<div class="flow{short}"><div class="lanes">{lanes}</div>{arrow}{arrow.join(rest)}</div>{said}'


def _lane(entry):
    """Return the cards of an input: its columns, its array and its branch."""
    names = entry.columns[:NAMED_COLUMNS]
    more = len(entry.columns) - len(names)
    label = "column" if len(entry.columns) == 1 else f"{len(entry.columns)} columns"
    facts = [f"{share(entry.missing)} missing"] if entry.missing else []
    facts += [f"{share(entry.truncated)} truncated"] if entry.truncated else []
    cards = [
        _card(label, ", ".join(names) + (f" and {more} more" if more else ""), ", ".join(facts)),
        _card("input", entry.name, ": ".join(filter(None, _split_code(entry.encoder))), entry.spec.describe()),
    ]
    if entry.branch:
        cards.append(_card("branch", *_split_code(entry.branch), entry.layers, _size(entry)))
    return cards


def _part_card(part):
    """Return the card of the merge, the head, or a network made by hand."""
    return _card(part.name, *_split_code(part.part), part.layers, _size(part))


def _split_code(code):
    """Return the name of a class and its arguments."""
    name, bracket, arguments = code.partition("(")
    return (name, arguments.removesuffix(")")) if bracket and name.isidentifier() else (code, "")


def _size(part):
    """Return the width and the weights of a part in words."""
    width = "" if part.width is None else f"width {number(part.width)}"
    weights = "" if not part.n_weights else f"{number(part.n_weights)} weights"
    return ", ".join(filter(None, (width, weights)))


def _card(step, title, *facts, css="card"):
    """Return a card: what it is, its title and facts, which are escaped."""
    said = "".join(f'<span class="small">{escape(fact)}</span>' for fact in facts if fact)
    return f'<div class="{css}"><span class="step">{escape(step)}</span><b>{escape(title)}</b>{said}</div>'
