"""Tokenizers of pretrained networks, and networks that read their ids: by hand, with tiny ones of random weights."""

import copy
import json
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmulti import (
    ArraySpec,
    BackboneBranch,
    BranchMismatchError,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    PretrainedTokenizer,
    TextBranch,
    explain_rows,
    load,
    save,
)
from skmulti.network import cut

tokenizers = pytest.importorskip("tokenizers")

WORDS = ("good", "bad", "food", "paris", "##s", "in")
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS)
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", *WORDS)
TEXTS = pd.Series(["good food", "bad foods in paris", None, "", "good paris"], name="review")


def write_tokenizer(folder, words=BERT):
    """Write a tokenizer of pieces of words, and return its path; BERT and RoBERTa differ in the id of padding."""
    begin, end = (words[2], words[3]) if words is BERT else (words[0], words[2])
    ids = {word: i for i, word in enumerate(words)}
    unknown = "[UNK]" if words is BERT else "<unk>"
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token=unknown))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, ids[begin]), (end, ids[end])]
    )
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture
def path(tmp_path):
    return write_tokenizer(tmp_path)


def test_ids_are_those_of_the_tokenizer_and_padding_is_zero(path):
    encoder = PretrainedTokenizer(path, length=None).fit(TEXTS)
    expected = [[2, 4, 6, 3, 0, 0, 0], [2, 5, 6, 8, 9, 7, 3], [0] * 7, [0] * 7, [2, 4, 7, 3, 0, 0, 0]]

    array, missing = encoder.encode_and_flag(TEXTS)
    assert_array_equal(array, expected)
    assert missing.tolist() == [False, False, True, False, False]
    assert encoder.words() == BERT[2:]
    spec = encoder.spec("review")
    assert (spec.kind, spec.shape, spec.vocabulary_sizes, spec.padding_id) == ("text", (7,), (10,), 0)


def test_another_id_of_padding_trades_places_with_zero(tmp_path):
    encoder = PretrainedTokenizer(write_tokenizer(tmp_path, ROBERTA)).fit(TEXTS)

    assert encoder.transform(TEXTS[:1]).tolist() == [[1, 4, 6, 2, *[0] * (encoder.length_ - 4)]]
    assert (encoder.padding_id_, encoder.spec("a").padding_id) == (1, 1)
    assert encoder.words() == ROBERTA[2:]


def test_a_tokenizer_without_padding_gets_an_id_for_it(tmp_path):
    ids = {"a": 0, "b": 1}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="b"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = PretrainedTokenizer(tmp_path).fit(pd.Series(["a b a", "b"]))

    assert_array_equal(encoder.transform(pd.Series(["a b a", "b"])), [[2, 1, 2], [1, 0, 0]])
    table = np.array([[1.0, 2.0], [3.0, 4.0]])
    model = TextBranch("pool", embeddings=table, train_embeddings=False).build(encoder.spec("a"))
    assert_allclose(model(np.array([[2, 1, 0]]))[0, :2], table.mean(axis=0))


def test_long_texts_keep_the_mark_of_their_end(path):
    encoder = PretrainedTokenizer(path, length=4).fit(TEXTS)

    assert_array_equal(encoder.transform(TEXTS[1:2]), [[2, 5, 6, 3]])
    assert PretrainedTokenizer(path, length=None).fit(pd.Series(["good " * 999])).length_ == 512
    assert PretrainedTokenizer(path, length=600).fit(TEXTS).length_ == 600


def test_marks_of_begin_and_end_may_be_left_out(path):
    encoder = PretrainedTokenizer(path, length=2, special_tokens=False).fit(TEXTS)

    assert_array_equal(encoder.transform(TEXTS[:2]), [[4, 6], [5, 6]])


def test_parts_teach_what_the_whole_does(path):
    whole = PretrainedTokenizer(path, length=0.5).fit(TEXTS)
    first, second = (PretrainedTokenizer(path, length=0.5).begin_parts(TEXTS) for _ in range(2))
    merged = first.partial_fit(TEXTS[:2]).merge(second.partial_fit(TEXTS[2:]))
    in_order = PretrainedTokenizer(path, length=0.5).partial_fit(TEXTS[:2]).partial_fit(TEXTS[2:])

    for encoder in (merged, in_order, pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)):
        assert encoder.length_ == whole.length_ == 4
        assert_array_equal(encoder.transform(TEXTS), whole.transform(TEXTS))


def test_tokens_are_found_in_their_text(path):
    encoder = PretrainedTokenizer(path, length=None).fit(TEXTS)
    pieces = encoder.pieces(TEXTS[1:2], encoder.transform(TEXTS[1:2]))[0]

    assert [TEXTS[1][slice(*piece.span)] for piece in pieces] == ["bad", "food", "s", "in", "paris"]
    assert [piece.slots for piece in pieces] == [(1,), (2,), (3,), (4,), (5,)]


def test_unknown_tokens_are_measured(path):
    found = PretrainedTokenizer(path, length=4).fit(TEXTS).measure(pd.Series(["good xyz", None], name="review"))[0]

    assert_array_equal(found["unseen"], [0.25, np.nan])
    assert_array_equal(found["truncated"], [False, False])


def test_cells_that_are_no_text_are_refused(path):
    with pytest.raises(InputMismatchError, match=r"column 'review': 1 of 2 cells are not text, first .* 1: 5"):
        PretrainedTokenizer(path).fit(pd.Series(["good", 5], name="review"))
    assert PretrainedTokenizer(path, on_odd="missing").fit(pd.Series(["good", 5])).length_ == 3


WRONG = {
    "no file": (lambda folder: folder / "absent.json", "absent.json' is no tokenizer"),
    "empty folder": (lambda folder: folder, "is no tokenizer"),
    "no JSON": (lambda folder: folder / "a.txt", r"the file holds no tokenizer, but b'hello'"),
    "other JSON": (lambda folder: folder / "b.json", "the file holds no tokenizer"),
}


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_tokenizer_is_refused(source, message, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(ValueError, match=message) as error:
        PretrainedTokenizer(source(tmp_path)).fit(TEXTS)
    assert len(str(error.value)) <= 600


# --- networks that read the ids


def bert(words, *, as_list=False, several=True):
    """Return a small network of random weights with the inputs and outputs of a BERT."""
    keras.utils.set_random_seed(0)
    names = ["token_ids", "padding_mask", "segment_ids"]
    ids, mask, types = inputs = [keras.Input((None,), dtype="int32", name=name) for name in names]
    steps = keras.layers.Add()([keras.layers.Embedding(len(words), 8)(ids), keras.layers.Embedding(2, 8)(types)])
    seen = keras.layers.Reshape((1, -1))(mask)
    steps = keras.layers.Add()([steps, keras.layers.MultiHeadAttention(2, 4)(steps, steps, attention_mask=seen)])
    steps = keras.layers.LayerNormalization()(keras.layers.Dense(8)(steps))
    outputs = {"sequence_output": steps, "pooled_output": keras.layers.GlobalAveragePooling1D()(steps)}
    inputs = inputs if as_list else dict(zip(names, inputs, strict=True))
    return keras.Model(inputs, outputs if several else steps)


def by_hand(network, path, texts, padding_id, as_list):
    """Return the average over the tokens of each text, as libraries of such networks compute it."""
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    rows = [tokenizer.encode(text).ids for text in texts]
    ids = np.full((len(rows), max(map(len, rows))), padding_id)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    parts = [ids, mask, np.zeros_like(ids)]
    names = ("token_ids", "padding_mask", "segment_ids")
    output = network(parts if as_list else dict(zip(names, parts, strict=True)))
    steps = np.asarray(output["sequence_output"] if isinstance(output, dict) else output)
    return (steps * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("words", [BERT, ROBERTA], ids=["bert", "roberta"])
@pytest.mark.parametrize(("as_list", "several"), [(False, True), (True, False)], ids=["dicts", "lists"])
def test_network_gets_ids_mask_and_types_as_by_hand(words, as_list, several, tmp_path):
    path = write_tokenizer(tmp_path, words)
    network = bert(words, as_list=as_list, several=several)
    texts = ["good food", "bad foods in paris", "paris"]
    encoder = PretrainedTokenizer(path, length=12).fit(texts)
    model = BackboneBranch(network).build(encoder.spec("review"))

    expected = by_hand(network, path, texts, words.index("[PAD]" if words is BERT else "<pad>"), as_list)
    assert_allclose(model(encoder.transform(texts)), expected, atol=1e-6)
    assert not model.trainable_weights


@pytest.mark.parametrize(("params", "length"), [({}, None), ({"pooling": "flatten"}, 12)])
def test_features_are_of_texts_of_any_length_where_padding_is_marked(path, params, length):
    encoder = PretrainedTokenizer(path, length=12).fit(TEXTS)
    features = BackboneBranch(bert(BERT), **params).features(encoder.spec("review"), None)

    assert features.input_shape == (None, length)


def test_features_of_a_network_that_is_not_told_of_padding_have_its_length(path):
    ids = keras.Input((None,), dtype="int32")
    network = keras.Model(ids, keras.layers.Embedding(10, 4)(ids))
    features = BackboneBranch(network).features(PretrainedTokenizer(path, length=12).fit(TEXTS).spec("review"), None)

    assert features.input_shape == (None, 12)


def test_the_same_text_has_the_same_prediction_however_many_are_predicted(frozen):
    est, _, X, _ = frozen
    alone = np.concatenate([est.predict_proba(X[i : i + 1]) for i in range(4)])

    assert_allclose(est.predict_proba(X[:4]), alone, rtol=1e-5)


def reviews(n=48):
    texts = ["good food", "bad foods in paris", "good paris", "bad food in food"]
    X = pd.DataFrame({"review": [*texts[: n % 4], *texts * (n // 4)]})
    return X, X["review"].str.contains("good").astype(int)


def fitted(path, network=None, **params):
    network = bert(BERT) if network is None else network
    router = InputRouter([("review", PretrainedTokenizer(path), "review")])
    branches = {"review": BackboneBranch(network, **params)}
    return MultiInputClassifier(router, branches=branches, epochs=10, random_state=0, optimizer__learning_rate=0.05)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """Return an estimator that was fitted behind a frozen network, the network, and the rows; the files are gone."""
    path = write_tokenizer(tmp_path_factory.mktemp("tokenizer"))
    network = bert(BERT)
    X, y = reviews()
    est = fitted(path, network).fit(X, y)
    path.unlink()
    return est, network, X, y


def test_frozen_network_stays_and_what_follows_learns(frozen):
    est, network, X, y = frozen
    inside = next(layer for layer in est.model_.layers if layer.name == "review__features").weights

    assert est.score(X, y) == 1
    assert len(inside) == len(network.weights)
    for own, given in zip(inside, network.weights, strict=True):
        assert_array_equal(own, given)


def test_pickles_and_files_need_the_tokenizers_file_no_more(frozen, tmp_path):
    est, _, X, _ = frozen
    save(est, tmp_path / "est.skmulti")
    for other in (pickle.loads(pickle.dumps(est)), load(tmp_path / "est.skmulti")):
        assert_array_equal(other.predict_proba(X), est.predict_proba(X))


def test_rows_without_text_have_finite_predictions(frozen):
    with pytest.warns(UserWarning, match="review"):
        assert np.isfinite(frozen[0].predict_proba(pd.DataFrame({"review": ["good", None, ""]}))).all()


def test_contributions_are_of_tokens(frozen):
    est, _, X, _ = frozen
    words = explain_rows(est, X[1:2]).words["review"][0]

    assert [word for word, _ in words] == ["bad", "food", "s", "in", "paris"]


def test_last_layers_are_fine_tuned(path):
    X, y = reviews()
    est = fitted(path, trainable=2, unfreeze_at=2).set_params(epochs=4).fit(X, y)

    trained = {weight.path.rsplit("/", 2)[-2] for weight in est.model_.trainable_weights}
    # The dense layer and the normalisation of the network; nothing before them.
    assert {name.split("_")[0] for name in trained if not name.startswith("head")} == {"dense", "layer"}


def test_text_branch_reads_the_ids_too(path):
    X, y = reviews()
    vectors = {"good": [1.0, 0.0], "bad": [-1.0, 0.0], "food": [0.0, 1.0]}
    branches = {"review": TextBranch(embeddings=vectors, train_embeddings=False)}
    est = fitted(path).set_params(branches=branches).fit(X, y)

    assert_allclose(est.embed(pd.DataFrame({"review": ["good", "bad"]}), "review"), [[1, 0], [-1, 0]], atol=1e-6)


def test_an_input_of_unknown_meaning_is_refused(path):
    ids, other = keras.Input((None,), dtype="int32", name="token_ids"), keras.Input((None,), name="weather")
    network = keras.Model([ids, other], keras.layers.Embedding(10, 4)(ids) * keras.layers.Reshape((-1, 1))(other))
    with pytest.raises(BranchMismatchError, match=r"Input 'review'.* has an input 'weather', whose meaning"):
        BackboneBranch(network).build(ArraySpec("review", "text", (4,), "int32", vocabulary_sizes=(10,)))


def test_outputs_of_unknown_meaning_are_refused():
    ids = keras.Input((None,), dtype="int32")
    steps = keras.layers.Embedding(10, 4)(ids)
    network = keras.Model(ids, {"a": steps, "b": steps})
    with pytest.raises(BranchMismatchError, match=r"Input 'review'.* returns 'a' and 'b'; expected one tensor"):
        BackboneBranch(network).build(ArraySpec("review", "text", (4,), "int32", vocabulary_sizes=(10,)))


# --- KerasHub


def write_preset(folder):
    """Write tokenizer and network of a tiny BERT, and return both."""
    hub = pytest.importorskip("keras_hub")
    tokenizer = hub.models.BertTokenizer(
        vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS], lowercase=True
    )
    network = hub.models.BertBackbone(
        vocabulary_size=11, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=16
    )
    network.save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return hub, tokenizer, network


def test_preset_in_a_folder_gives_what_keras_hub_gives(tmp_path):
    hub, tokenizer, network = write_preset(tmp_path)
    X, y = reviews()
    est = fitted(tmp_path, str(tmp_path)).fit(X, y)

    packed = hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=9)(X["review"][:4].tolist())
    steps, seen = np.asarray(network(packed)["sequence_output"]), np.asarray(packed["padding_mask"])[..., None]
    assert_allclose(est.embed(X[:4], "review"), (steps * seen).sum(axis=1) / seen.sum(axis=1), atol=1e-6)
    save(est, tmp_path / "est.skmulti")
    again = load(tmp_path / "est.skmulti", trusted=[hub.models.BertBackbone])
    for other in (pickle.loads(pickle.dumps(est)), again):
        assert_array_equal(other.predict_proba(X), est.predict_proba(X))


def test_last_layer_of_a_preset_is_one_that_its_steps_need(tmp_path):
    write_preset(tmp_path)
    encoder = PretrainedTokenizer(tmp_path).fit(TEXTS)
    branch = BackboneBranch(str(tmp_path), trainable=1)
    model = branch.build(encoder.spec("review"))
    branch.thaw(model.layers[1:], 0)

    assert {weight.path.split("/")[-3] for weight in model.trainable_weights} & {"self_attention_layer"}
    assert not any("pooled" in weight.path for weight in model.trainable_weights)
    found = cut(keras.Input(model.input.shape[1:], dtype="int32", name="review"), model.layers[1])
    ids = encoder.transform(TEXTS)
    assert found.fixed.weights
    assert_allclose(found.rest(found.fixed({"review": ids})), model.layers[1](ids), rtol=1e-5, atol=1e-6)


def test_preset_that_is_not_there_is_refused(tmp_path):
    pytest.importorskip("keras_hub")
    with pytest.raises(ValueError, match="PretrainedTokenizer: KerasHub has no tokenizer 'bert_nothing'") as error:
        PretrainedTokenizer("bert_nothing").fit(TEXTS)
    assert len(str(error.value)) <= 600
