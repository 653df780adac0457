"""Every instruction string of the data set, in one place.

The first of each tuple is the paper's own and the one that is used; the others are wordings of the
same task that the paper or its code lineage prints elsewhere, used only with ``--paraphrases``.
Sources: EarthMarker Fig. 1, Sec. IV-A, V-C, V-D; SPHINX-V ``visual_prompt_gradio.py``.
"""

IDENTIFY_REGIONS = (
    "Please identify the category of each marked region in the image.",
    "Please identify the category of the marked region in the image",
    "Please identify the labels of each marked region in the image.",
)

CAPTION_REGIONS = (
    "Please provide a brief caption of each marked region in the image.",
    "Please provide the brief caption of each marked region in the image.",
)
