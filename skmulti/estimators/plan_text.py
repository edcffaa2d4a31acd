"""A plan in words and as text of at most 100 characters a line; the page of a plan uses the same words."""

from .._text import plain_line, text_table, wrap
from ..training import time_in_words

WIDTH = 100


def plan_text(plan):
    """Return a plan as text."""
    lines = [*wrap(headline(plan), WIDTH), ""]
    if plan.columns is not None:
        lines += _section("Columns", ("column", "input", "encoder", "reason"), column_rows(plan))
    arrays, branches = array_rows(plan), branch_rows(plan)
    lines += _section("Inputs", ARRAY_HEADINGS, arrays)
    lines += _section("Network", BRANCH_HEADINGS, branches)
    lines += _section("Training", CHOICE_HEADINGS, [choice_row(choice) for choice in (*plan.target, *plan.training)])
    if plan.routing:
        rows = [(choice.what, choice.value, choice.line) for choice in plan.routing]
        lines += _section("What was inferred", ("what", "chosen", "to change it"), rows)
    lines += ["Cost", *(f"  {line}" for entry in cost_lines(plan) for line in wrap(plain_line(entry), WIDTH - 2))]
    if plan.warnings:
        lines += ["", "Warnings of the fit"]
        for warning in plan.warnings:
            lines += [f"  {line}" for line in wrap(plain_line(warning), WIDTH - 2)]
    return "\n".join(lines)


def _section(title, headings, rows):
    """Return a title and a table as lines, and a blank line."""
    return [title, *text_table(headings, rows, width=WIDTH, indent="  ").split("\n"), ""]


ARRAY_HEADINGS = ("input", "columns", "encoder", "array", "missing", "truncated")
BRANCH_HEADINGS = ("part", "as", "layers with weights", "width", "weights")
CHOICE_HEADINGS = ("choice", "value", "why", "to change it")


def headline(plan):
    """Return a plan in a sentence."""
    held = f", {plan.n_held:,} to validate on" if plan.n_held else ""
    return (
        f"Plan of {plan.estimator}: {plan.n_rows:,} rows to train on{held}; {len(plan.inputs)} "
        f"input{'s' * (len(plan.inputs) != 1)}, {plan.n_weights:,} weights{_in_networks(plan)}"
    )


def _in_networks(plan):
    """Return the words for several networks."""
    return f" in {plan.n_networks} networks" if plan.n_networks > 1 else ""


def column_rows(plan):
    """Return (columns, input, encoder, reason); neighbours that are routed alike share a row."""
    rows = []
    for column, name, encoder, reason in plan.columns.itertuples(index=False):
        if rows and rows[-1][1:] == (name, encoder, reason):
            rows[-1] = (f"{rows[-1][0]}, {column}", *rows[-1][1:])
        else:
            rows.append((str(column), name, encoder, reason))
    return rows


def share(value):
    """Return a share in percent; one that is small is not 0 %."""
    if value is None:
        return ""
    return "0" if not value else "< 0.1 %" if value < 0.001 else f"{100 * value:.1f} %"


def array_rows(plan):
    """Return what each input is made of and holds."""
    return [
        (
            entry.name,
            ", ".join(entry.columns),
            entry.encoder,
            entry.spec.describe(),
            share(entry.missing),
            share(entry.truncated),
        )
        for entry in plan.inputs
    ]


def branch_rows(plan):
    """Return the parts of the network: branches, merge and head."""
    branches = [
        (f"branch of {entry.name}", entry.branch, entry.layers, entry.width, entry.n_weights)
        for entry in plan.inputs
        if entry.branch
    ]
    parts = [(part.name, part.part, part.layers, part.width, part.n_weights) for part in plan.parts]
    return [(*row[:3], number(row[3]), number(row[4])) for row in [*branches, *parts]]


def number(value):
    """Return a number with its thousands apart, or nothing."""
    return "" if value is None else f"{value:,}"


def choice_row(choice):
    """Return a choice as cells."""
    return choice.what, choice.value, choice.why, choice.line


def cost_lines(plan):
    """Return memory and time as sentences."""
    memory = {name: _size(count) for name, count in plan.memory.items()}
    lines = [
        f"Memory: weights {memory['weights']}, optimizer {memory['optimizer']}, encoded rows {memory['arrays']}, "
        f"arrays of a batch {memory['batch']}; what layers compute comes on top."
    ]
    times = {name: time_in_words(seconds) for name, seconds in plan.seconds.items()}
    lazy = f"Time: columns to arrays {times['route']}, network {times['build']}"
    if "epoch" not in times:
        return [*lines, f"{lazy} (measured). To measure an epoch: plan(X, y, measure=True)."]
    n_epochs = plan.n_networks * plan.recipe.epochs
    all_epochs = time_in_words(plan.seconds["trace"] + n_epochs * plan.seconds["epoch"])
    return [
        *lines,
        f"{lazy}, tracing {times['trace']}, a step {times['step']}, an epoch {times['epoch']}, "
        f"all {n_epochs} epochs{_in_networks(plan)} at most {all_epochs} (measured on a few steps).",
    ]


def _size(count):
    """Return a number of bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
