"""``earthmarker plan`` and ``earthmarker presets``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earthmarker_cli.options import PhaseName
from earthmarker_cli.output import Json, notice, print_json, stdout, table

if TYPE_CHECKING:
    from earthmarker.planning import PhasePlan, Plan

_GIB = 2**30


def plan(
    preset: Annotated[str, typer.Option(help="See `earthmarker presets`.", show_default=False)],
    gpus: Annotated[int, typer.Option(min=1, help="How many GPUs.")] = 8,
    gpu_memory: Annotated[float, typer.Option(min=1, help="Of each, in GiB.")] = 80,
    phase: Annotated[PhaseName | None, typer.Option(help="One phase; all three by default.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; those shipped for each phase by default.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Of an epoch; by default those of the paper's recipe.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Different pictures among the rows, for the size of the cache.")
    ] = None,
    text_tokens: Annotated[int, typer.Option(min=1, help="Of a row beside its images: an assumption.")] = 130,
    peak: Annotated[float, typer.Option(min=0.001, help="TFLOP/s of a GPU: A100, dense bfloat16.")] = 312.0,
    utilisation: Annotated[
        float, typer.Option(min=0.01, max=1, help="Part of the peak that is reached: an assumption.")
    ] = 0.4,
    cache: Annotated[bool, typer.Option("--cache", help="With a feature cache, without encoders.")] = False,
    eight_bit: Annotated[bool, typer.Option("--8bit", help="With 8-bit AdamW.")] = False,
    json: Json = False,
) -> None:
    """Estimate memory, time and disk of training a preset. Nothing of it is measured on GPUs."""
    from earthmarker.planning import plan as run
    from earthmarker.planning.plan import Machine
    from earthmarker.training import PHASES, Settings

    made = run(
        preset,
        Machine(gpus, gpu_memory, peak, utilisation, cached=cache, eight_bit=eight_bit),
        phases=[phase.value] if phase is not None else tuple(PHASES),
        settings=Settings.read(config) if config is not None else None,
        rows=rows,
        images=images,
        text_tokens=text_tokens,
    )
    if json:
        print_json(_as_json(made))
        return
    _print(made)
    notice(
        f"estimates, not measurements: {made.machine.peak:g} TFLOP/s a GPU at {utilisation:.0%}, "
        f"{text_tokens} tokens of text a row, 8 % of each GPU's memory left to CUDA"
    )


def presets(json: Json = False) -> None:
    """List the presets and their parameters."""
    from earthmarker.presets import PRESETS
    from earthmarker.presets.count import count

    parts = {name: count(name) for name in PRESETS}
    if json:
        print_json({n: {"summary": p.summary, "parameters": parts[n]} for n, p in PRESETS.items()})
        return
    made = table(
        "preset", "decoder", "encoders", "projector", "what", right=("decoder", "encoders", "projector")
    )
    for name, size in PRESETS.items():
        own = parts[name]
        decoder = sum(own[part] for part in ("attention", "mlp", "norms", "embeddings", "head"))
        made.add_row(
            name,
            _count(decoder),
            _count(own["dino"] + own["convnext"]),
            _count(own["projector"]),
            size.summary,
        )
    stdout().print(made)


def _count(number: float) -> str:
    for unit, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.2f}{name}"
    return f"{number:g}"


def _as_json(made: Plan) -> dict[str, Any]:
    data = asdict(made)
    data["parameters"] = made.parameters
    for phase, entry in zip(made.phases, data["phases"], strict=True):
        entry["fits"] = phase.fits
        for option, fields in zip(phase.options, entry["options"], strict=True):
            fields["memory"]["total"] = option.memory.total
    return data


def _print(made: Plan) -> None:
    out = stdout()
    parts = ", ".join(f"{part} {_count(n)}" for part, n in made.parts.items() if n and part != "lora")
    out.print(f"[bold]{made.preset}[/]: {_count(made.parameters)} parameters ({parts})")
    for phase in made.phases:
        out.print()
        _print_phase(made, phase)


def _print_phase(made: Plan, phase: PhasePlan) -> None:
    out, machine = stdout(), made.machine
    recomputed = "activations recomputed" if phase.checkpointing else "activations kept"
    out.print(
        f"[bold]{phase.phase}[/]: {_count(phase.learned)} parameters learn; {phase.rows:,} rows of about "
        f"{phase.tokens} tokens, {phase.steps:,} steps of {phase.batch}; {phase.device_batch} rows a pass, "
        f"{recomputed}"
    )
    grid = table("GiB a GPU", *(option.strategy for option in phase.options), right=("ddp", "fsdp", "single"))
    for name in ("weights", "gradients", "optimiser", "activations", "logits", "gathered", "total"):
        values = [getattr(option.memory, name) for option in phase.options]
        if any(values):
            grid.add_row(name, *(f"{value / _GIB:.1f}" for value in values))
    verdicts = ("fits" if option.fits else "does not fit" for option in phase.options)
    grid.add_row(f"of {machine.memory:g}", *verdicts)
    out.print(grid)
    encoders = phase.encoder_flops / phase.flops
    share = f", {encoders:.0%} of it in the encoders" if encoders else ""
    out.print(f"time {_hours(phase.hours)} an epoch ({phase.flops / 1e12:.1f} TFLOP a row{share})")
    out.print(f"cache at most {phase.cache_bytes / _GIB:,.0f} GiB on disk")
    out.print(
        f"[green]->[/] {'; or '.join(phase.advice)}"
        if phase.fits
        else f"[red]->[/] {'; or '.join(phase.advice)}"
    )


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.1f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
