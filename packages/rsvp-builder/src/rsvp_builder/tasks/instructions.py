"""Every instruction string of the data set, in one place.

The first of each tuple is the paper's own and the one that is used; the others are wordings of the
same task that the paper or its code lineage prints elsewhere, or, at the end of a tuple, ours. They
are used only with ``--paraphrases``, and where a scene class gives several rows.
Sources: EarthMarker Fig. 1, Sec. IV-A, V-B to V-E; SPHINX-V ``visual_prompt_gradio.py``.
"""

IDENTIFY_REGIONS = (
    "Please identify the category of each marked region in the image.",
    "Please identify the category of the marked region in the image",
    "Please identify the labels of each marked region in the image.",
)

IDENTIFY_POINTS = (
    "Please identify the category of each marked point in the image.",
    "Please identify the labels of each marked point in the image.",
)

CAPTION_REGIONS = (
    "Please provide a brief caption of each marked region in the image.",
    "Please provide the brief caption of each marked region in the image.",
)

CLASSIFY_SCENE = (
    "Please identify the object category of each marked region in the image",
    "Please identify the category of the marked region in the image",
    "Please identify the scene category of the marked region, which is the whole image.",
)

ANALYSE_RELATIONSHIPS = ("Please analyze the relationship between all marked regions in the image.",)

CAPTION_ALL_REGIONS = ("Please provide a summarized caption based on all the marked region in the image.",)

DESCRIBE_REGIONS = (
    "Please provide a detailed description of each marked region in the image.",
    "Please provide the detailed description of each marked region in the image.",
)
