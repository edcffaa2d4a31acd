"""Kinds of inputs: for each kind one file with its encoder and its branch."""
