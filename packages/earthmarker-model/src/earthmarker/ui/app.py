"""The page, made of gradio's parts and a canvas of our own."""

from __future__ import annotations

from functools import partial
from html import escape
from importlib import resources
from typing import Any

import gradio as gr

from earthmarker.prompts.palette import colour
from earthmarker.ui.handlers import Handlers
from earthmarker.ui.instructions import INSTRUCTIONS
from earthmarker.ui.reader import Reader
from earthmarker.ui.transcript import css, ink, transcript

_FILES = resources.files("earthmarker.ui")
_SYSTEM = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_FIXED = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def page(reader: Reader) -> Any:
    """Build the page.

    Returns:
        ``gradio.Blocks``, to be given to :func:`serve`.
    """
    on = Handlers(reader)
    with gr.Blocks(
        title="EarthMarker", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)
    ) as blocks:
        session = gr.State(None, time_to_live=24 * 3600)
        gr.HTML(
            f'<header class="em-header"><h1>EarthMarker</h1><p>{escape(reader.name)}</p></header>',
            elem_id="em-head",
            apply_default_css=False,
        )
        with gr.Row(elem_classes="em-columns"):
            with gr.Column(scale=3, min_width=320):
                canvas = gr.HTML(
                    "[]",
                    html_template=_FILES.joinpath("canvas.html").read_text(encoding="utf-8"),
                    js_on_load=_FILES.joinpath("canvas.js").read_text(encoding="utf-8"),
                    apply_default_css=False,
                    elem_id="em-canvas",
                    picture=None,
                    palette=[[css(colour(i)), css(ink(colour(i)))] for i in range(1, reader.most + 1)],
                )
            with gr.Column(scale=2, min_width=320):
                with gr.Row(elem_classes="em-instructions"):
                    buttons = [
                        gr.Button(label, size="sm", min_width=60, elem_id=f"em-{label.lower()}")
                        for label, _, _ in INSTRUCTIONS
                    ]
                question = gr.Textbox(
                    label="Question",
                    placeholder="Ask about the marks",
                    lines=1,
                    max_lines=6,
                    elem_id="em-question",
                )
                with gr.Row(elem_classes="em-send"):
                    ask = gr.Button("Ask", variant="primary", elem_id="em-ask")
                    renew = gr.Button("New conversation", elem_id="em-new")
                message = gr.HTML("", apply_default_css=False, elem_id="em-message")
                said = gr.HTML(transcript([]), apply_default_css=False, elem_id="em-said")
                with gr.Accordion("What the model reads beside the image", open=False, elem_id="em-prompt"):
                    prompt = gr.HTML("", apply_default_css=False)

        canvas.upload(on.open, [session], [session, canvas, said, prompt, message], **_QUIET)
        canvas.change(on.preview, [session, canvas], [prompt], **_QUIET)
        for button in buttons:
            button.click(partial(on.write, button.value), [canvas], [question], **_QUIET)
        gr.on(
            [ask.click, question.submit],
            on.ask,
            [session, canvas, question],
            [session, said, question, message],
            **_QUIET,
            concurrency_limit=1,
            trigger_mode="once",
        )
        renew.click(on.renew, [session], [session, said, message], **_QUIET)
    return blocks


def serve(blocks: Any, host: str, port: int, *, open_browser: bool = False) -> str:
    """Start the server in a thread.

    Returns:
        The address of the page.

    Raises:
        OSError: if it cannot listen there.
    """
    blocks.queue(max_size=64, api_open=False)
    _, address, _ = blocks.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        inbrowser=open_browser,
        quiet=True,
        share=False,
        show_error=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        run_history=False,
        footer_links=[],
        theme=_theme(),
        css_paths=str(_FILES.joinpath("page.css")),
    )
    return str(address)


def _theme() -> Any:
    """The system's fonts, and texts that keep a contrast of 4.5 in light and dark."""
    theme = gr.themes.Base(
        font=_SYSTEM, font_mono=_FIXED, primary_hue="blue", neutral_hue="slate", radius_size="md"
    )
    return theme.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_700",
        color_accent="*primary_600",
        input_background_fill="*background_fill_primary",
        input_border_width="1px",
    )
