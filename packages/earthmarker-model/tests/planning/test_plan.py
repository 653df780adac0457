"""Plans against the arithmetic of the paper's model and the published sizes of its parts."""

import pytest

from earthmarker.errors import EarthMarkerError
from earthmarker.planning import ROWS, TABLE_I, plan
from earthmarker.planning.memory import logits, state
from earthmarker.planning.plan import GIB, Machine
from earthmarker.planning.shapes import record_bytes, row_tokens
from earthmarker.presets import preset
from earthmarker.presets.count import bare_config, count
from earthmarker.training import PHASES, Settings

DECODER = ("attention", "mlp", "norms", "embeddings", "head")


@pytest.fixture(scope="module")
def planned():
    """Plans by preset, machine and what else is given, each made once."""
    made = {}

    def make(name, gpus, memory=80.0, **more):
        key = (name, gpus, memory, *sorted(more.items()))
        if key not in made:
            made[key] = {p.phase: p for p in plan(name, Machine(gpus, memory, **more)).phases}
        return made[key]

    return make


@pytest.mark.parametrize(
    ("name", "decoder", "attention", "projector", "lora"),
    [("13b", 13.02e9, 4.19e9, 21.0e6, 26.2e6), ("7b", 6.74e9, 2.15e9, 16.8e6, 16.8e6)],
)
def test_parameters(name, decoder, attention, projector, lora):
    parts = count(name)
    assert sum(parts[part] for part in DECODER) == pytest.approx(decoder, rel=1e-3)
    assert parts["attention"] == pytest.approx(attention, rel=2e-3)
    assert parts["projector"] == pytest.approx(projector, rel=2e-3)
    assert parts["lora"] == pytest.approx(lora, rel=2e-3)


def test_weights_and_states_of_adamw():
    for name, weights, states in (("13b", 24.2, 47), ("7b", 12.6, 24)):
        parts = count(name)
        held = sum(parts[part] for part in DECODER)
        bytes_ = state(held, parts["attention"], gpus=1, sharded=False, eight_bit=False)
        assert bytes_[0] / GIB == pytest.approx(weights, abs=0.1)
        assert bytes_[2] / GIB == pytest.approx(states, abs=0.2)


@pytest.mark.parametrize(("gpus", "sharded", "eight_bit", "expected"), [
    (1, False, False, (2000, 400, 1200)),
    (4, False, False, (2000, 800, 1200)),  # buckets of DDP
    (4, True, False, (500, 100, 300)),
    (4, True, True, (500, 100, 150)),
    (1, False, True, (2000, 400, 600)),
])  # fmt: skip
def test_state(gpus, sharded, eight_bit, expected):
    assert state(1000, 100, gpus=gpus, sharded=sharded, eight_bit=eight_bit) == expected


def test_rows_of_the_recipe():
    assert sum(TABLE_I.values()) == 3_648_884
    assert TABLE_I["referring_classification_point"] / sum(TABLE_I.values()) == pytest.approx(0.71, abs=0.005)
    assert ROWS["align"] + ROWS["rsvp"] - 414_113 == 3_648_884


def test_disk_of_the_cache(planned):
    config = bare_config(preset("13b"))
    record = record_bytes(config)
    assert record == 257 * 4096 * 2
    assert record / 2**20 == pytest.approx(2.01, abs=0.005)
    assert 100_000 * record / GIB == pytest.approx(196, abs=0.5)
    assert 3_648_884 * record / 2**40 == pytest.approx(7.0, abs=0.05)
    # Of image tasks the pictures; of marks the prompts too.
    phases = {p.phase: p for p in plan("13b", Machine(8, 80), rows=1000, images=300).phases}
    assert phases["align"].cache_bytes == 300 * record
    assert phases["rsvp"].cache_bytes == 1300 * record


def test_tokens_of_a_row():
    assert row_tokens(bare_config(preset("13b")), 130) == 1 + 2 * 259 + 130
    assert row_tokens(bare_config(preset("tiny")), 0) == 1 + 2 * 19


def test_tokens_are_those_of_the_processor(tiny_folder):
    from earthmarker import EarthMarkerProcessor
    from earthmarker.data.encode import encode

    processor = EarthMarkerProcessor.from_pretrained(tiny_folder)
    messages = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "A ship."}]
    ids, _ = encode(processor, messages)
    text = processor.tokenizer.decode(ids[ids != processor.image_token_id], skip_special_tokens=False)
    for token in ("<s>", "<img>", "</img>", "<vp>", "</vp>", "</s>"):
        text = text.replace(token, "", 1)
    # A byte is a token; the end of sequence belongs to the text.
    assert len(ids) == row_tokens(bare_config(preset("tiny")), len(text) + 1)


def test_logits_of_llama():
    assert logits(bare_config(preset("7b")), 1, 1000) == 1000 * 32_005 * (2 + 4 + 4 + 4)


class TestVerdicts:
    """What fits where, as far as it is known."""

    def test_attention_of_13b_does_not_fit_one_gpu_and_that_of_7b_does(self, planned):
        assert not planned("13b", 1)["spatial"].fits
        assert planned("7b", 1)["spatial"].fits

    def test_13b_on_eight_gpus(self, planned):
        phases = planned("13b", 8)
        fits = {p.phase: {o.strategy: o.fits for o in p.options} for p in phases.values()}
        assert fits == {
            "align": {"ddp": True, "fsdp": True},
            "spatial": {"ddp": False, "fsdp": True},
            "rsvp": {"ddp": True, "fsdp": True},
        }
        assert "fsdp2.yaml" in phases["spatial"].advice[0]
        assert "ddp.yaml" in phases["rsvp"].advice[0]

    def test_advice_is_followed_by_a_plan_that_fits(self, planned):
        advice = " ".join(planned("13b", 1)["spatial"].advice)
        assert "adamw_8bit" in advice
        assert "take 2 GPUs" in advice
        assert planned("13b", 1, eight_bit=True)["spatial"].options[0].device_batch >= 1
        assert planned("13b", 2)["spatial"].options[1].device_batch >= 1

    def test_the_largest_pass_is_the_largest(self, planned):
        [option] = planned("7b", 1, 24.0)["rsvp"].options
        size = option.device_batch
        assert option.fits and size >= 4

        def fits(device_batch):
            settings = Settings.of_phase("rsvp").model_dump()
            settings["optim"]["device_batch"] = device_batch
            made = plan("7b", Machine(1, 24.0), phases=["rsvp"], settings=Settings.model_validate(settings))
            return made.phases[0].options[0].fits

        assert fits(size)
        assert size == 64 or not fits(size * 2)

    def test_a_smaller_pass_is_advised_where_it_is_enough(self):
        settings = Settings.model_validate({"optim": {"batch": 64, "device_batch": 32}})
        made = plan("7b", Machine(1, 40), phases=["align"], settings=settings).phases[0]
        size = made.options[0].device_batch
        assert not made.fits and 0 < size < 32
        assert made.advice == (f"set optim.device_batch = {size}",)

    def test_nothing_helps_on_a_toy(self):
        made = plan("13b", Machine(1, 1), phases=["align"]).phases[0]
        assert made.advice[-1].startswith(("take 64 GPUs", "it does not fit"))

    def test_tiny_fits_anything(self, planned):
        assert all(p.fits for p in planned("tiny", 1, 1.0).values())


class TestTendencies:
    """How a number changes with what it is made of."""

    def test_sharding_divides(self, planned):
        for phase in PHASES:
            ddp, fsdp = planned("13b", 8)[phase].options
            assert fsdp.memory.weights == ddp.memory.weights // 8
            assert fsdp.memory.optimiser == ddp.memory.optimiser // 8
            assert fsdp.memory.activations == ddp.memory.activations
            assert fsdp.memory.gathered > 0 == ddp.memory.gathered

    def test_a_cache_spares_the_encoders(self, planned):
        parts = count("13b")
        for phase in PHASES:
            one, other = planned("13b", 1)[phase], planned("13b", 1, cached=True)[phase]
            spared = one.options[0].memory.weights - other.options[0].memory.weights
            assert spared == 2 * (parts["dino"] + parts["convnext"])
            assert other.encoder_flops == 0 < one.encoder_flops
            assert one.flops - one.encoder_flops == other.flops
            assert other.hours < one.hours

    def test_time_is_work_by_speed(self, planned):
        one, other = planned("13b", 8)["rsvp"], planned("13b", 16, peak=624.0, utilisation=0.2)["rsvp"]
        assert one.hours == pytest.approx(2 * other.hours)
        assert one.hours == pytest.approx(one.rows * one.flops / (8 * 312e12 * 0.4) / 3600)

    def test_a_step_is_a_batch(self, planned):
        for phase in planned("13b", 8).values():
            assert phase.steps == -(-phase.rows // 64)


@pytest.mark.parametrize(
    ("name", "machine", "phases", "message"),
    [
        ("14b", Machine(1, 80), ["align"], r"unknown preset '14b'\. Known: 13b, 7b, smol, tiny"),
        ("7b", Machine(1, 80), ["two"], r"unknown phase 'two'\. Known: align, spatial, rsvp"),
        ("7b", Machine(0, 80), ["align"], "expected one GPU or more"),
        ("7b", Machine(1, 80, utilisation=2), ["align"], "a utilisation up to 1"),
    ],
)
def test_what_makes_no_sense(name, machine, phases, message):
    with pytest.raises(EarthMarkerError, match=message):
        plan(name, machine, phases=phases)
