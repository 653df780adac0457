"""Start the page."""

from __future__ import annotations

import atexit
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from earthmarker.errors import EarthMarkerError
from earthmarker.ui.reader import Reader, reader_of

if TYPE_CHECKING:
    from earthmarker.inference.batch import Answerer


def launch(
    model: str | Path | Answerer | Reader,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    longest: int = 256,
    open_browser: bool = False,
    wait: bool = True,
    quiet: bool = False,
) -> str:
    """Serve the page until it is interrupted.

    Nothing is loaded from anywhere else and nothing is sent anywhere: fonts are those of the system, and
    gradio's analytics are off. Uploaded images lie in a temporary folder that goes when the program ends.

    Args:
        model: a model source (see :func:`earthmarker.training.store.load`), an answerer, or a reader.
        host: address to listen at; ``0.0.0.0`` lets other machines in, and there is no password.
        port: 0 takes any that is free.
        longest: most tokens of an answer, where a source is loaded.
        open_browser: open it in this machine's browser.
        wait: return only when the page ends; otherwise at once, with the server in a thread.
        quiet: do not print the address.

    Returns:
        The address of the page.

    Raises:
        EarthMarkerError: if gradio is not installed, there is no model, or the port is taken.
    """
    port = _free(host, port)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    if "GRADIO_TEMP_DIR" not in os.environ:
        uploads = tempfile.TemporaryDirectory(prefix="earthmarker-")
        os.environ["GRADIO_TEMP_DIR"] = uploads.name
        atexit.register(uploads.cleanup)
    try:
        from earthmarker.ui.app import page, serve
    except ImportError as error:
        raise EarthMarkerError(
            f"the page needs gradio ({error}): pip install 'earthmarker-model[ui]'"
        ) from error
    blocks = page(reader_of(model, longest))
    address = serve(blocks, host, port, open_browser=open_browser)
    if not quiet:
        sys.stderr.write(f"{address} shows the page; Ctrl+C ends it\n")
    if wait:
        blocks.block_thread()
    return address


def _free(host: str, port: int) -> int:
    """The port, or one that is free for 0; asked before a model is loaded for minutes.

    Raises:
        EarthMarkerError: if nobody can listen there.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise EarthMarkerError(
            f"{host}:{port} cannot be listened at ({error}): give another port, 0 takes any that is free"
        ) from error
