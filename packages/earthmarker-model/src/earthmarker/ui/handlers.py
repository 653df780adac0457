"""What happens on the page: an image comes, marks change, a question is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import MarkError
from earthmarker.ui.instructions import instruction
from earthmarker.ui.payload import data_uri, marks_of, open_picture, shown
from earthmarker.ui.reader import Reader
from earthmarker.ui.session import Session
from earthmarker.ui.transcript import transcript

_LOG = logging.getLogger(__name__)


class Handlers:
    """The page's events; methods, since gradio reads their signatures.

    Args:
        reader: who answers.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def open(self, session: Session | None, event: gr.EventData) -> tuple[Any, ...]:
        """An image was uploaded: session, canvas, transcript, prompt image and message."""
        session = session or Session()
        try:
            picture = open_picture(str(event.path), get_upload_folder())
        except EarthMarkerError as error:
            return session, gr.skip(), gr.skip(), gr.skip(), told(error)
        session.open(picture)
        return (
            session,
            gr.update(picture=shown(picture), value="[]"),
            transcript([]),
            self.preview(session, ""),
            "",
        )

    def preview(self, session: Session | None, drawn: str) -> str:
        """Marks changed: their prompt image, or why they cannot be drawn."""
        if session is None or session.picture is None:
            return ""
        try:
            marks = marks_of(drawn)
            image = data_uri(self.reader.draw(session.picture, marks))
        except Exception as error:
            return told(error)
        what = "Marks as the model reads them." if marks else "No marks: the whole image is marked."
        picture = f'<img alt="{what}" src="{image}">'
        return f'<figure class="em-figure">{picture}<figcaption>{what}</figcaption></figure>'

    def write(self, label: str, drawn: str) -> str:
        """A button was pressed: the question behind it."""
        try:
            return instruction(label, marks_of(drawn))
        except EarthMarkerError:
            return instruction(label, ())

    def ask(self, session: Session | None, drawn: str, question: str) -> Iterator[tuple[Any, ...]]:
        """A question was asked: session, transcript, question and message, first without an answer."""
        session = session or Session()
        try:
            marks = marks_of(drawn)
            wanted = session.check(marks, question)
            yield session, transcript(session.awaiting(marks, wanted)), gr.skip(), ""
            session.ask(self.reader, marks, wanted)
        except Exception as error:
            # The page is where mistakes end: a person in a browser can do nothing with a traceback.
            yield session, transcript(session.turns), gr.skip(), told(error)
            return
        yield session, transcript(session.turns), "", ""

    def renew(self, session: Session | None) -> tuple[Any, ...]:
        """Begin anew: session, transcript and message."""
        session = session or Session()
        session.renew()
        return session, transcript([]), ""


def told(error: Exception) -> str:
    """An error as a message; one that nobody foresaw goes into the log with its traceback as well."""
    if isinstance(error, (EarthMarkerError, MarkError)):
        text = str(error)
    else:
        _LOG.error("the model failed", exc_info=error)
        text = f"The model failed ({type(error).__name__}: {str(error)[:300]}). The terminal says more."
    return f'<p class="em-error" role="alert">{escape(text)}</p>'
