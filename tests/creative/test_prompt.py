"""The prompt of a background: no text, no product, room where they go, and nothing lost that matters."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative.directions import CHINESE, DIRECTIONS, ENGLISH
from creative.prompt import Brief, clean, scene_prompt
from creative.providers.model import Orientation
from creative.providers.profiles import ARK, OPENAI, PROFILES, QWEN
from runtime.errors import ConfigError

BRIEF = Brief(
    product="316不锈钢保温杯",
    orientation=Orientation.PORTRAIT,
    theme="冬日暖饮季",
    points=("六小时保温", "一键开盖"),
    tone="温暖克制",
    wanted=("木质", "绿植"),
    unwanted=("霓虹",),
    styles=("圣诞", "极简"),
    reasons=("背景太乱，光再柔一点",),
)
WORDS = st.text(max_size=200)
BRIEFS = st.builds(
    Brief,
    product=WORDS,
    orientation=st.sampled_from(Orientation),
    theme=WORDS,
    points=st.lists(WORDS, max_size=6).map(tuple),
    tone=WORDS,
    wanted=st.lists(WORDS, max_size=6).map(tuple),
    unwanted=st.lists(WORDS, max_size=6).map(tuple),
    styles=st.lists(WORDS, max_size=6).map(tuple),
    reasons=st.lists(WORDS, max_size=4).map(tuple),
    people=st.booleans(),
    variant=st.integers(0, 50),
    version=st.integers(1, 50),
)


@settings(max_examples=50)
@given(BRIEFS, st.sampled_from(list(PROFILES.values())))
def test_whatever_people_type_the_frame_stands(brief: Brief, profile) -> None:
    """One clean line within the limit that forbids text and product and leaves room; a fair seed."""
    prompt = scene_prompt(brief, profile)
    words = ENGLISH if profile is OPENAI else CHINESE
    assert len(prompt.text) <= profile.prompt_limit
    assert words.forbidden(brief.people) in prompt.text
    assert words.room[brief.orientation] in prompt.text
    assert not any(unicodedata.category(c).startswith("C") for c in prompt.text + prompt.negative)
    assert 0 <= prompt.seed < 2**31
    assert len(prompt.digest) == 64
    assert scene_prompt(brief, profile) == prompt


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_everything_of_an_ordinary_brief_goes_in(profile) -> None:
    """Also within Ark's 300 characters: styles, reason, do's, don'ts, tone, mood."""
    text = scene_prompt(BRIEF, profile).text
    for value in (*BRIEF.styles, *BRIEF.reasons, *BRIEF.wanted, *BRIEF.unwanted, BRIEF.tone, BRIEF.theme):
        assert value in text


def test_what_matters_least_is_left_out_first() -> None:
    """A long brief for Ark loses selling points and theme, never the reason of a redo."""
    long = replace(BRIEF, points=("卖点" * 30,), theme="主题" * 20, tone="调性" * 30, wanted=("陈设" * 30,))
    text = scene_prompt(long, ARK).text
    assert "卖点" not in text
    assert "主题" not in text
    assert BRIEF.reasons[0] in text
    assert "圣诞、极简" in text
    assert "卖点" in scene_prompt(long, QWEN).text


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_variants_differ_and_so_does_the_next_version(profile) -> None:
    """Eight variants have eight directions; a redo without a reason begins at another one."""
    first = [scene_prompt(replace(BRIEF, variant=n), profile) for n in range(8)]
    again = [scene_prompt(replace(BRIEF, variant=n, version=2), profile) for n in range(8)]
    assert len({p.text for p in first}) == len(DIRECTIONS) == 8
    assert all(one.text != other.text for one, other in zip(first, again, strict=True))
    assert len({p.seed for p in first + again}) == 16
    assert len({p.digest for p in first + again}) == 16


def test_the_digest_knows_the_model_its_quality_its_size_and_the_references() -> None:
    """Whatever decides the picture decides the digest; the name of a profile does not."""
    digests = [
        scene_prompt(brief, profile).digest
        for brief, profile in (
            (BRIEF, OPENAI),
            (BRIEF, replace(OPENAI, model="gpt-image-2.6-flare")),
            (BRIEF, replace(OPENAI, quality="high")),
            (BRIEF, replace(OPENAI, sizes={Orientation.PORTRAIT: (1008, 1792)})),
            (replace(BRIEF, references=("a" * 64,)), OPENAI),
            (replace(BRIEF, orientation=Orientation.SQUARE), OPENAI),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert scene_prompt(BRIEF, replace(OPENAI, name="other")).digest == digests[0]


def test_people_appear_only_when_wanted() -> None:
    """Faces and hands are forbidden unless the request has people in it."""
    assert "人脸" in scene_prompt(BRIEF, ARK).text
    assert "人脸" not in scene_prompt(replace(BRIEF, people=True), ARK).text


def test_only_a_model_with_a_field_for_it_gets_a_negative_prompt() -> None:
    """Qwen's field names what is forbidden and the brand's don'ts; the others have it in the text."""
    negative = scene_prompt(BRIEF, QWEN).negative
    assert "文字" in negative
    assert "霓虹" in negative
    assert scene_prompt(BRIEF, ARK).negative == scene_prompt(BRIEF, OPENAI).negative == ""


def test_only_the_newest_reasons_count() -> None:
    """The last two; an old one is settled."""
    text = scene_prompt(replace(BRIEF, reasons=("太暗", "太亮", "偏蓝")), QWEN).text
    assert "太亮、偏蓝" in text
    assert "太暗" not in text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  双11\n大促\t会场 ", "双11 大促 会场"),
        ("写上“全场五折”和<SALE>", "写上全场五折和SALE"),
        ("a\u200bb\u202ec\x00d\ud800e", "abcde"),
        ("太暗了。", "太暗了"),
        ("\n\n", ""),
    ],
)
def test_typed_text_becomes_part_of_a_sentence(typed: str, kept: str) -> None:
    """One line, without quotes (models draw what is quoted), without invisible characters."""
    assert clean(typed, 40) == kept
    assert len(clean(typed * 50, 10)) <= 10


def test_a_limit_too_small_is_told() -> None:
    """The administrator reads how much is needed, and that much is enough."""
    with pytest.raises(ConfigError, match=r"set (\d+) or more") as caught:
        scene_prompt(BRIEF, replace(ARK, prompt_limit=50))
    enough = int(str(caught.value).split(" set ")[1].split()[0])
    assert len(scene_prompt(BRIEF, replace(ARK, prompt_limit=enough)).text) == enough
