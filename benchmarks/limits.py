"""What this machine can do at best: the physical limits that the page puts beside our figures.

    python benchmarks/limits.py --record       # two minutes, 1 GB of disk

Each is measured with as little around it as Python allows, on one core and on the file system of ``--work``,
and is the best of a few runs. They bound from below what any program that does the same work must take.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from PIL import Image

from dota_input import generator, label, picture
from environments import HERE, machine, versions
from figures import RESULTS, command_line
from report import markdown

WRITE_MB = 512
HEADERS = 2_000
DISK = frozenset({"write_mb", "parquet_mb"})
"""Limits of the disk, which more cores do not raise."""


def best(runs: int, work: Callable[[], float]) -> float:
    """The highest rate of some runs of work that tells how much it did."""
    rates = []
    for _ in range(runs):
        began = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - began))
    return max(rates)


def write(folder: Path) -> Callable[[], float]:
    """Sequential writing, on the disk at the end."""
    block = os.urandom(8 << 20)

    def work() -> float:
        path = folder / "written"
        with path.open("wb", buffering=0) as file:
            for _ in range(WRITE_MB // 8):
                file.write(block)
            os.fsync(file.fileno())
        path.unlink()
        return WRITE_MB * 2**20 / 1e6

    return work


def parquet(folder: Path) -> Callable[[], float]:
    """Pictures' bytes into a Parquet file, on the disk at the end."""
    values = pa.array([os.urandom(150_000) for _ in range(200)], pa.binary())
    table = pa.table({"bytes": pa.chunked_array([values] * 10)})

    def work() -> float:
        path = folder / "bytes.parquet"
        with path.open("wb") as file:
            pq.write_table(table, file, compression="none", use_dictionary=False, row_group_size=200)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        return 300.0

    return work


def headers(folder: Path) -> Callable[[], float]:
    """Opening a file in the page cache, its first bytes, closing it: what reading a header takes at least."""
    paths = [str(folder / f"{number}.png") for number in range(HEADERS)]
    Image.new("L", (1024, 1024)).save(paths[0])
    for path in paths[1:]:
        os.link(paths[0], path)

    def work() -> float:
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            os.pread(descriptor, 33, 0)
            os.close(descriptor)
        return HEADERS

    return work


def decode(form: str, **options: Any) -> Callable[[], float]:
    """Megapixels of a picture in memory, with Pillow."""
    image = picture(np.random.Generator(np.random.Philox(1)))
    buffer = io.BytesIO()
    image.save(buffer, form, **options)

    def work() -> float:
        for _ in range(8):
            Image.open(io.BytesIO(buffer.getvalue())).load()
        return 8 * image.width * image.height / 1e6

    return work


def xml() -> Callable[[], float]:
    """Megabytes of XML that expat goes through without telling anybody."""
    one = "<object><name>ship</name><bndbox><xmin>12</xmin><ymin>34</ymin></bndbox></object>\n"
    text = f"<annotation>{one * 100_000}</annotation>".encode()

    def work() -> float:
        expat.ParserCreate().Parse(text, True)
        return len(text) / 1e6

    return work


def columns() -> Callable[[], float]:
    """Megabytes of DOTA's lines that Arrow's CSV reader takes apart."""
    rng = generator(0, 0, 0)
    text = "".join("".join(label(rng, 200).splitlines(keepends=True)[2:]) for _ in range(500)).encode()

    def work() -> float:
        pa_csv.read_csv(
            io.BytesIO(text),
            read_options=pa_csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
            parse_options=pa_csv.ParseOptions(delimiter=" "),
        )
        return len(text) / 1e6

    return work


WHAT = {
    "write_mb": ("MB/s", "sequential write of random bytes, `fsync` at the end"),
    "parquet_mb": ("MB/s", "binary column into Parquet, uncompressed, `fsync` at the end"),
    "headers": ("files/s", "open a file in the page cache, 33 bytes of it, close"),
    "jpeg_mp": ("MP/s", "JPEG decode, Pillow, 1024 x 1024"),
    "png_mp": ("MP/s", "PNG decode, Pillow, 1024 x 1024"),
    "xml_mb": ("MB/s", "expat without handlers"),
    "csv_mb": ("MB/s", "Arrow's CSV reader on lines of DOTA"),
}


def measure(work: Path, runs: int) -> dict[str, float]:
    """Every limit, as work a second."""
    with tempfile.TemporaryDirectory(dir=work, prefix="limits-") as name:
        folder = Path(name)
        works = {
            "write_mb": write(folder),
            "parquet_mb": parquet(folder),
            "headers": headers(folder),
            "jpeg_mp": decode("JPEG", quality=85),
            "png_mp": decode("PNG", compress_level=1),
            "xml_mb": xml(),
            "csv_mb": columns(),
        }
        return {key: best(runs, one) for key, one in works.items()}


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs of each; the best counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--record", action="store_true", help="write results/limits.json for the page")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    pa.set_cpu_count(1)
    load = os.getloadavg()[0]
    rates = measure(options.work, options.runs)
    rows = [[WHAT[key][1], f"{rate:,.0f}", WHAT[key][0]] for key, rate in rates.items()]
    print(markdown(["limit", "rate", "unit"], rows, 1))
    if options.record:
        told = {
            "command": command_line(),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "machine": machine(options.work),
            "versions": versions(str(HERE.parent / ".venv/bin/python"), ["pillow", "pyarrow"]),
            "load": load,
            "rates": rates,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "limits.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
