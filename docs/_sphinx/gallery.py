"""The gallery: which script is shown where."""

# From the first fit to questions that come later; a script that is not listed follows these, by its name.
ORDER = (
    "quickstart.py",
    "onehot_and_scaled.py",
    "dirty_table.py",
    "missing_photos.py",
    "text_and_number.py",
    "text_scripts.py",
    "png_and_number.py",
    "image_and_lstm_text.py",
    "two_lstm_sequences.py",
    "sensor_files.py",
    "shared_branch.py",
    "interaction.py",
    "staged_merge.py",
    "own_branch.py",
    "audio_kind.py",
    "multi_output.py",
    "search_over_branches.py",
    "search_on_a_cluster.py",
    "learning_curve.py",
    "calibration.py",
    "blend_with_trees.py",
    "which_input_matters.py",
    "larger_than_memory.py",
    "shifted_rows.py",
    "serve.py",
    "reviews.py",
    "solar_cells.py",
)


class ReadingOrder:
    """Sorts scripts as `ORDER` does."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return the key of a file's name."""
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)

    def __repr__(self):
        """Return the same words in each process, so that unchanged settings are known as such."""
        return "<ReadingOrder>"
