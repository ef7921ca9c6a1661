"""Templates are data that people edit: each mistake is answered with its place, in Chinese."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from creative.studio.layout import Area, Template, TemplateError, defaults, read_template
from creative.studio.model import Format, Insets, Look, Shape, Slot
from creative.studio.stage import frame, mirrored, variant, without_product

FOLDER = resources.files("creative.studio") / "data" / "templates"


def raw() -> dict[str, Any]:
    return json.loads((FOLDER / "left_text.json").read_text("utf-8"))


def refused(change: Any) -> str:
    """The sentence about a template after ``change`` was done to it."""
    data = raw()
    change(data)
    with pytest.raises(TemplateError) as caught:
        read_template(json.dumps(data))
    return str(caught.value)


def put(path: str, value: Any) -> Any:
    """A change: set the value at a dotted path."""

    def change(data: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            data = data[int(step)] if step.isdigit() else data[step]
        data[last] = value

    return change


def test_four_templates_come_along_and_cover_all_shapes() -> None:
    found = defaults()
    assert {t.name for t in found.values()} >= {"左文右图", "上文下图", "大字价格", "详情页卖点"}
    assert all(set(t.shapes) == set(Shape) for t in found.values())
    assert all(key == t.key for key, t in found.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("name", ""), "name：不能为空"),
        (put("shapes.square.logo", 0.9), "shapes.square.logo：不能大于 0.2"),
        (put("shapes.square.logo", "大"), "shapes.square.logo：应该是数字"),
        (
            put("shapes.square.columns.0.anchor", "up"),
            "shapes.square.columns.0.anchor：只能是 'top', 'middle' or 'bottom'",
        ),
        (
            put("shapes.square.columns.0.texts.0.sise", 1),
            "shapes.square.columns.0.texts.0.sise：没有这一项，请删掉或检查拼写",
        ),
        (
            put("shapes.square.columns.0.texts.0.weight", 500),
            "shapes.square.columns.0.texts.0.weight：只能是 400, 700 or 900",
        ),
        (
            put("shapes.square.columns.0.texts.0.largest", 0.02),
            "shapes.square.columns.0.texts.0：largest 不能小于 smallest",
        ),
        (
            put("shapes.square.columns.0.texts.0.slot", "title"),
            "shapes.square.columns.0.texts.0.slot：只能是 'headline'",
        ),
        (put("shapes.square.product.area.right", 0.1), "shapes.square.product.area：区域太小或方向反了"),
        (put("shapes.square.product.area.left", 0.2), "shapes.square：商品区域与文字区域"),
        (lambda d: d["shapes"].pop("tall"), "模板：缺少版式 tall"),
        (lambda d: d["shapes"]["square"]["columns"][0]["texts"].pop(), "shapes.square：缺少文字位 cta"),
        (lambda d: d["shapes"]["square"].pop("product"), "shapes.square.product：缺少这一项"),
        (
            lambda d: d["shapes"]["square"]["columns"][0]["texts"].append(
                d["shapes"]["square"]["columns"][0]["texts"][0]
            ),
            "shapes.square：每个文字位只能出现一次",
        ),
        (put("shapes.square.columns", []), "shapes.square.columns：至少要有 1 项"),
    ],
)
def test_a_mistake_is_named_with_its_place(change, said: str) -> None:
    assert said in refused(change)


def test_what_is_not_json_is_said_so() -> None:
    with pytest.raises(TemplateError, match="不是合法的 JSON"):
        read_template('{"key": ')


def test_many_mistakes_are_counted_not_listed() -> None:
    def change(data: Any) -> None:
        for column in data["shapes"]["square"]["columns"]:
            for text in column["texts"]:
                text["smallest"] = text["largest"] = "大"

    assert refused(change).endswith("另有 7 处")


@pytest.mark.parametrize("template", defaults().values(), ids=lambda t: t.key)
def test_a_template_survives_being_written_and_read(template: Template) -> None:
    assert read_template(template.model_dump_json()) == template


@pytest.mark.parametrize("template", defaults().values(), ids=lambda t: t.key)
@pytest.mark.parametrize("shape", Shape)
def test_mirroring_twice_changes_nothing_but_right_aligned_texts(template: Template, shape: Shape) -> None:
    plan = template.shapes[shape]
    twice = mirrored(mirrored(plan))
    for one, other in zip(
        (plan.product.area, *(c.area for c in plan.columns)),
        (twice.product.area, *(c.area for c in twice.columns)),
        strict=True,
    ):
        assert tuple(one.model_dump().values()) == pytest.approx(tuple(other.model_dump().values()))
    assert (twice.mark, twice.corner) == (plan.mark, plan.corner)


def test_without_a_product_the_headline_takes_its_place() -> None:
    plan = defaults()["left_text"].shapes[Shape.SQUARE]
    bare = without_product(plan)
    assert bare.columns[0].area == Area(left=0, top=0, right=1, bottom=1)
    assert bare.columns[0].texts[0].slot is Slot.HEADLINE
    assert bare.columns[0].texts[0].largest > plan.columns[0].texts[0].largest


def test_four_variants_are_four() -> None:
    for template in defaults().values():
        seen = {(v.mirror, tuple(v.tone.items()), v.focus) for v in (variant(template, n) for n in range(4))}
        assert len(seen) == 4
        assert variant(template, 2) == variant(template, 2)


def test_the_frame_keeps_to_the_wider_of_brand_and_channel() -> None:
    fmt = Format("x", "x", "x", 1000, 2000, "jpeg", 1, safe=Insets(top=0.1, left=0.01))
    room = frame(fmt, Look("x", safe=0.05))
    assert room.box == (50, 200, 950, 1950)
