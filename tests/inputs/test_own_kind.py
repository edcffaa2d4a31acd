"""A kind that is made outside of the package does all that one of the package does: `examples/audio_kind.py`."""

import base64
import importlib.util
import io
import pickle
import sys
import warnings
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from common import check_branch, check_encoder
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skmulti
from skmulti import InputRouter, MultiInputClassifier, OddCellsWarning

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "audio_kind.py"


def load_example():
    """Import the example as a module, as a reader does who has copied it."""
    spec = importlib.util.spec_from_file_location("audio_kind", EXAMPLE)
    module = sys.modules["audio_kind"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audio = load_example()


def classifier(encoder, **params):
    """A small classifier with the encoder for the column "clip"."""
    return MultiInputClassifier(
        InputRouter(kinds={"clip": encoder}), branches={"clip": audio.AudioBranch((4,))}, epochs=1, random_state=0
    ).set_params(**params)


@pytest.fixture(scope="module")
def recordings():
    """40 recordings, two of them missing, and their labels."""
    frame, y = audio.make_recordings(40, random_state=0)
    frame["clip"] = frame["clip"].astype(object)
    frame.loc[[3, 17], "clip"] = None
    return frame, y


@pytest.fixture(scope="module")
def fitted(recordings):
    return classifier(audio.AudioEncoder()).fit(*recordings)


@pytest.fixture(scope="module")
def files(recordings, tmp_path_factory):
    """The same frame with paths in place of the contents, and the folder that they are relative to."""
    frame, _ = recordings
    folder = tmp_path_factory.mktemp("clips")
    paths = [None if clip is None else f"{i}.wav" for i, clip in enumerate(frame["clip"])]
    for path, clip in zip(paths, frame["clip"], strict=True):
        if path:
            (folder / path).write_bytes(clip)
    return frame.assign(clip=paths), folder


def tone(frequency, rate=8000):
    """Return a wav file of half a second."""
    buffer = io.BytesIO()
    samples = 0.5 * np.sin(2 * np.pi * frequency * np.arange(rate // 2) / rate)
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def test_the_loudest_band_of_a_tone_is_that_of_its_frequency():
    tones = pd.Series([tone(300), tone(1000), tone(3000)])
    spectrograms = audio.AudioEncoder(n_bands=10).fit_transform(tones)
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 12)[1:-1] / 2595) - 1)
    nearest = [np.abs(centres - frequency).argmin() for frequency in (300, 1000, 3000)]
    assert_array_equal(spectrograms.mean(axis=1).argmax(axis=1), nearest)


def test_the_encoder_keeps_the_contract(recordings):
    check_encoder(audio.AudioEncoder(), recordings[0]["clip"][:8])


def test_the_branch_keeps_the_contract(recordings):
    encoder = audio.AudioEncoder().fit(recordings[0]["clip"])
    sample = encoder.transform(recordings[0]["clip"])
    check_branch(audio.AudioBranch((4,)), encoder.spec("clip"), sample)


def test_the_branch_warns_of_no_mask(recordings):
    encoder = audio.AudioEncoder().fit(recordings[0]["clip"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio.AudioBranch((4,)).build(encoder.spec("clip"))


@pytest.mark.parametrize(("cells", "reason"), [(["a.wav", None], "paths of wav files"), (["a", "b"], None)])
def test_suits_says_why(cells, reason):
    assert audio.AudioEncoder.suits(pd.Series(cells, dtype=object)) == reason
    assert audio.AudioEncoder.suits(pd.Series([tone(300)])) == "wav files"


def test_kinds_give_a_column_the_encoder(fitted):
    assert fitted.router_.specs_["clip"].kind == "audio"
    assert fitted.router_.plan_.set_index("column").loc["clip", "encoder"] == "AudioEncoder"


def test_an_input_with_the_encoder_is_the_same_as_its_kind(fitted, recordings):
    frame, _ = recordings
    named = InputRouter([("clip", audio.AudioEncoder(), "clip")]).fit(frame)
    assert_array_equal(named.transform(frame)["clip"], fitted.router_.transform(frame)["clip"])


def test_the_default_branch_reads_the_array(recordings):
    frame, y = recordings
    clf = MultiInputClassifier(InputRouter([("clip", audio.AudioEncoder(), "clip")]), epochs=1, random_state=0)
    assert isinstance(clf.fit(frame, y).branches_["clip"], audio.AudioBranch)


def test_missing_recordings_have_a_flag_and_a_prediction(fitted, recordings):
    frame, _ = recordings
    flags = fitted.router_.transform(frame)["clip__missing"]
    assert np.flatnonzero(flags).tolist() == [3, 17]
    assert np.isfinite(fitted.predict_proba(frame)).all()


def test_a_clone_fits_the_same(fitted, recordings):
    frame, y = recordings
    again = clone(fitted).fit(frame, y)
    assert_array_equal(again.predict_proba(frame), fitted.predict_proba(frame))


def test_a_pickle_predicts_the_same(fitted, recordings):
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict_proba(recordings[0]), fitted.predict_proba(recordings[0]))


def test_a_saved_file_needs_both_classes_by_name(fitted, recordings, tmp_path):
    path = tmp_path / "model.skmulti"
    skmulti.save(fitted, path)
    with pytest.raises(skmulti.UntrustedTypesError) as caught:
        skmulti.load(path)
    assert caught.value.names == ["audio_kind.AudioBranch", "audio_kind.AudioEncoder"]
    again = skmulti.load(path, trusted=[audio.AudioBranch, audio.AudioEncoder])
    assert_array_equal(again.predict_proba(recordings[0]), fitted.predict_proba(recordings[0]))


def test_a_search_sets_parameters_of_branch_and_encoder(recordings):
    frame, y = recordings
    inputs = InputRouter([("clip", audio.AudioEncoder(), "clip")])
    grid = {"branches__clip__filters": [(2,), (4,)], "router__clip__n_bands": [8]}
    search = GridSearchCV(MultiInputClassifier(inputs, epochs=1, random_state=0), grid, cv=2).fit(frame, y)
    best = search.best_estimator_
    assert best.router_.specs_["clip"].shape[1] == 8
    assert best.branches_["clip"].filters == search.best_params_["branches__clip__filters"]


def test_lazy_files_give_the_weights_of_files_in_memory(fitted, files, recordings):
    frame, folder = files
    lazy = classifier(audio.AudioEncoder(folder=str(folder), lazy=True)).fit(frame, recordings[1])
    assert_allclose(lazy.predict_proba(frame), fitted.predict_proba(recordings[0]), atol=1e-6)


def test_parts_teach_what_all_rows_do(recordings):
    clips = recordings[0]["clip"]
    whole, parts = audio.AudioEncoder().fit(clips), audio.AudioEncoder()
    for start in (0, 15, 30):
        parts.partial_fit(clips[start : start + 15])
    assert (parts.rate_, parts.n_frames_) == (whole.rate_, whole.n_frames_)
    parts.end_parts()
    assert_array_equal(parts.transform(clips), whole.transform(clips))


def test_parts_that_are_learned_apart_teach_what_all_rows_do(recordings):
    frame = recordings[0]
    router = InputRouter(kinds={"clip": audio.AudioEncoder()})
    parts = router.begin_parts(frame)
    learned = parts.learn(frame[:15]).merge(parts.learn(frame[15:15]).merge(parts.learn(frame[15:])))
    reader = parts.reader(learned)
    apart = parts.finish(learned, frame, reader.read(frame[:15]).merge(reader.read(frame[15:])))
    assert apart.specs_ == router.fit(frame).specs_
    assert_array_equal(apart.transform(frame)["clip"], router.transform(frame)["clip"])


def test_a_table_in_parts_is_fitted(recordings, tmp_path):
    frame, y = recordings
    for i in range(2):
        frame.assign(y=y)[i * 20 : i * 20 + 20].to_parquet(tmp_path / f"{i}.parquet")
    clf = classifier(audio.AudioEncoder()).fit(tmp_path, "y")
    assert clf.router_.specs_["clip"].missing_name == "clip__missing"


def test_a_broken_recording_is_named_with_its_row(fitted, recordings):
    frame = recordings[0].rename(index=lambda i: f"row {i}").copy()
    frame.loc["row 5", "clip"] = b"RIFF but no recording"
    message = (
        r"Input 'clip' \(column 'clip'\): 1 of 40 cells are not wav files that can be read, first at "
        r"row label 'row 5': b'RIFF but no recording' \(type bytes\). Give existing wav files .* "
        r"AudioEncoder\(on_odd=\"missing\"\)"
    )
    with pytest.raises(skmulti.InputMismatchError, match=message):
        fitted.predict(frame)


def test_a_recording_of_another_rate_is_refused(fitted, recordings):
    frame = recordings[0][:3].copy()
    frame["clip"] = [tone(300), tone(300, rate=16_000), None]
    with pytest.raises(skmulti.InputMismatchError, match=r"not sampled at 8000 Hz.*row label 1.*Resample them"):
        fitted.predict(frame)


def test_broken_recordings_can_count_as_missing(recordings):
    frame = recordings[0].copy()
    frame.loc[5, "clip"] = b"RIFF but no recording"
    router = InputRouter([("clip", audio.AudioEncoder(on_odd="missing"), "clip")])
    with pytest.warns(OddCellsWarning, match="1 of 40 cells are not wav files"):
        router.fit(frame)
    with pytest.warns(OddCellsWarning, match="1 of 40 cells"):
        assert np.flatnonzero(router.transform(frame)["clip__missing"]).tolist() == [3, 5, 17]


def test_louder_recordings_are_a_shift(fitted, recordings):
    frame = recordings[0]
    quiet = [None if clip is None else clip[:44] + _halved(clip[44:], 16) for clip in frame["clip"]]
    compared = fitted.router_.compare(frame.assign(clip=quiet))
    assert compared.loc["clip", "shifted"]
    assert "level" in compared.loc["clip", "reason"]
    assert not fitted.router_.compare(frame).loc["clip", "shifted"]


def _halved(content, by):
    return (np.frombuffer(content, "<i2") // by).astype("<i2").tobytes()


def test_rows_of_json_hold_recordings_in_base64(fitted):
    pytest.importorskip("pydantic")
    row_model = skmulti.records_schema(fitted)
    content = tone(300)
    row = row_model.model_validate({"clip": base64.b64encode(content).decode(), "load": 50})
    assert row.record() == {"clip": content, "load": 50.0}
    with pytest.raises(ValueError, match="not a wav file"):
        row_model.model_validate({"clip": base64.b64encode(b"no recording").decode(), "load": 50})


def test_the_graph_encodes_as_the_encoder_does(fitted, recordings):
    clips = recordings[0]["clip"][:6]
    graph = fitted.router_.encoders_["clip"].graph()
    contents = tf.constant(["\\N" if clip is None else clip for clip in clips])
    assert_allclose(graph.encode(contents), fitted.router_.encoders_["clip"].transform(clips), atol=0.02)
    assert_array_equal(graph.missing(contents), clips.isna())


def test_an_exported_model_takes_contents(fitted, recordings, tmp_path):
    frame = recordings[0][:6]
    model = tf.saved_model.load(skmulti.export(fitted, tmp_path / "model"))
    answer = model.signatures["serving_default"](
        clip=tf.constant(["\\N" if clip is None else clip for clip in frame["clip"]]),
        load=tf.constant(frame["load"], tf.float64),
    )
    assert_allclose(answer["probabilities"], fitted.predict_proba(frame), atol=1e-3)


def test_a_branch_without_masks_fills_steps_of_nan():
    spec = skmulti.ArraySpec("clip", "audio", (4, 2), "float32")
    model = audio.AudioBranch((3,)).build(spec)
    rows = np.zeros((2, 4, 2), "float32")
    rows[1] = np.nan
    outputs = model.predict(rows, verbose=0)
    # Without a sample, the learned value starts at zero.
    assert_array_equal(outputs[0], outputs[1])


# One encoder of each kind in the table of `docs/extending/index.md`, and cells that it reads.
KINDS = {
    "vector": (skmulti.NumberScaler(add_indicator=False), pd.DataFrame({"a": [1.0, None], "b": [2.0, None]})),
    "category": (skmulti.CategoryIndexer(), pd.DataFrame({"a": ["x", None], "b": ["y", None]})),
    "text": (skmulti.TextVectorizer(), pd.Series(["some words", None])),
    "image": (skmulti.ImageDecoder(size=(2, 3)), pd.Series([np.full((2, 3, 3), 255, "uint8"), None])),
    "sequence": (skmulti.SequencePadder(), pd.Series([[[1.0, 2.0], [3.0, 4.0]], None])),
    "tags": (skmulti.TagsIndexer(), pd.Series([["x", "y"], None])),
}


def kinds_of_the_page():
    """Return the cells of the table of kinds, by kind."""
    page = (ROOT / "docs/extending/index.md").read_text(encoding="utf-8")
    lines = page.split("## Kinds and their arrays")[1].splitlines()
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0]: row[1:] for row in rows}


def test_the_page_lists_every_kind_of_the_package():
    made = {kind for encoder in skmulti.inputs.ENCODERS for kind in encoder.default_branch.reads}
    assert made == set(kinds_of_the_page()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_what_an_array_holds(kind):
    shape, dtype, _, nothing, branch = kinds_of_the_page()[kind]
    encoder, cells = KINDS[kind]
    array = clone(encoder).fit_transform(cells)
    spec = clone(encoder).fit(cells).spec("a")
    assert (spec.kind, spec.dtype) == (kind, dtype)
    assert encoder.default_branch.__name__ in branch
    assert len(spec.shape) == len(shape.strip("(,)").split(","))
    assert np.isnan(array[1]).all() if "NaN" in nothing else (array[1] == 0).all()
    assert encoder.flags_missing == ("flag" in nothing)


def test_the_page_shows_the_file():
    from test_docstrings import blocks

    example = EXAMPLE.read_text(encoding="utf-8")
    shown = [code for _, code in blocks(ROOT / "docs/extending/kind.md") if code.startswith(("class ", "def "))]
    assert len(shown) >= 5
    for code in shown:
        assert code in example
