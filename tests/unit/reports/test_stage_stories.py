"""Stories: what is saved comes back, what is none is one sentence, names play no games; and the file that plays offline."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiger.core import access
from tiger.core.access import Visitor
from tiger.reports.stage import offline, stories
from tiger.reports.stage.pictures import Look
from tiger.reports.stage.scene import Scene, Thing
from tiger.reports.stage.stories import Frame, Story

numbers = st.integers(0, 10**9)
histories = st.lists(numbers, max_size=4).map(tuple)
frames = st.builds(Frame, model=st.text("abc-1", min_size=1, max_size=9), user=st.none() | numbers, items=histories,
                   was=st.none() | histories, at=st.integers(0, 64), beside=st.booleans(), why=st.none() | numbers,
                   note=st.text(max_size=20))
names = st.text("aZ9é</ '\"日", max_size=30).map(lambda text: " ".join(f"a{text}".split()))
tales = st.builds(Story, id=st.text("0123456789abcdef", min_size=12, max_size=12), name=names,
                  dataset=st.text("abz0", min_size=3, max_size=9), frames=st.lists(frames, min_size=1, max_size=3).map(tuple),
                  owner=st.text("0a", max_size=12), created_s=st.floats(0, 1e11))
junk = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["name", "frames", "dataset", "owner", "created_s", "model", "user", "items", "was"]),
                        inner, max_size=9), max_leaves=12)
UNHURRIED = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.thorough
@UNHURRIED
@given(story=tales)
def test_a_story_comes_back_from_json_as_it_was(story):
    assert stories.decode(story.id, json.loads(json.dumps(stories.encode(story)))) == story


@UNHURRIED
@given(about=junk)
def test_what_is_no_story_is_refused_with_a_sentence(about):
    with pytest.raises(ValueError, match=r"\."):
        stories.decode("0" * 12, about)


VIEW = Frame("demo-recommender", 3, (1, 2))


def test_stories_are_listed_replaced_by_name_and_deleted(tiger_home):
    first = stories.save(stories.new("  Coffee\n and camping ", "synthetic", (VIEW,)))
    again = stories.save(stories.new("Coffee and camping", "synthetic", (VIEW, replace(VIEW, at=2))))
    assert again.id == first.id and [len(one.frames) for one in stories.stories("synthetic")] == [2]
    assert stories.stories("other") == []
    (tiger_home / "stories" / "torn.json").write_text('{"name": ')
    assert stories.find(first.id, "synthetic").name == "Coffee and camping"
    stories.delete(again)
    with pytest.raises(ValueError, match="not there any more"):
        stories.find(first.id, "synthetic")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "con", "<script>"])
def test_a_name_is_no_path(tiger_home, name):
    story = stories.save(stories.new(name, "synthetic", (VIEW,)))
    assert [path.name for path in (tiger_home / "stories").iterdir()] == [f"{story.id}.json"]
    with pytest.raises(ValueError, match="is no story"):
        stories.delete(replace(story, id="../x"))


@pytest.mark.parametrize(("name", "n", "words"), [("", 1, "1 to 60 characters"), ("x" * 61, 1, "has 61"),
                                                  ("x", 0, "1 to 60 views"), ("x", 61, "has 61")])
def test_what_cannot_be_saved_is_said(name, n, words):
    with pytest.raises(ValueError, match=words):
        stories.new(name, "synthetic", (VIEW,) * n)


def test_a_visitors_stories_are_theirs_and_the_teacher_sees_all(tiger_home):
    one, two, teacher = Visitor("a1", "Ada"), Visitor("b2", "Bob"), Visitor("t0", "Teacher", True)
    try:
        access.identify_by(lambda: one)
        mine = stories.save(stories.new("Mine", "synthetic", (VIEW,)))
        access.identify_by(lambda: two)
        assert stories.stories("synthetic") == []
        with pytest.raises(ValueError, match="not yours"):
            stories.delete(mine)
        access.identify_by(lambda: teacher)
        assert [one.name for one in stories.stories("synthetic")] == ["Mine"]
    finally:
        access.identify_by(None)
    stories.forget("a1")
    assert stories.stories("synthetic") == []


def scene(title: str, picture: str = "") -> Scene:
    look = Look("camping", picture, "A", 1)
    return Scene("key", "Person 3", "", {1: Thing(title, "Tents", look)}, (1,), (1,), 0, 2, (), (), None, ("Said.",), ("Start",),
                 "Rule.")


def test_the_offline_file_embeds_any_title_and_asks_nobody():
    title = "</script><script>alert(1)</script><!-- \u2028 & \"quoted\" 'title'"
    story = Story("0" * 12, "<b>Tent & co", "synthetic", (VIEW, replace(VIEW, at=1)))
    text = offline.page(story, [scene(title, "https://example.org/a.png")] * 2)
    body = re.search(r'<script type="application/json" id="story">(.*?)</script>', text, re.DOTALL)[1]
    told = json.loads(body)["playing"]
    assert told["scenes"][0]["things"]["1"]["title"] == title and len(told["scenes"]) == 1  # a scene is stored once
    assert [frame["scene"] for frame in told["frames"]] == [0, 0] and told["name"] == "<b>Tent & co"
    assert "<title>&lt;b&gt;Tent &amp; co</title>" in text and text.count("</script>") == 2
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|\bsrc=", text.replace("src: look.picture", ""))
    assert "default-src 'none'" in text
