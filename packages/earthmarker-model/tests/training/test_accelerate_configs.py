"""The shipped configurations are such that accelerate takes them for what they say."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser

import earthmarker.training

FOLDER = Path(earthmarker.training.__file__).parent / "configs/accelerate"
NAMES = ["ddp", "deepspeed_zero2", "deepspeed_zero3", "fsdp2", "fsdp2_offload"]


@pytest.fixture
def launched():
    """Arguments as `accelerate launch` has them when it starts."""

    def read(name):
        parser = launch_command_parser()
        args = parser.parse_args(["--config_file", str(FOLDER / f"{name}.yaml"), "-m", "earthmarker_cli"])
        return _validate_launch_command(args)[0]

    return read


def test_these_are_shipped():
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_accelerate_loads_it(name, launched):
    # An unknown key at the top raises here.
    config = load_config_from_file(str(FOLDER / f"{name}.yaml"))
    assert (config.mixed_precision, config.num_processes) == ("bf16", 8)
    args = launched(name)
    kind = {"d": (name == "ddp", name != "ddp", False), "f": (False, False, True)}[name[0]]
    assert (args.multi_gpu, args.use_deepspeed, args.use_fsdp) == kind
    # Every key of a part is an option of `accelerate launch`, with the same value.
    for part in (config.fsdp_config, config.deepspeed_config):
        for key, value in part.items():
            assert hasattr(args, key), key
            assert str(getattr(args, key)).lower() == str(value).lower(), key


@pytest.mark.parametrize("name", ["fsdp2", "fsdp2_offload"])
def test_fsdp_shards_by_parameter(name, launched, monkeypatch):
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.launch import prepare_multi_gpu_env
    from torch.distributed.fsdp import CPUOffloadPolicy

    args = launched(name)
    for key, value in prepare_multi_gpu_env(args).items():
        if key.startswith(("FSDP", "ACCELERATE")):
            monkeypatch.setenv(key, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.transformer_cls_names_to_wrap == ["LlamaDecoderLayer"]
    assert isinstance(plugin.cpu_offload, CPUOffloadPolicy) == (name == "fsdp2_offload")
    assert plugin.activation_checkpointing is False
    assert "SHARDED" in str(plugin.state_dict_type)
