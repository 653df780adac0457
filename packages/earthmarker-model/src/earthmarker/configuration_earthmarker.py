"""Configuration of EarthMarker, with every choice that the paper leaves open."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from earthmarker.prompts import style_of

Stream = dict[str, Any]


def _default_streams() -> list[Stream]:
    return [{"encoder": "convnext", "size": 512}, {"encoder": "dino", "size": 224}]


@strict
class EarthMarkerConfig(PreTrainedConfig):
    """What an EarthMarker is made of.

    The paper (EarthMarker, section III-A) names a mixture of visual experts with DINOv2-ViT L/14 and
    CLIP-ConvNeXt, inputs at several resolutions, features brought to one size and concatenated by channel.
    It publishes no code; what it leaves open is a field here. The defaults follow SPHINX-X
    (LLaMA2-Accessory, ``llama_ens_light``), the closest code that exists.

    Attributes:
        dino_config: of the DINOv2 encoder (``Dinov2Model``).
        convnext_config: of the CLIP-ConvNeXt trunk (``ConvNextModel``).
        text_config: of the decoder, any decoder with ``q_proj``, ``k_proj``, ``v_proj`` and ``o_proj``.
        image_size: side of the square canvas that the processor gives, in pixels.
        streams: what is looked at: one ``{"encoder": "dino" | "convnext", "size": pixels}`` for each pass
            of an encoder over the canvas at that side. Features of all streams are concatenated by channel.
            One stream an encoder is SPHINX-X's reading of the paper's equation 1, several an encoder the
            multi-scale reading.
        grid: side of the grid that features are brought to; an image is ``grid * grid`` tokens.
        class_token: one token more before the grid: DINOv2's class token beside the mean of the ConvNeXt map.
        projector: ``linear`` is Linear and LayerNorm as in SPHINX-X; ``mlp`` puts a GELU and a second
            Linear before the norm.
        max_marks: marks that prompts tell apart.
        prompt_style: fields of :class:`earthmarker.prompts.PromptStyle`.
        image_token_id: placeholder of one image feature.
        boundary_token_ids: tokens around an image and around a prompt: ``<img> </img> <vp> </vp>``. Their
            embeddings are the projector's, learned with it.
        mov_fingerprint: hash of the encoders as they are seen by a feature cache; set when a model is built.
        load_mov: whether the model has its encoders; without them it reads cached features only.
    """

    model_type = "earthmarker"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "dino_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="dinov2",
            init_kwargs={
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": 518,
            },
        ),
        "convnext_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="convnext",
            # convnext_xxlarge as open_clip builds it with timm: norm_eps is 1e-5 there, in every norm.
            init_kwargs={
                "hidden_sizes": [384, 768, 1536, 3072],
                "depths": [3, 4, 30, 3],
                "layer_norm_eps": 1e-5,
            },
        ),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
    }

    # Dictionaries until they are built, configurations after that.
    dino_config: Any = None
    convnext_config: Any = None
    text_config: Any = None
    image_size: int = 512
    streams: Any = None
    grid: int = 16
    class_token: bool = True
    projector: Literal["linear", "mlp"] = "linear"
    max_marks: int = 20
    prompt_style: dict[str, Any] | None = None
    image_token_id: int = 32000
    boundary_token_ids: list[int] | tuple[int, ...] = (32001, 32002, 32003, 32004)
    load_mov: bool = True
    mov_fingerprint: str | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in what was left out and refuse what cannot be built."""
        self.streams = _default_streams() if self.streams is None else self.streams
        super().__post_init__(**kwargs)
        self.tie_word_embeddings = self.tie_word_embeddings or self.text_config.tie_word_embeddings
        for field in ("image_size", "grid", "max_marks"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}: expected 1 or more")
        style_of(self.prompt_style)
        for stream in self.streams:
            if set(stream) != {"encoder", "size"} or stream["encoder"] not in ("dino", "convnext"):
                raise ValueError(
                    f'stream {stream}: expected {{"encoder": "dino" or "convnext", "size": pixels}}'
                )
            step = self._step(stream["encoder"])
            if stream["size"] < step or stream["size"] % step:
                raise ValueError(
                    f"stream {stream}: its size must be a multiple of {step}, the encoder's step"
                )
        if not self.streams:
            raise ValueError("an EarthMarker needs at least one stream to see with")
        if len(self.boundary_token_ids) != 4:
            raise ValueError("boundary_token_ids are four: around an image and around a prompt")

    def _step(self, encoder: str) -> int:
        """Pixels of a canvas for each place of an encoder's map."""
        if encoder == "dino":
            return int(self.dino_config.patch_size)
        return int(self.convnext_config.patch_size * 2 ** (len(self.convnext_config.hidden_sizes) - 1))

    @property
    def image_seq_length(self) -> int:
        """Tokens of one image, its two boundary tokens not counted."""
        return self.grid * self.grid + int(self.class_token)

    @property
    def feature_size(self) -> int:
        """Channels of the features of all streams together."""
        widths = {"dino": self.dino_config.hidden_size, "convnext": self.convnext_config.hidden_sizes[-1]}
        return sum(widths[stream["encoder"]] for stream in self.streams)
