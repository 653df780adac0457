"""A model put together out of the tensors of a checkpoint, with account of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from earthmarker.convert.report import ConversionReport
from earthmarker.convert.weights import misfit, some
from earthmarker.errors import EarthMarkerError

Pair = tuple[str, str, Tensor]


class Assembly:
    """Collects tensors for a model.

    Attributes:
        result: name in the model to tensor.
        report: what became of the checkpoint's tensors.
        left: tensors of the checkpoint that have not been used.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        target: Mapping[str, Any],
        report: ConversionReport,
        dtype: torch.dtype,
    ) -> None:
        self.left = dict(state)
        self.result: dict[str, Tensor] = {}
        self.report = report
        self._target = target
        self._dtype = dtype

    def wants(self, prefix: str) -> bool:
        """Whether the model has anything of that name."""
        return any(name.startswith(prefix) for name in self._target)

    def part(self, what: str, prefix: str, pairs: Iterable[Pair], hint: str) -> None:
        """Use tensors for a whole part of the model.

        Args:
            what: the part, for messages.
            prefix: of its names in the model.
            pairs: name in the checkpoint, name in the model without the prefix, and tensor.
            hint: what to change where they do not fit.

        Raises:
            EarthMarkerError: if they are not exactly the part's names and shapes.
        """
        expected = {k: t for k, t in self._target.items() if k.startswith(prefix)}
        given: dict[str, Tensor] = {}
        for source, name, tensor in pairs:
            given[prefix + name] = tensor
            self.use(source, prefix + name)
        if difference := misfit(expected, given):
            raise EarthMarkerError(f"{what} of the checkpoint does not fit: {difference}; {hint}")
        self.add(given)

    def use(self, source: str, name: str) -> None:
        """Note that a tensor of the checkpoint became one of the model, or rows of it."""
        self.left.pop(source, None)
        self.report.used.setdefault(source, []).append(name)

    def add(self, tensors: Mapping[str, Tensor]) -> None:
        """Put tensors into the result, in its dtype."""
        for name, tensor in tensors.items():
            self.result[name] = tensor.detach().to(self._dtype).contiguous()

    def rows(self, name: str, tensor: Tensor, std: float) -> Tensor:
        """A table with as many rows as the model has: new ones are random and named in the report.

        Args:
            name: of the table in the model.
            tensor: (rows, width) of the checkpoint.
            std: of the new rows.

        Raises:
            EarthMarkerError: if the model has fewer rows.
        """
        wanted, have = self._target[name].shape[0], tensor.shape[0]
        if wanted < have:
            raise EarthMarkerError(f"{name} has {have} rows in the checkpoint, but {wanted} in the model")
        if wanted == have:
            return tensor
        self.report.initialised.append(f"{name}[{have}:{wanted}]")
        new = torch.randn(wanted - have, *tensor.shape[1:]) * std
        return torch.cat([tensor, new.to(tensor.dtype)])

    def account(self, reasons: Iterable[tuple[Callable[[str], object], str]]) -> None:
        """Give every tensor that was not used its reason.

        Args:
            reasons: test of a name, and the reason where it holds; the first that holds is taken.

        Raises:
            EarthMarkerError: if a tensor has none.
        """
        reasons = list(reasons)
        lost = []
        for key in self.left:
            reason = next((why for holds, why in reasons if holds(key)), None)
            if reason is None:
                lost.append(key)
            else:
                self.report.unused[key] = reason
        if lost:
            raise EarthMarkerError(
                f"the checkpoint has {some(lost)}, which {'has' if len(lost) == 1 else 'have'} no place in "
                "EarthMarker; if the model may do without, name their beginning in ignore"
            )
