"""EarthMarker: frozen visual experts, a projection, and a decoder that reads images as tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoModel, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling, ModelOutput
from transformers.modeling_utils import slice_logits_to_keep
from transformers.utils.generic import can_return_tuple

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.mov import MixtureOfVisualExperts
from earthmarker.projector import EarthMarkerProjector


@dataclass
class EarthMarkerModelOutput(BaseModelOutputWithPast):
    """Output of :class:`EarthMarkerModel`.

    ``image_hidden_states`` are the projected features, image by image.
    """

    image_hidden_states: Tensor | None = None


@dataclass
class EarthMarkerOutput(ModelOutput):
    """Output of :class:`EarthMarkerForConditionalGeneration`."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    image_hidden_states: Tensor | None = None


class EarthMarkerPreTrainedModel(PreTrainedModel):
    """What the two models share: how they are stored, initialised and split over devices."""

    config: EarthMarkerConfig
    config_class = EarthMarkerConfig
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    # With load_mov=False the encoders stay on disk; nothing else in a checkpoint goes unread.
    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^model\.mov\."]
    _skip_keys_device_placement: ClassVar[list[str]] = ["past_key_values"]
    _no_split_modules: ClassVar[list[str]] = [
        "MixtureOfVisualExperts",
        "EarthMarkerProjector",
        "LlamaDecoderLayer",
    ]
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EarthMarkerProjector):
            # On the scale of the LayerNorm's output beside it, so that boundaries are neither lost nor loud.
            init.normal_(module.boundary, mean=0.0, std=1.0)


class EarthMarkerModel(EarthMarkerPreTrainedModel):
    """The experts, the projection and the decoder, without the head."""

    def __init__(self, config: EarthMarkerConfig) -> None:
        super().__init__(config)
        self.mov: MixtureOfVisualExperts | None = MixtureOfVisualExperts(config) if config.load_mov else None
        self.projector = EarthMarkerProjector(config)
        self.language_model = AutoModel.from_config(config.text_config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The decoder's table of embeddings."""
        table: nn.Module = self.language_model.get_input_embeddings()
        return table

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the decoder's table of embeddings."""
        self.language_model.set_input_embeddings(value)

    def encode(self, pixel_values: Tensor) -> Tensor:
        """Frozen features of canvases, before the projection: (images, tokens, channels).

        Raises:
            ValueError: if the model was loaded without its encoders.
        """
        if self.mov is None:
            raise ValueError(
                "this model was loaded without its encoders (load_mov=False): give mov_features from the "
                "cache, or load it with them"
            )
        features: Tensor = self.mov(pixel_values)
        return features

    @can_return_tuple
    def get_image_features(
        self, pixel_values: Tensor | None = None, mov_features: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPooling:
        """Embeddings of images for the decoder.

        Args:
            pixel_values: (images, 3, side, side) canvases, pictures and prompts in the order of their
                placeholders.
            mov_features: (images, tokens, channels), the experts' features of the same canvases, from a
                cache.
            kwargs: not used; generation hands over what it has.

        Returns:
            ``last_hidden_state``: the experts' features; ``pooler_output``: a list of (tokens, width), one
            an image.

        Raises:
            ValueError: if not exactly one of the two is given.
        """
        if (pixel_values is None) == (mov_features is None):
            raise ValueError("give either pixel_values or mov_features, not both and not neither")
        features = self.encode(pixel_values) if pixel_values is not None else mov_features
        # A list, because generation expands and slices image outputs image by image.
        return BaseModelOutputWithPooling(
            last_hidden_state=features, pooler_output=list(self.projector(features))
        )

    def embed(self, input_ids: Tensor, image_embeds: Tensor | None) -> Tensor:
        """Embeddings of a sequence, with images and boundaries put in.

        Args:
            input_ids: (batch, length) int64.
            image_embeds: (images * tokens, width), or None where the sequence has no placeholder that is to
                be filled.

        Returns:
            (batch, length, width).

        Raises:
            ValueError: if placeholders and features differ in number.
        """
        embeds: Tensor = self.get_input_embeddings()(input_ids)
        boundary = self.projector(None).to(embeds.device, embeds.dtype)
        for row, token in zip(boundary, self.config.boundary_token_ids, strict=True):
            embeds = torch.where((input_ids == token)[..., None], row, embeds)
        if image_embeds is None:
            return embeds
        holes = input_ids == self.config.image_token_id
        if int(holes.sum()) != len(image_embeds):
            raise ValueError(
                f"{int(holes.sum())} image placeholders in the text, but {len(image_embeds)} image features: "
                f"an image is {self.config.image_seq_length} placeholders"
            )
        return embeds.masked_scatter(holes[..., None], image_embeds.to(embeds.device, embeds.dtype))

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        mov_features: Tensor | None = None,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        **kwargs: Any,
    ) -> EarthMarkerModelOutput:
        """Run the decoder over text, images and prompts.

        Args:
            input_ids: (batch, length) int64, with a placeholder for each feature of each image.
            pixel_values: see :meth:`get_image_features`.
            attention_mask: (batch, length), 0 where there is padding.
            position_ids: (batch, length), or None to count.
            past_key_values: keys and values of what was read before.
            inputs_embeds: (batch, length, width) instead of ``input_ids``; images must be in it already.
            mov_features: see :meth:`get_image_features`.
            mm_encoder_outputs: ``{"image": output of get_image_features}``, as generation hands it over.
            kwargs: for the decoder.

        Raises:
            ValueError: for contradicting inputs, or placeholders that do not fit the images.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        images = (mm_encoder_outputs or {}).get("image")
        if pixel_values is not None or mov_features is not None:
            if images is not None:
                raise ValueError("give images once: as pixel_values, mov_features or mm_encoder_outputs")
            images = self.get_image_features(pixel_values, mov_features, return_dict=True)
        image_embeds = torch.cat(list(images.pooler_output)) if images is not None else None
        if input_ids is not None:
            # A single token continues what was read before, and is not worth waiting for the device.
            if images is None and input_ids.shape[1] > 1 and (input_ids == self.config.image_token_id).any():
                raise ValueError(
                    f"{int((input_ids == self.config.image_token_id).sum())} image placeholders in the text, "
                    "but no image: give pixel_values, or mov_features from the cache"
                )
            inputs_embeds = self.embed(input_ids, image_embeds)
        elif image_embeds is not None:
            raise ValueError("with inputs_embeds, images must be in the embeddings already")
        outputs = self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        return EarthMarkerModelOutput(
            last_hidden_state=outputs.last_hidden_state,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=image_embeds,
        )


class EarthMarkerForConditionalGeneration(EarthMarkerPreTrainedModel, GenerationMixin):
    """EarthMarker with its language head."""

    _tied_weights_keys: ClassVar[dict[str, str]] = {
        "lm_head.weight": "model.language_model.embed_tokens.weight"
    }

    def __init__(self, config: EarthMarkerConfig) -> None:
        super().__init__(config)
        self.model = EarthMarkerModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The decoder's table of embeddings."""
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the decoder's table of embeddings."""
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """The head."""
        return self.lm_head

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Replace the head."""
        self.lm_head = value  # type: ignore[assignment]

    def get_image_features(self, **kwargs: Any) -> BaseModelOutputWithPooling:
        """See :meth:`EarthMarkerModel.get_image_features`."""
        return self.model.get_image_features(**kwargs)

    def _prepare_multimodal_encoder_kwargs_for_generation(
        self, model_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Encode cached features too; ``generate`` looks for pixels only and would drop them unsaid."""
        if (features := model_kwargs.pop("mov_features", None)) is not None:
            if model_kwargs.get("pixel_values") is not None:
                raise ValueError("give either pixel_values or mov_features, not both")
            outputs = model_kwargs.setdefault("mm_encoder_outputs", {})
            outputs["image"] = self.get_image_features(mov_features=features, return_dict=True)
        prepared: dict[str, Any] = super()._prepare_multimodal_encoder_kwargs_for_generation(model_kwargs)
        return prepared

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        mov_features: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        **kwargs: Any,
    ) -> EarthMarkerOutput:
        """See :meth:`EarthMarkerModel.forward`.

        Args:
            input_ids: see there.
            pixel_values: see there.
            attention_mask: see there.
            position_ids: see there.
            past_key_values: see there.
            inputs_embeds: see there.
            mov_features: see there.
            labels: (batch, length) int64, -100 where a token has no part in the loss.
            logits_to_keep: how many last positions get logits; 0 is all.
            mm_encoder_outputs: see there.
            kwargs: for the decoder and the loss (``num_items_in_batch``).
        """
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            mov_features=mov_features,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )
        logits = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.text_config.vocab_size, **kwargs
            )
        return EarthMarkerOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=outputs.image_hidden_states,
        )
