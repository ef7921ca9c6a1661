"""From a row of the form to the wiki: what the people of the company find in row, chat, page and library."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from creative import tables
from creative.model import CallState
from creative.studio.formats import by_name
from creative.studio.label import label_json, read_label, write_label
from creative.studio.model import AigcLabel
from tests.contract.kit import control
from tests.creative.stage import PRODUCER, Studio
from tests.creative.stage_kit import bottle, buttons, packed

pytestmark = pytest.mark.db

SMALL = ["抖音推荐素材 600×800"]


def texts_of(bill: dict[str, Any]) -> str:
    """The prompt of a bill."""
    return str(bill["prompt"])


def test_a_form_becomes_files_in_the_row_and_a_card(calm: Studio) -> None:
    """Exact sizes, bytes under the cap, labelled in every container, shown to the requester."""
    names = [*SMALL, "竖版海报 PNG 1080×1920", "官网横幅 WebP 1920×720", "天猫白底图 800×800"]
    record = calm.ask(尺寸=names, 商品="蓝色水瓶", 备注="木桌、早晨的光")
    found = calm.results(record)
    assert len(found) == len(names)
    for name, data in found:
        fmt = next(each for each in map(by_name, names) if each.name.replace(" ", "-") in name)
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert (image.size, image.format) == ((fmt.width, fmt.height), fmt.file.upper())
        assert fmt.least <= len(data) <= fmt.most
        label = read_label(data)
        if fmt.key == "tmall_white":
            assert label is None  # nothing of it was generated
            continue
        assert label is not None
        assert (label.producer, label.kind) == (PRODUCER, "1")
    stored = {made.format: made for made in calm.files(record)}
    assert {made.verified for made in stored.values() if made.label} == {"原样"}
    assert [name.rpartition(".")[2] for name, _ in calm.results(record, "分层文件")] == ["psd", "svg"]
    # Two orientations, one background each; the white one needs none.
    assert len(calm.bills(record)) == 2
    assert calm.cell(record, "费用") == 0.5
    assert calm.spent(record) == Decimal("0.50")
    assert all(
        "木桌、早晨的光" in texts_of(bill) and "一杯热水" in texts_of(bill) for bill in calm.bills(record)
    )
    assert calm.cell(record, "说明").splitlines()[0] == "第 1 次：1 版，请在卡片上定稿或重做"
    assert (calm.cell(record, "状态"), calm.cell(record, "版本")) == ("待审", 1)
    assert "seed" in calm.cell(record, "提示词")
    assert calm.cell(record, "模型") == "doubao-seedream-4-0-250828"
    (card,) = calm.cards(calm.operator, record)
    assert list(buttons(card["content"])) == ["定稿第 1 版", "重做", "改文案"]
    said = json.dumps(card["content"], ensure_ascii=False)
    assert "'zh_cn': '定稿第 1 版'".replace("'", '"') in said
    assert '"en_us": "Choose no. 1"' in said
    assert '"tag": "img"' in said
    assert calm.troubles() == []


def test_a_redo_takes_its_reason_and_the_edited_row_and_keeps_the_old_files(calm: Studio) -> None:
    """An edit of the scene costs money, so it waits for 重做; 重做 then makes what the row asks for."""
    record = calm.ask(备注="木桌")
    old = calm.results(record)
    first = calm.cards(calm.operator, record)[-1]
    calm.edit("art_requests", record, 备注="大理石台面")
    calm.idle()
    assert "请在卡片上点“重做”" in calm.cell(record, "说明")
    assert len(calm.bills(record)) == 1
    opened = calm.decide(record, "重做")
    assert opened.toast is None
    assert opened.card is not None
    refused = calm.press(calm.operator, opened.card, "提交", reason=" ")
    assert refused.toast is not None
    assert "哪里不满意" in refused.toast.zh
    assert refused.toast.en == "Say in a few words what should be different"
    done = calm.press(calm.operator, opened.card, "提交", reason="背景太乱")
    assert done.toast is not None
    assert done.toast.zh == "正在重做，通常几分钟"
    calm.wait(record, "待审", version=2)
    prompts = [texts_of(bill) for bill in calm.bills(record)]
    assert len(prompts) == 2
    assert "背景太乱" in prompts[1]
    assert "大理石台面" in prompts[1]
    assert "木桌" not in prompts[1]
    assert [data for _, data in calm.results(record)[1:]] == [data for _, data in old]
    assert calm.cell(record, "费用") == 0.5
    assert len(calm.cards(calm.operator, record)) == 1  # the old card has no buttons that name it
    replaced = next(each for each in calm.cards(calm.operator) if each["message_id"] == first["message_id"])
    assert "已有新的" in str(replaced["content"])
    assert buttons(replaced["content"]) == {}
    assert calm.reasons(record) == ["accepted", "delivered", "needs_redo", "redo", "delivered"]


def test_new_copy_on_the_card_or_in_the_row_is_composed_at_no_cost(calm: Studio) -> None:
    """The same background, other letters; the row and the card say the same in the end."""
    record = calm.ask()
    opened = calm.decide(record, "改文案")
    assert opened.card is not None
    form = {
        "headline": "热水不等人",
        "subline": "316 不锈钢",
        "points": "一\n二",
        "price": "",
        "cta": "",
        "footnote": "",
    }
    same = calm.press(calm.operator, opened.card, "提交", headline="一杯热水\n陪你到下班")
    assert same.toast is not None
    assert same.toast.zh == "文案没有改动"
    bad = calm.press(calm.operator, opened.card, "提交", **{**form, "headline": "全网最低价"})
    assert bad.toast is not None
    assert bad.toast.kind == "error"
    assert "全网最低" in str(bad.card)
    done = calm.press(calm.operator, opened.card, "提交", **form)
    assert done.toast is not None
    assert done.toast.zh == "正在重新排版，不花费用"
    calm.wait(record, "待审", version=2)
    assert calm.cell(record, "主标题") == "热水不等人"
    assert calm.cell(record, "卖点") == "一\n二"
    calm.edit("art_requests", record, 主标题="第三个标题")
    calm.wait(record, "待审", version=3)
    assert len(calm.bills(record)) == 1
    assert "沿用原来的底图，没有花费" in calm.cell(record, "说明")
    made = [calm.files(record, version) for version in (1, 2, 3)]
    blobs = [next(each.blob for each in files if each.format == "douyin_feed") for files in made]
    assert len(set(blobs)) == 3
    ground = calm.calls(record)[0].blob
    assert all(ground in files[0].inputs for files in made)
    assert len(calm.results(record)) == 3
    calm.arrive("art_requests", record)
    calm.idle()
    assert calm.request(record).version == 3


def test_the_chosen_variant_goes_to_the_wiki_and_the_library(calm: Studio) -> None:
    """Labelled files, provenance, and whoever looks for it finds it; its like is pointed at."""
    cells = {
        "需求名称": "圣诞保温杯海报",
        "主标题": "圣诞暖一冬",
        "商品": "圣诞保温杯",
        "风格": ["圣诞"],
        "版数": 2,
    }
    record = calm.ask(尺寸=[*SMALL, "公众号小封面 383×383"], **cells)
    answer = calm.decide(record, "定稿第 2 版")
    assert answer.toast is not None
    assert (answer.toast.zh, answer.toast.en) == ("已定稿第 2 版", "No. 2 is chosen")
    request = calm.wait(record, "已归档")
    assert (request.chosen, request.decided_by) == (2, calm.operator.open_id)
    assert "打开归档页" in str(calm.cards(calm.operator, "圣诞保温杯海报")[-1]["content"])
    page = wiki_page(calm, "圣诞保温杯海报")
    assert request.wiki.startswith("https://yueran.example/wiki/")
    shas = {block["media"]["sha256"] for block in page["blocks"] if "media" in block}
    chosen = [made for made in calm.files(record) if made.variant == 2]
    assert {made.blob for made in chosen} <= shas
    assert not {made.blob for made in calm.files(record) if made.variant == 1} & shas
    rows = [row["fields"] for row in calm.rows("art_assets") if "圣诞保温杯海报" in str(row["fields"])]
    assert len(rows) == 2
    assert {"".join(part["text"] for part in row["SHA-256"]) for row in rows} == {
        made.blob for made in chosen if made.format not in ("psd", "svg")
    }
    assert all(PRODUCER in str(row["标识"]) for row in rows)
    assert all(row["定稿人"][0]["id"] == calm.operator.open_id for row in rows)
    digest = next(call.digest for call in calm.calls(record) if call.variant == 2)
    assert any(digest[:16] in str(row["提示词摘要"]) for row in rows)
    assert "doubao-seedream" in str(rows[0]["模型"])
    found = calm.say(calm.person(5), "找素材 圣诞 竖版")
    assert "圣诞保温杯海报" in str(found.card)
    assert "没有找到" in calm.say(calm.person(5), "找素材 春节 竖版").text

    twin = calm.ask(尺寸=["公众号小封面 383×383"], **{**cells, "版数": 1})
    with calm.floor.db.begin() as conn:  # the same picture by chance: as if the same layout had come out
        other = next(made for made in chosen if made.format == "mp_thumb").dhash
        conn.execute(
            tables.files.update()
            .where(tables.files.c.version_id == f"{twin}:1", tables.files.c.format == "mp_thumb")
            .values(dhash=other)
        )
    calm.decide(twin, "定稿第 1 版")
    calm.wait(twin, "已归档")
    assert "可能和这些重复，请看一眼：圣诞保温杯海报" in calm.cell(twin, "说明")


def wiki_page(studio: Studio, title: str) -> dict[str, Any]:
    """The one page of the wiki whose title has these words."""
    spaces = control(studio.sandbox, "GET", "wiki/spaces")["data"]["spaces"]
    pages = [page for space in spaces for page in space["pages"] if title in page["title"]]
    assert len(pages) == 1
    found: dict[str, Any] = control(studio.sandbox, "GET", f"wiki/pages/{pages[0]['node_token']}")["data"]
    return found


def test_a_designers_finals_stand_in_for_the_composed_pictures(calm: Studio) -> None:
    """One that lost its sign gets it again, one that has it keeps its own, one that is no picture is told."""
    record = calm.ask(需求名称="设计师改过的图")
    art = bottle(600, "RGB")
    own = AigcLabel(PRODUCER, "DESIGNERS-OWN")
    finals = {
        "去标.jpg": packed(art, "JPEG"),
        "带标.png": write_label(packed(art, "PNG"), own),
        "源文件.psd": b"8BPS\0\x01",
    }
    calm.edit("art_requests", record, 设计定稿=[calm.attach(name, data) for name, data in finals.items()])
    calm.idle()
    assert calm.request(record).version == 1  # a final is no change of the brief
    calm.decide(record, "定稿第 1 版")
    calm.wait(record, "已归档")
    assert "设计定稿“源文件.psd”没有归档" in calm.cell(record, "说明")
    rows = [row["fields"] for row in calm.rows("art_assets") if "设计师改过的图" in str(row["fields"])]
    archived = {row["文件"][0]["name"]: row for row in rows}
    assert set(archived) == {"去标.jpg", "带标.png"}
    made = {each.name: each for each in calm.files(record) if each.format.startswith("final")}
    label = read_label(calm.deps.blobs.get(made["去标.jpg"].blob))
    assert label is not None
    assert label.producer == PRODUCER
    assert made["去标.jpg"].label == label_json(label)
    assert calm.deps.blobs.get(made["带标.png"].blob) == finals["带标.png"]
    assert "DESIGNERS-OWN" in made["带标.png"].label
    composed = {each.blob for each in calm.files(record) if each.format == "douyin_feed"}
    shas = {
        block["media"]["sha256"]
        for block in wiki_page(calm, "设计师改过的图")["blocks"] if "media" in block
    }  # fmt: skip
    assert not composed & shas
    assert made["去标.jpg"].blob in shas


def test_without_a_model_and_without_a_photo_a_request_is_made_all_the_same(calm: Studio) -> None:
    """All providers are out of money: painted here, unlabelled, and said so."""
    calm.fault(kind="answer", status=429, body={"error": {"code": "insufficient_quota"}}, times=10)
    record = calm.ask(商品图=[])
    assert calm.bills(record) == []
    (call,) = calm.calls(record)
    assert (call.state, call.cost) == (CallState.FAILED, None)
    assert "先用本地绘制的底图" in calm.cell(record, "说明")
    assert calm.cell(record, "模型") == "本地绘制"
    assert read_label(calm.results(record)[0][1]) is None
