"""Edits at any moment: of a request while it is made, of brands and words, and a job that gives up."""

import json

import pytest

from bitable_sync.mirror import ROWS, STATE
from creative.looking import sweep_work
from creative.model import CallState, State
from creative.shelf import load_shelf
from runtime.errors import PermanentError
from tests.creative.hands import Hands
from tests.creative.stage import BRAND, Studio

pytestmark = pytest.mark.db

STAGE = {"by_hand": True}

BAD = ("坏的.jpg", b"\xff\xd8\xff\xe0 half")


def hands(studio: Studio) -> Hands:
    """The works of the stage."""
    assert isinstance(studio.engine, Hands)
    return studio.engine


def test_an_edit_while_it_is_made_counts_afterwards(calm: Studio) -> None:
    """The first version is finished as it was asked for; the new copy follows at no cost."""
    record = calm.ask(wait=None)
    hands(calm).perform(until="art.compose")
    calm.edit("art_requests", record, 主标题="后来改的")
    calm.wait(record, "待审", version=2)
    assert calm.reasons(record) == ["accepted", "delivered", "copy_edited", "delivered"]
    assert len(calm.bills(record)) == 1
    assert calm.stored_version(record).brief.copy.headline == "一杯热水\n陪你到下班"
    assert calm.stored_version(record, 2).brief.copy.headline == "后来改的"


def test_a_row_deleted_while_it_is_made_pays_for_nothing_more(calm: Studio) -> None:
    """Pictures that were asked for are paid for; those that wait are not sent, and nobody gets a card."""
    record = calm.ask(版数=3, wait=None)
    hands(calm).perform(until="art.generate")
    hands(calm).do(hands(calm).waiting_works.pop(0))
    calm.delete("art_requests", record)
    calm.idle()
    assert calm.request(record).state is State.CANCELLED
    calls = calm.calls(record)
    assert sorted(call.state.value for call in calls) == ["refused", "refused", "stored"]
    said = {call.note for call in calls if call.state is CallState.REFUSED}
    assert said == {"需求取消了或有了新的版本，没有生成"}
    assert len(calm.bills(record)) == 1
    assert calm.cards(calm.operator, record) == []
    assert hands(calm).given_up == []


def test_a_photo_replaced_while_the_bad_one_was_looked_at_is_taken(calm: Studio) -> None:
    """The bad photo is refused; the good one stands in the row already, so nobody has to edit again."""
    record = calm.ask(photo=BAD, 尺寸=["公众号小封面 383×383"], wait=None)
    calm.edit("art_requests", record, 商品图=[])
    calm.wait(record, "待审", version=2)
    assert calm.reasons(record) == ["accepted", "bad_input", "accepted", "delivered"]


def test_a_brand_row_that_became_wrong_keeps_its_last_good_meaning(calm: Studio) -> None:
    row = calm.add("art_brands", **{**BRAND, "品牌": "青禾", "主色": "#123456"})
    calm.idle()
    assert calm.cell(row, "校验结果", "art_brands") == "可用"
    calm.edit("art_brands", row, 主色="蓝色")
    calm.idle()
    said = calm.cell(row, "校验结果", "art_brands")
    assert "“主色”要写成 #RRGGBB，如 #1F3A5F，现在是“蓝色”" in said
    assert "暂时仍按上一次正确的内容使用" in said
    record = calm.ask(品牌="青禾", 尺寸=["公众号小封面 383×383"])
    assert calm.stored_version(record).brief.brand.colours["primary"] == "#123456"
    calm.edit("art_brands", row, 主色="654321")
    calm.idle()
    assert calm.cell(row, "校验结果", "art_brands") == "可用"
    twice = calm.add("art_brands", 品牌="青禾")
    calm.idle()
    assert "“青禾”在另一行里已经有了" in calm.cell(twice, "校验结果", "art_brands")


def test_a_mirror_being_rebuilt_takes_no_brand_away(calm: Studio) -> None:
    """One brand's event arrives while the mirror is empty: the others are still in force."""
    with calm.floor.mirror.begin() as conn:
        conn.execute(ROWS.delete().where(ROWS.c.table_key == "art_brands"))
        conn.execute(STATE.delete().where(STATE.c.table_key == "art_brands"))
    calm.add("art_brands", 品牌="刚加的")
    with calm.floor.db.read() as conn:
        assert {"悦然", "刚加的"} <= set(load_shelf(conn).brands)
    calm.sync.puller.pull("art_brands")
    calm.arrive("art_brands", calm.add("art_brands", 品牌="再加一个"))
    with calm.floor.db.read() as conn:
        assert {"悦然", "刚加的", "再加一个"} <= set(load_shelf(conn).brands)


def test_a_word_in_the_companys_list_takes_effect_and_may_be_switched_off(calm: Studio) -> None:
    word = calm.add("art_words", 词="暖心", 判定="禁用", 建议="贴心", 启用=True)
    wrong = calm.add("art_words", 词="好", 判定="禁用", 启用=True)
    calm.idle()
    assert calm.cell(word, "校验结果", "art_words") == "已生效"
    assert calm.cell(wrong, "校验结果", "art_words")
    record = calm.ask(主标题="暖心一杯", 尺寸=["公众号小封面 383×383"], wait="待修改")
    assert "暖心" in calm.cell(record, "说明")
    assert calm.bills(record) == []
    assert "待修改" in json.dumps(calm.cards(calm.operator, "暖心一杯")[-1], ensure_ascii=False)
    calm.edit("art_words", word, 启用=False)
    calm.edit("art_requests", record, 状态=None)
    calm.wait(record, "待审")
    assert len(calm.bills(record)) == 1


def test_words_are_judged_by_the_channels_of_the_sizes(calm: Studio) -> None:
    """秒杀 is suppressed on 小红书 and ordinary elsewhere: the sizes say where the picture will stand."""
    record = calm.ask(主标题="今日秒杀", 尺寸=["小红书封面 1080×1440"], wait="待修改")
    assert "秒杀" in calm.cell(record, "说明")
    assert calm.bills(record) == []
    calm.edit("art_requests", record, 尺寸=["公众号小封面 383×383"], 状态=None)
    calm.wait(record, "待审")


def test_words_are_judged_by_the_industry_of_the_brand(calm: Studio) -> None:
    """细胞再生 is plain on a cup and forbidden for cosmetics; an industry nobody knows is told in the row."""
    brand = calm.add("art_brands", **{**BRAND, "品牌": "芙颜", "行业": ["化妆品"]})
    calm.idle()
    assert calm.cell(brand, "校验结果", "art_brands") == "可用"
    small = {"主标题": "细胞再生", "尺寸": ["公众号小封面 383×383"]}
    record = calm.ask(品牌="芙颜", **small, wait="待修改")
    assert "细胞再生" in calm.cell(record, "说明")
    calm.ask(**small)
    calm.edit("art_brands", brand, 行业=["卫星"])
    calm.idle()
    assert "“行业”里没有“卫星”" in calm.cell(brand, "校验结果", "art_brands")


def test_a_job_that_gives_up_says_so_and_is_finished_when_replayed(calm: Studio) -> None:
    """Feishu refuses a file for good: 失败 in row and card; an administrator replays the parked work."""
    calm.fault("*/medias/upload_all", kind="code", code=1061002, msg="params error.")
    record = calm.ask(尺寸=["公众号小封面 383×383"], wait="失败")
    assert calm.cell(record, "状态") == "失败"
    assert "没有做完" in calm.cell(record, "说明")
    assert "清空“状态”重新开始" in calm.cell(record, "说明")
    assert "失败" in json.dumps(calm.cards(calm.operator)[-1], ensure_ascii=False)
    ((work, error),) = hands(calm).given_up
    hands(calm).given_up.clear()
    assert isinstance(error, PermanentError)
    assert work.id == f"art-upload:{record}:1:1"
    hands(calm).do(work)
    calm.wait(record, "待审")
    assert len(calm.results(record)) == 1
    assert len(calm.bills(record)) == 1
    assert calm.reasons(record) == ["accepted", "gave_up", "delivered"]


def test_a_failed_request_is_made_anew_when_its_state_is_emptied(calm: Studio) -> None:
    """And not before: events and the sweep leave it alone, because it costs money."""
    calm.fault("*/medias/upload_all", kind="code", code=1061002, msg="params error.")
    record = calm.ask(尺寸=["公众号小封面 383×383"], wait="失败")
    hands(calm).given_up.clear()
    calm.arrive("art_requests", record)
    sweep(calm)
    assert calm.request(record).state is State.FAILED
    calm.edit("art_requests", record, 状态=None)
    calm.wait(record, "待审", version=2)
    assert len(calm.bills(record)) == 2


def test_events_that_come_twice_and_a_sweep_decide_nothing_more(calm: Studio) -> None:
    """The same event again and again, and all tables read anew."""
    record = calm.ask(尺寸=["公众号小封面 383×383"])
    before = (calm.request(record), calm.reasons(record), len(calm.bills()))
    for _ in range(3):
        calm.arrive("art_requests", record)
    sweep(calm)
    assert (calm.request(record), calm.reasons(record), len(calm.bills())) == before
    assert hands(calm).given_up == []


def test_a_sweep_that_hears_no_answer_is_left_to_the_next(calm: Studio) -> None:
    """Nobody is bothered with work that comes again by itself."""
    calm.fault("*/records/search*", times=8, kind="status", status=502)
    sweep(calm)
    assert hands(calm).given_up == []


def sweep(studio: Studio) -> None:
    """The regular look at everything."""
    hands(studio).do(sweep_work(None))
    studio.idle()
