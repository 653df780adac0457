"""Good answers are taken whatever they are wrapped in, and every way to spoil one is named as what it is."""

from __future__ import annotations

import copy
import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rsvp_builder.captioning.judge import judge
from rsvp_builder.captioning.outcome import Fault, Usage
from rsvp_builder.captioning.spec import prompt_for
from rsvp_builder.prose import cited

TASKS = ("detailed_caption", "grounded_caption", "relationship_analysis")
PROSE = {"grounded_caption": "caption", "relationship_analysis": "analysis"}

seeds = st.integers(0, 100_000)
tasks = st.sampled_from(TASKS)
prose_tasks = st.sampled_from(sorted(PROSE))

# Classes that nobody would take for one another, by families; kept apart from the program's own table.
FAMILIES = (
    {"airplane", "aircraft"},
    {"ship"},
    {"tennis court"},
    {"basketball court"},
    {"bridge", "overpass"},
    {"storage tank", "oil tank"},
    {"windmill"},
    {"chimney"},
    {"golf field"},
    {"dam"},
    {"baseball diamond", "baseball field", "stadium", "ground track field", "playground"},
)


def case(made, task, seed, *, least=2):
    writer = made.Writer(seed)
    row = writer.row(least=least, most=20)
    indices = [mark["index"] for mark in row["marks"]]
    shown = sorted(writer.random.sample(indices, writer.random.randint(least, len(indices))))
    return prompt_for(task), row, shown, writer.answer(task, row, shown), writer.random


def faults(spec, row, shown, response):
    outcome = judge(spec, row, shown, response)
    assert (outcome.text is None) == bool(outcome.complaints)
    assert all(each.told.strip() for each in outcome.complaints)
    json.dumps(outcome.raw)
    return {each.fault for each in outcome.complaints}


def texts_of(answer):
    """Where whole sentences are: the object and the key that hold each."""
    found = [(answer, key) for key in ("caption", "analysis", "image") if key in answer]
    return found + [(region, "description") for region in answer["regions"] if "description" in region]


def another(label, random):
    choices = [name for family in FAMILIES if label not in family for name in sorted(family)]
    return random.choice(choices)


@settings(max_examples=400)
@given(seed=seeds, task=tasks)
def test_a_good_answer_is_taken_and_rendered(made, seed, task):
    spec, row, shown, answer, _ = case(made, task, seed, least=1 if task != "relationship_analysis" else 2)
    outcome = judge(spec, row, shown, made.wrapped(answer))
    assert outcome.complaints == ()
    assert (outcome.usage, outcome.finish_reason, outcome.model) == (
        Usage(900, 120, 640),
        "stop",
        "served-model",
    )
    assert outcome.raw["content"] == json.dumps(answer)
    assert set(cited(outcome.text)) == set(shown)
    if task == "relationship_analysis":
        head = "".join(f"<Region {index}>" for index in shown)
        assert outcome.text == f"{head}: {answer['analysis']}"
        assert outcome.captions == {}
    elif task == "grounded_caption":
        assert outcome.text == answer["caption"]
        assert outcome.captions == {region["region"]: region["phrase"] for region in answer["regions"]}
    else:
        told = {region["region"]: region["description"] for region in answer["regions"]}
        assert outcome.text.split("\n") == [f"<Region {index}>: {told[index]}" for index in shown]
        assert outcome.captions == told | {0: answer["image"]}


WRAPPINGS = {
    "fence": lambda text: f"```json\n{text}\n```",
    "open fence": lambda text: f"```json\n{text}",
    "plain fence": lambda text: f"Here it is:\n```\n{text}\n```\nI hope this helps!",
    "sentence": lambda text: f"Sure, here is the JSON: {text}",
    "thoughts": lambda text: f"<think>Is {{this}} a plane?</think>\n\n{text}",
    "parts": lambda text: [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}],
    "spaces": lambda text: f"\ufeff \n{text}\n\n  ",
}


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("task", TASKS)
def test_wrappings_of_local_servers_are_taken_off(made, task, name):
    spec, row, shown, answer, _ = case(made, task, 7)
    for dumped in (json.dumps(answer), json.dumps(answer, indent=2), json.dumps(answer, ensure_ascii=False)):
        assert faults(spec, row, shown, made.wrapped(WRAPPINGS[name](dumped))) == set()


@given(
    seed=seeds,
    task=prose_tasks,
    style=st.sampled_from(
        [
            "[Region {}]",
            "(Region {})",
            "<region {}>",
            "<Region{}>",
            "&lt;Region {}&gt;",
            "<Regions {}>",
            "(<Region {}>)",
        ]
    ),
)
def test_signs_in_other_styles_are_brought_into_the_form(made, seed, task, style):
    spec, row, shown, answer, _ = case(made, task, seed)
    wanted = judge(spec, row, shown, made.wrapped(answer)).text
    answer[PROSE[task]] = re.sub(r"<Region (\d+)>", lambda found: style.format(found[1]), answer[PROSE[task]])
    assert judge(spec, row, shown, made.wrapped(answer)).text == wanted


@given(seed=seeds, task=prose_tasks, style=st.sampled_from(["<Region {}>", "<Regions {}>", "[Regions {}]"]))
def test_lists_of_numbers_in_one_sign_are_taken_apart(made, seed, task, style):
    spec, row, shown, answer, random = case(made, task, seed)
    wanted = judge(spec, row, shown, made.wrapped(answer)).text

    def joined(found):
        numbers = re.findall(r"\d+", found[0])
        joint = random.choice([", ", " and ", ",", " & "])
        return style.format(joint.join(numbers))

    answer[PROSE[task]] = re.sub(r"(?:<Region \d+>)+", joined, answer[PROSE[task]])
    assert judge(spec, row, shown, made.wrapped(answer)).text == wanted


# What the row has no mark of, or what nobody drew.


@given(seed=seeds, task=prose_tasks)
def test_a_cited_mark_that_is_not_drawn_is_unknown(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    hidden = [mark["index"] for mark in row["marks"] if mark["index"] not in shown]
    wrong = random.choice([*hidden, len(row["marks"]) + 1, 0, 999])
    answer[PROSE[task]] += f" A ship <Region {wrong}> is at the edge."
    assert Fault.UNKNOWN_MARK in faults(spec, row, shown, made.wrapped(answer))


@given(seed=seeds, task=tasks)
def test_a_listed_mark_that_is_not_there_is_unknown(made, seed, task):
    spec, row, shown, answer, _ = case(made, task, seed)
    answer["regions"].append(answer["regions"][0] | {"region": len(row["marks"]) + 1})
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.UNKNOWN_MARK}


@given(seed=seeds, task=prose_tasks)
def test_a_mark_that_the_text_leaves_out_is_missing(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    answer[PROSE[task]] = answer[PROSE[task]].replace(f"<Region {random.choice(shown)}>", "")
    assert Fault.MISSING_MARK in faults(spec, row, shown, made.wrapped(answer))


@given(seed=seeds, task=tasks)
def test_a_mark_that_the_list_leaves_out_is_missing_and_one_twice_is_malformed(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    left_out = copy.deepcopy(answer)
    del left_out["regions"][random.randrange(len(shown))]
    assert faults(spec, row, shown, made.wrapped(left_out)) == {Fault.MISSING_MARK}
    answer["regions"].append(random.choice(answer["regions"]))
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.MALFORMED}


def test_marks_that_are_not_drawn_are_not_required(made):
    spec, row, _, _, _ = case(made, "relationship_analysis", 3, least=6)
    answer = made.Writer(5).answer("relationship_analysis", row, [1, 4])
    assert faults(spec, row, [1, 4], made.wrapped(answer)) == set()
    assert faults(spec, row, [1, 4, 5], made.wrapped(answer)) == {Fault.MISSING_MARK}


# Classes.


@given(seed=seeds, task=tasks)
def test_another_class_in_the_list_is_wrong(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    region = random.choice(answer["regions"])
    region["class"] = another(region["class"], random)
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.WRONG_CLASS}


@given(seed=seeds, task=tasks)
def test_another_class_in_a_text_is_wrong(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    region = random.choice(answer["regions"])
    label, other = region["class"], another(region["class"], random)
    if task == "detailed_caption":
        region["description"] = region["description"].replace(label, other)
    else:
        # The phrase right before the signs, whether it is in the singular or in the plural.
        sign, text = f"<Region {region['region']}>", answer[PROSE[task]]
        run = next(run for run in re.finditer(r"(?:<Region \d+>)+", text) if sign in run[0])
        before = text[: run.start()]
        start = before.lower().rindex(label.lower())
        answer[PROSE[task]] = f"{before[:start]}{other} {text[run.start() :]}"
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.WRONG_CLASS}


# The drawing and the prompt.

LEAKS = (
    "It stands inside the red box.",
    "A blue bounding box surrounds it.",
    "The object in the box is easy to see.",
    "They are the ones in green boxes.",
    "It carries the number 2.",
    "It is labelled 1 in the image.",
    "The label 2 covers its roof.",
    "The marked region 2 is larger than the others.",
    "Region 1 is on the left of the scene.",
    "It lies to the right of region 2.",
    "Both marked objects are of the same kind.",
    "The tag '1' is next to it.",
    "The thing [2] is close to the road.",
    "The thing (1) is close to the road.",
    "Object #2 is close to the road.",
    "It is outlined in red.",
    "It is enclosed by a thick orange rectangle.",
    "The blue outline marks its edge.",
    "The enlarged view shows more of it.",
    "The second image shows more of it.",
    "All regions are near the road.",
    "The annotated thing is large.",
    "It measures 40 x 20 px.",
    "Its centre is at 40 % across and 20 % down.",
    "As given in the list of facts, it is large, according to the prompt.",
    "It is numbered two.",
    "The numbered areas are near the road.",
)


@settings(max_examples=300)
@given(seed=seeds, task=tasks, leak=st.sampled_from(LEAKS))
def test_talk_of_the_drawing_is_a_leak(made, seed, task, leak):
    spec, row, shown, answer, random = case(made, task, seed)
    # Numbers up to the highest of the row can be drawn; these rows have at least two marks.
    holder, key = random.choice(texts_of(answer))
    sentences = re.split(r"(?<=\.) (?=[A-Z])", holder[key])
    sentences.insert(random.randint(1, len(sentences)), leak)
    holder[key] = " ".join(sentences)
    found = faults(spec, row, shown, made.wrapped(answer))
    assert found == {Fault.LEAK}


@pytest.mark.parametrize("leak", LEAKS)
def test_every_leak_is_caught_alone(made, leak):
    spec, row, shown, answer, _ = case(made, "relationship_analysis", 11)
    answer["analysis"] += f" {leak}"
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.LEAK}


def test_a_description_that_cites_is_a_leak(made):
    spec, row, shown, answer, _ = case(made, "detailed_caption", 5)
    answer["regions"][0]["description"] += f" It lies beside the road <Region {shown[-1]}> and a wall."
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.LEAK}
    own = answer["regions"][1]
    own["description"] = f"<Region {own['region']}>: {own['description']}"
    answer["regions"][0]["description"] = "A quiet place that lies at the very edge of the image."
    assert faults(spec, row, shown, made.wrapped(answer)) == set()


# Length, language, endings.


@given(seed=seeds, task=tasks)
def test_short_and_long_texts_are_of_wrong_length(made, seed, task):
    spec, row, shown, answer, random = case(made, task, seed)
    short, long = copy.deepcopy(answer), copy.deepcopy(answer)
    holder, key = random.choice(texts_of(short))
    signs = "".join(f"<Region {index}>" for index in cited(holder[key]))
    holder[key] = f"Things of the scene {signs}." if signs else "It is large."
    assert faults(spec, row, shown, made.wrapped(short)) == {Fault.LENGTH}
    holder, key = random.choice(texts_of(long))
    holder[key] += " It lies close to a narrow road with little traffic on dry ground." * 40
    assert faults(spec, row, shown, made.wrapped(long)) == {Fault.LENGTH}


FOREIGN = (
    "Ein großes Flugzeug {} steht auf dem Vorfeld, und zwei kleine Autos sind mit "
    "einem Gebäude neben der Straße zu sehen.",
    "Un grand avion {} est garé sur le tarmac, et deux petites voitures sont à côté "
    "du bâtiment dans la partie gauche.",
    "Un gran avión {} está en la pista, y dos coches pequeños se ven cerca del "
    "edificio en la parte izquierda de la imagen.",
    "Um grande avião {} está na pista, e dois carros pequenos ficam perto do "
    "edifício com uma estrada ao lado.",
    "Un grande aereo {} è fermo sul piazzale, e due piccole auto sono vicino alla "
    "strada nella parte sinistra della scena.",
    "Een groot vliegtuig {} staat op het platform, en twee kleine auto's zijn naast "
    "het gebouw bij de weg te zien.",
    "Duży samolot {} stoi na płycie lotniska, a dwa małe samochody są obok budynku "
    "przy drodze w lewej części.",
    "一架大型飞机{}停在停机坪上，旁边有两辆小汽车和一座建筑物，左侧是一条狭窄的道路。",
    "Большой самолёт {} стоит на перроне, а рядом со зданием у дороги видны два небольших автомобиля.",
    "طائرة كبيرة {} متوقفة على المدرج وبجانبها سيارتان صغيرتان ومبنى بالقرب من الطريق الضيق.",
    "大きな飛行機{}が駐機場に止まっており、その隣に二台の小さな車と建物が見えます。",
)


@settings(max_examples=150)
@given(seed=seeds, task=tasks, sentence=st.sampled_from(FOREIGN))
def test_texts_in_other_languages_are_named_as_such(made, seed, task, sentence):
    spec, row, shown, answer, random = case(made, task, seed)
    holder, key = random.choice(texts_of(answer))
    signs = "".join(f"<Region {index}>" for index in cited(holder[key]))
    holder[key] = f"{sentence.format(signs)} {sentence.format('')}"
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.LANGUAGE}


@given(seed=seeds, task=tasks, where=st.floats(0.6, 0.99))
def test_a_text_that_stops_in_a_sentence_is_truncated(made, seed, task, where):
    spec, row, shown, answer, random = case(made, task, seed)
    holder, key = random.choice(texts_of(answer))
    words = holder[key].split()
    kept = words[: max(3, int(where * len(words)))]
    holder[key] = " ".join(kept).rstrip(".")
    assert Fault.TRUNCATED in faults(spec, row, shown, made.wrapped(answer))


@given(seed=seeds, task=tasks, where=st.floats(0, 1), fenced=st.booleans())
def test_json_that_stops_anywhere_is_truncated_whatever_the_endpoint_says(made, seed, task, where, fenced):
    spec, row, shown, answer, _ = case(made, task, seed)
    whole = json.dumps(answer)
    cut = whole[: 1 + int(where * (len(whole) - 2))]
    content = f"```json\n{cut}" if fenced else cut
    assert faults(spec, row, shown, made.wrapped(content)) == {Fault.TRUNCATED}
    assert faults(spec, row, shown, made.wrapped(content, "length")) == {Fault.TRUNCATED}


# Refusals and filters.

REFUSALS = (
    "I'm sorry, but I can't assist with that.",
    "I cannot provide a description of this image.",
    "Sorry, I can't help with identifying this.",
    "I am unable to view the image.",
    "Unfortunately, I'm not able to analyze satellite imagery.",
    "As an AI language model, I can't see pictures.",
    "I\u2019m sorry, I can\u2019t comply with this request.",
    "No image was provided.",
)


@pytest.mark.parametrize("said", REFUSALS)
@pytest.mark.parametrize("task", TASKS)
def test_refusals_are_refusals_wherever_they_are_said(made, task, said):
    spec, row, shown, answer, random = case(made, task, 21)
    responses = [
        made.wrapped(said),
        made.wrapped(None, refusal=said),
        made.wrapped("", refusal=said),
        made.wrapped([{"type": "refusal", "refusal": said}]),
        made.wrapped({"error": said}),
    ]
    holder, key = random.choice(texts_of(answer))
    holder[key] = said
    responses.append(made.wrapped(answer))
    for response in responses:
        assert faults(spec, row, shown, response) == {Fault.REFUSED}


def test_a_content_filter_is_named(made):
    spec, row, shown, answer, _ = case(made, "grounded_caption", 1)
    error = {"error": {"message": "no", "type": None, "code": "content_filter", "innererror": {"code": "X"}}}
    for response in (made.wrapped(None, "content_filter"), made.wrapped(answer, "content_filter"), error):
        assert faults(spec, row, shown, response) == {Fault.FILTERED}


# Form.


@given(seed=seeds, task=tasks, data=st.data())
def test_what_is_not_of_the_schema_is_malformed(made, seed, task, data):
    spec, row, shown, answer, _ = case(made, task, seed)
    holder = data.draw(st.sampled_from([answer, answer["regions"][0]]))
    key = data.draw(st.sampled_from(sorted(holder)))
    match data.draw(st.sampled_from(["drop", "extra", "type", "null", "empty"])):
        case "drop":
            del holder[key]
        case "extra":
            holder["confidence"] = 0.9
        case "type":
            holder[key] = data.draw(st.sampled_from([1.5, True, {}, [[]], [None]]))
        case "null":
            holder[key] = None
        case "empty":
            holder[key] = "  "
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.MALFORMED}


def test_a_sentence_of_a_grounded_caption_does_not_begin_with_a_sign(made):
    spec, row, shown, answer, _ = case(made, "grounded_caption", 2)
    answer["caption"] += f" <Region {shown[0]}> is close to a road."
    assert faults(spec, row, shown, made.wrapped(answer)) == {Fault.MALFORMED}


@pytest.mark.parametrize(
    "broken", ["<Region one>", "<Region>", "</Region>", "<3>", "<Mark 1>", "<Region A>", "<Region 1"]
)
def test_broken_signs_are_malformed(made, broken):
    spec, row, shown, answer, _ = case(made, "relationship_analysis", 2)
    answer["analysis"] += f" The road {broken} is wide."
    assert Fault.MALFORMED in faults(spec, row, shown, made.wrapped(answer))


def test_a_region_written_as_a_whole_float_is_that_region(made):
    spec, row, shown, answer, _ = case(made, "relationship_analysis", 2)
    answer["regions"][0]["region"] = float(answer["regions"][0]["region"])
    assert faults(spec, row, shown, made.wrapped(answer)) == set()


HUGE = '{"regions": [{"region": 1e400, "class": "a", "phrase": "b"}], "caption": "\\ud800"}'
LONG = '{"regions": [{"region": ' + "9" * 5000 + ', "class": "a", "phrase": "b"}], "caption": "c"}'

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "refusal",
                    "usage",
                    "finish_reason",
                    "text",
                    "error",
                    "code",
                    "prompt_tokens",
                    "regions",
                    "region",
                    "class",
                    "caption",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500)
@given(response=junk)
@example(response=None)
@example(response={"choices": None})
@example(response={"choices": []})
@example(response={"choices": [None]})
@example(response={"choices": [{"message": None}]})
@example(response={"choices": [{"message": {"content": None}}]})
@example(response={"choices": [{"message": {"content": "[" * 200_000}}]})
@example(response={"choices": [{"message": {"content": '{"regions": ' + "[" * 100_000}}]})
@example(response={"choices": [{"message": {"content": "{" + " " * 500_000}}]})
@example(response={"choices": [{"message": {"content": '{"regions": NaN, "caption": "x"}'}}]})
@example(response={"choices": [{"message": {"content": HUGE}}]})
@example(response={"choices": [{"message": {"content": LONG}}]})
@example(response={"usage": {"prompt_tokens": -5, "completion_tokens": 10**30, "prompt_tokens_details": []}})
@example(response={"usage": {"prompt_tokens": float("nan"), "completion_tokens": float("inf")}})
def test_garbage_is_never_taken_and_never_raises(made, response):
    spec, row, shown, _, _ = case(made, "grounded_caption", 1)
    outcome = judge(spec, row, shown, response)
    assert outcome.text is None and outcome.captions == {}
    assert len(outcome.complaints) >= 1
    assert isinstance(outcome.raw, dict)
    for count in (outcome.usage.input_tokens, outcome.usage.output_tokens, outcome.usage.cached_tokens):
        assert isinstance(count, int) and 0 <= count < 2**63
    assert isinstance(outcome.model, str) and isinstance(outcome.finish_reason, str)


@given(content=junk, task=tasks)
def test_garbage_in_a_message_is_malformed_refused_or_cut(made, content, task):
    spec, row, shown, _, _ = case(made, task, 1)
    found = faults(spec, row, shown, made.wrapped(json.dumps(content)))
    assert found <= {Fault.MALFORMED, Fault.TRUNCATED, Fault.REFUSED}
    assert found


@given(seed=seeds, task=tasks)
def test_judging_changes_nothing(made, seed, task):
    spec, row, shown, answer, _ = case(made, task, seed)
    response = made.wrapped(answer)
    before = copy.deepcopy((row, shown, response))
    first, second = judge(spec, row, shown, response), judge(spec, row, list(reversed(shown)), response)
    assert (row, shown, response) == before
    assert first == second
