"""The sizes that memory and time go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from earthmarker.configuration_earthmarker import EarthMarkerConfig


@dataclass(frozen=True)
class Decoder:
    """Sizes of a Llama-like decoder.

    Attributes:
        layers: how many.
        width: of the residual stream.
        inner: of the MLP.
        queries: heads times their width.
        keys: key heads times their width.
        words: size of the vocabulary.
    """

    layers: int
    width: int
    inner: int
    queries: int
    keys: int
    words: int

    @classmethod
    def of(cls, text: Any) -> Decoder:
        """Sizes of a decoder's configuration."""
        head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        return cls(
            text.num_hidden_layers,
            text.hidden_size,
            text.intermediate_size,
            text.num_attention_heads * head,
            (text.num_key_value_heads or text.num_attention_heads) * head,
            text.vocab_size,
        )

    @property
    def layer(self) -> int:
        """Parameters of a layer's matrices: q, k, v, o, and gate, up, down."""
        return 2 * self.width * (self.queries + self.keys) + 3 * self.width * self.inner


def image_tokens(config: EarthMarkerConfig) -> int:
    """Placeholders of a row: its picture and its prompt."""
    return 2 * config.image_seq_length


def row_tokens(config: EarthMarkerConfig, text: int) -> int:
    """Tokens of a row: the beginning of sequence, two images with two boundaries each, and ``text``."""
    return 1 + image_tokens(config) + 4 + text


def record_bytes(config: EarthMarkerConfig) -> int:
    """Bytes of one record of the feature cache: bfloat16 features of one canvas."""
    return config.image_seq_length * config.feature_size * 2
