"""BERT's encoder in numpy, for texts of equal length, so that no padding and no attention mask is needed.

After Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019): post-norm layers, learned
positions, exact GELU. float32 throughout, as the reference computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.ss.gelu import gelu

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Sizes:
    """Sizes of a BERT, from its ``config.json``.

    Attributes:
        hidden: width of a token.
        layers: number of layers.
        heads: attention heads a layer.
        epsilon: added to the variance in layer normalisation.
        positions: longest text, in tokens.
        vocabulary: number of tokens.
    """

    hidden: int
    layers: int
    heads: int
    epsilon: float
    positions: int
    vocabulary: int

    @classmethod
    def of(cls, config: Mapping[str, Any], where: str) -> Sizes:
        """Read the sizes.

        Args:
            config: content of ``config.json``.
            where: its path, for messages.

        Raises:
            EvalError: if it is not a BERT as this module runs it, or a size is missing.
        """
        expected = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        for key, value in expected.items():
            if config.get(key, value) != value:
                raise EvalError(f"{where}: {key} is {config[key]!r}, expected {value!r}; use a BERT encoder.")
        try:
            return cls(
                int(config["hidden_size"]),
                int(config["num_hidden_layers"]),
                int(config["num_attention_heads"]),
                float(config["layer_norm_eps"]),
                int(config["max_position_embeddings"]),
                int(config["vocab_size"]),
            )
        except KeyError as e:
            raise EvalError(f"{where}: no {e.args[0]}; expected the config.json of a BERT encoder.") from e


@dataclass(frozen=True)
class _Layer:
    """One layer; matrices are (in, out)."""

    qkv: tuple[Array, Array]
    attended: tuple[Array, Array]
    attended_norm: tuple[Array, Array]
    inner: tuple[Array, Array]
    outer: tuple[Array, Array]
    outer_norm: tuple[Array, Array]


class Bert:
    """The encoder.

    Args:
        sizes: its sizes.
        tensors: its weights by the names of transformers' ``BertModel``, float32.

    Raises:
        EvalError: if a weight is missing or has another shape.
    """

    def __init__(self, sizes: Sizes, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.sizes = sizes
        take = _Taker(tensors)
        h = sizes.hidden
        self._words = take("embeddings.word_embeddings.weight", sizes.vocabulary, h)
        places = take("embeddings.position_embeddings.weight", sizes.positions, h)
        # A single text is all of segment 0.
        self._places = places + take("embeddings.token_type_embeddings.weight", None, h)[0]
        self._norm = take.norm("embeddings", h)
        self._layers = [_layer(take, f"encoder.layer.{i}", sizes) for i in range(sizes.layers)]

    def __call__(self, ids: NDArray[np.int32]) -> Array:
        """Hidden states of the last layer.

        Args:
            ids: (texts, length) int32, tokens of texts of one length.

        Returns:
            (texts, length, hidden) float32.
        """
        texts, length = ids.shape
        x = (self._words[ids] + self._places[:length]).reshape(texts * length, self.sizes.hidden)
        self._normalise(x, self._norm)
        for layer in self._layers:
            x = self._run(layer, x, texts, length)
        states: Array = x.reshape(texts, length, self.sizes.hidden)
        return states

    def _run(self, layer: _Layer, x: Array, texts: int, length: int) -> Array:
        y = _linear(self._attend(_linear(x, layer.qkv), texts, length), layer.attended)
        y += x
        self._normalise(y, layer.attended_norm)
        inner = _linear(y, layer.inner)
        gelu(inner)
        z = _linear(inner, layer.outer)
        z += y
        self._normalise(z, layer.outer_norm)
        return z

    def _attend(self, qkv: Array, texts: int, length: int) -> Array:
        heads = self.sizes.heads
        shape = (texts, length, 3, heads, self.sizes.hidden // heads)
        q, k, v = qkv.reshape(shape).transpose(2, 0, 3, 1, 4)
        weights = np.matmul(q, k.swapaxes(-1, -2))
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=-1, keepdims=True)
        attended: Array = np.matmul(weights, v).transpose(0, 2, 1, 3)
        return attended.reshape(texts * length, self.sizes.hidden)

    def _normalise(self, x: Array, norm: tuple[Array, Array]) -> None:
        x -= x.mean(axis=-1, keepdims=True)
        variance = np.square(x).mean(axis=-1, keepdims=True)
        x /= np.sqrt(variance + np.float32(self.sizes.epsilon))
        x *= norm[0]
        x += norm[1]


def _linear(x: Array, weights: tuple[Array, Array]) -> Array:
    y: Array = x @ weights[0]
    y += weights[1]
    return y


def _layer(take: _Taker, name: str, sizes: Sizes) -> _Layer:
    h = sizes.hidden
    q, k, v = (take.linear(f"{name}.attention.self.{part}", h, h) for part in ("query", "key", "value"))
    # The scale of the scores is the query's.
    scale = np.float32((h // sizes.heads) ** -0.5)
    matrix = np.concatenate([q[0] * scale, k[0], v[0]], axis=1)
    bias = np.concatenate([q[1] * scale, k[1], v[1]])
    return _Layer(
        (matrix, bias),
        take.linear(f"{name}.attention.output.dense", h, h),
        take.norm(f"{name}.attention.output", h),
        take.linear(f"{name}.intermediate.dense", h, None),
        take.linear(f"{name}.output.dense", None, h),
        take.norm(f"{name}.output", h),
    )


class _Taker:
    """Takes weights out of a file, checked."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self._prefix = "bert." if "bert.embeddings.word_embeddings.weight" in tensors else ""

    def __call__(self, name: str, *shape: int | None) -> Array:
        tensor = self._tensors.get(self._prefix + name)
        if tensor is None:
            raise EvalError(
                f"the weights have no '{name}'; expected the model.safetensors of a BERT encoder."
            )
        fits = len(shape) == tensor.ndim and all(
            want in (None, have) for want, have in zip(shape, tensor.shape, strict=True)
        )
        if not fits:
            raise EvalError(f"'{name}' has shape {tensor.shape}, expected {shape}; config.json is another's.")
        return np.asarray(tensor, dtype=np.float32)

    def linear(self, name: str, inputs: int | None, outputs: int | None) -> tuple[Array, Array]:
        weight = self(f"{name}.weight", outputs, inputs)
        return np.ascontiguousarray(weight.T), self(f"{name}.bias", weight.shape[0])

    def norm(self, name: str, width: int) -> tuple[Array, Array]:
        return self(f"{name}.LayerNorm.weight", width), self(f"{name}.LayerNorm.bias", width)
