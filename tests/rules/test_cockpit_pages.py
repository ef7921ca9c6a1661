"""The pages of the cockpit over the real web app: what they show, never show, and leave with."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bitable_sync.cells import EMPTY, Person
from rules import freshness, store
from rules.cockpit.board import KEPT
from rules.specs import PLANS, SHOPS
from runtime.db import Database
from sandbox.server import SandboxServer
from tests.rules.cockpit_kit import START, TODAY, Browser, House, plan_row, shop_row
from tests.rules.kit import sku

pytestmark = pytest.mark.db
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


@pytest.fixture
def me(sandbox: SandboxServer) -> str:
    """The first person's open_id."""
    return str(next(iter(sandbox.world.people)))


@pytest.fixture
def house(database: Database, sandbox: SandboxServer, tmp_path: Path, me: str) -> House:
    """A cockpit that the first person may look at."""
    return House(database, sandbox, tmp_path, viewers=[me])


@pytest.fixture
def browser(house: House, me: str) -> Browser:
    """The first person's browser."""
    return house.signed_in(me)


def text(html: str) -> str:
    """The words of a page, without tags and runs of blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_today_is_summed_up_with_what_to_compare_it_with(house: House, browser: Browser) -> None:
    """Sales against yesterday's hour, spend and ROI of all plans, SKUs in need, open alerts."""
    house.ordinary()
    house.alert()
    words = text(browser.get("/cockpit").text)
    for said in (
        "¥5.00万",
        "昨日同时段 ¥4.00万 ▲ +25.0%",
        "¥1,500",
        "3.33",
        "1 / 2 个 SKU",
        "1 条还没有人处理",
    ):
        assert said in words
    assert "有数据不是最新的" not in words


def test_nothing_seen_is_said_in_words_and_is_no_zero(house: House, browser: Browser) -> None:
    """A new installation shows dashes and what is missing, never ¥0 and never that all is well."""
    words = text(browser.get("/cockpit").text)
    assert "今天还没有成交数据" in words
    assert "还没有取到过数据" in words
    assert "不代表一切正常" in words
    assert "¥0" not in words


def test_old_numbers_are_marked_and_named_with_the_error(house: House, browser: Browser) -> None:
    """When a source is older than its limit its numbers carry the mark, and the banner says why."""
    house.ordinary()
    assert "没更新" not in browser.parts()["kpis"]
    house.clock.advance(timedelta(minutes=20))
    house.alive()
    house.failed(PLANS, "广告平台没有接受授权")
    parts = browser.parts()
    assert parts["kpis"].count("20 分钟没更新") == 2  # spend and ROI; stock and sales are within their limits
    assert parts["kpis"].count("kpi stale") == 2
    assert "广告计划：20 分钟没有更新（最后 14:32）；广告平台没有接受授权" in text(parts["state"])
    assert "已过期" in parts["sources"]


def test_a_failed_try_alone_is_told_and_makes_nothing_stale(house: House, browser: Browser) -> None:
    """Numbers within their limit are good whatever the last try said."""
    house.ordinary()
    house.failed(SHOPS, "店铺平台繁忙")
    parts = browser.parts()
    assert "kpi stale" not in parts["kpis"]
    assert "banner" not in parts["state"]
    assert "上次没取到" in parts["sources"]
    assert "店铺平台繁忙" in parts["sources"]


def test_of_several_connections_the_one_that_is_behind_is_named(house: House, browser: Browser) -> None:
    """千川 and 京准通 fill the plans: the one that is old is named, and not the table beside it."""

    def pull(**errors: str) -> None:
        now = house.clock.now()
        with house.db.begin() as conn:
            for name, error in errors.items():
                store.note_pull(conn, f"{PLANS}/{name}", now, error=error)
            freshness.note_table(conn, PLANS, errors, now, "；".join(filter(None, errors.values())))

    house.ordinary()
    pull(qc="", jd="")
    house.clock.advance(timedelta(minutes=20))
    house.alive()
    pull(qc="", jd="授权已失效")
    parts = browser.parts()
    assert "广告计划 · jd：20 分钟没有更新（最后 14:32）；授权已失效" in text(parts["state"])
    assert "广告计划：" not in text(parts["state"])
    shown = text(parts["sources"])
    assert "广告计划 · qc" in shown
    assert "广告计划 · jd" in shown
    assert "店铺成交 ·" not in shown


def test_a_silent_worker_is_told(house: House, browser: Browser) -> None:
    """Without a worker nothing gets new, however young the numbers are."""
    house.ordinary()
    house.clock.advance(timedelta(minutes=2))
    assert "后台服务：2 分钟没有更新" in text(browser.parts()["state"])


def test_without_a_platform_nothing_counts_as_fresh(
    database: Database, sandbox: SandboxServer, tmp_path: Path, me: str
) -> None:
    """A pull that had nobody to ask is not data."""
    house = House(database, sandbox, tmp_path, viewers=[me], connected=False)
    house.pulled(PLANS)
    assert text(house.signed_in(me).parts()["state"]).count("平台还没有接入") == 3


def test_a_shop_leads_to_its_plans_and_skus(house: House, browser: Browser) -> None:
    """The drill-down holds that shop's plans and SKUs and nobody else's."""
    house.pulled(PLANS, plan_row("1001"), plan_row("2001", shop="专营店"))
    house.pulled(SHOPS, shop_row(), shop_row("专营店"))
    house.stock(sku("MINE", shop="旗舰店"), sku("OTHER", shop="专营店"))
    link = re.search(r'href="(/cockpit/shop\?[^"]+)">旗舰店', browser.get("/cockpit").text)
    assert link is not None
    page = browser.get(link.group(1).replace("&amp;", "&"))
    assert page.status_code == 200
    assert "夏季新品1001" in page.text
    assert "MINE" in page.text
    assert "2001" not in page.text
    assert "OTHER" not in page.text


def test_an_unknown_shop_is_a_page_that_says_so(house: House, browser: Browser) -> None:
    """So is no shop at all."""
    house.ordinary()
    for path in ("/cockpit/shop?shop=没有", "/cockpit/shop", "/cockpit/what"):
        assert browser.get(path).status_code == 404


def test_a_platform_narrows_sales_and_ads(house: House, browser: Browser) -> None:
    """Only the chosen platform's shops are summed up."""
    house.pulled(SHOPS, shop_row(), shop_row("京东店", platform="京东", gmv=Decimal(7000)))
    assert "¥5.70万" in browser.parts()["kpis"]
    assert "¥7,000" in browser.parts("home", "?platform=京东")["kpis"]
    assert "旗舰店" not in browser.parts("home", "?platform=京东")["shops"]


def test_trend_has_a_gap_where_nothing_was_seen(house: House, browser: Browser) -> None:
    """Days are read from what was kept; 7 days are seven points."""
    for back in (6, 5, 0):
        day = TODAY - timedelta(days=back)
        house.pulled(SHOPS, shop_row(gmv=Decimal(1000 + back)), at=START - timedelta(days=back), day=day)
    trend = browser.parts("home", "?days=7")["trend"]
    found = re.search(r'id="chart-money" data-chart="([^"]+)"', trend)
    assert found is not None
    data = json.loads(found.group(1).replace("&#34;", '"'))
    assert data["lines"][0]["values"] == [1006.0, 1005.0, None, None, None, None, 1000.0]
    assert "11-22 周日" in trend


@pytest.mark.parametrize("days", ["0", "8", "-1", "1e9", "九", "30' OR 1=1"])
def test_a_span_nobody_offers_is_thirty_days(house: House, browser: Browser, days: str) -> None:
    """What the address cannot ask for is left out."""
    answer = browser.get("/cockpit", query_string={"days": days})
    assert answer.status_code == 200
    assert 'aria-current="true">30 天' in answer.text


def test_names_are_text_wherever_they_stand(house: House, browser: Browser) -> None:
    """A shop, plan, SKU, person, alert or error that looks like HTML stays text, on the page and live."""
    house.pulled(PLANS, plan_row("1", shop=EVIL, name=EVIL, status=EVIL, platform=EVIL))
    house.pulled(SHOPS, shop_row(EVIL))
    house.stock(
        sku(EVIL, name=EVIL, shop=EVIL, owner=(Person("ou_x", EVIL),)), sku("2", safety=EMPTY, name=EVIL)
    )
    house.alert(title=EVIL, owners=(Person('ou_"x', EVIL),))
    house.alert("al_2", state="unknown", held="firing", sentence=EVIL, acked_by=Person("ou_y", EVIL))
    house.failed(PLANS, EVIL)
    pages = [browser.get("/cockpit").text, browser.get("/cockpit/stock").text]
    pages.append(browser.get("/cockpit/shop", query_string={"shop": EVIL}).text)
    pages += ["".join(browser.parts().values()), "".join(browser.parts("stock").values())]
    for page in pages:
        assert "onerror=alert" in page.replace("&#34;", '"')  # it is there, as text
        assert "<img" not in page
        assert "<script>alert" not in page
        assert not re.search(r"<[^>]*\sonerror", page)


def test_no_script_or_style_stands_in_a_page(house: House, browser: Browser) -> None:
    """The policy allows our own files only, and the pages need nothing else."""
    house.ordinary()
    page = browser.get("/cockpit")
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", page.text)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors https://*.feishu.cn" in policy
    assert set(re.findall(r'(?:src|href)="(https?:[^"]+)"', page.text)) == set()
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_live_parts_are_the_parts_of_the_page(house: House, browser: Browser) -> None:
    """What the script puts in is what the page was made of."""
    house.ordinary()
    page = browser.get("/cockpit").text
    for name, html in browser.parts().items():
        assert f'id="part-{name}">{html}</section>' in page


def test_an_unchanged_board_is_304_and_a_changed_one_is_not(house: House, browser: Browser) -> None:
    """The tag names the content; new figures are shown after at most five seconds."""
    house.ordinary()
    first = browser.get("/cockpit/live/home")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert browser.get("/cockpit/live/home", headers=tag).status_code == 304
    house.pulled(SHOPS, shop_row(gmv=Decimal(60000)))
    house.clock.advance(KEPT)
    changed = browser.get("/cockpit/live/home", headers=tag)
    assert changed.status_code == 200
    assert "¥6.00万" in changed.get_json()["parts"]["kpis"]
    assert changed.headers["Cache-Control"] == "no-store"


def test_a_tag_of_one_session_means_nothing_in_another(house: House, browser: Browser, me: str) -> None:
    """The same board has another tag for another viewer."""
    house.ordinary()
    tag = browser.get("/cockpit/live/home").headers["ETag"]
    other = house.signed_in(me).get("/cockpit/live/home", headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert other.headers["ETag"] != tag


def test_alerts_say_who_has_them_and_for_how_long(house: House, browser: Browser) -> None:
    """In hand: by whom; otherwise whose it is, and that nobody is named."""
    house.alert("a")
    house.alert("b", state="acked", acked_by=Person("ou_li", "李强"), fired_at=START - timedelta(days=2))
    house.alert("c", owners=())
    house.alert("d", state="resolved", title="已经好了")
    words = text(browser.parts()["alerts"])
    assert "已持续 1 小时 负责人 王芳" in words
    assert "已持续 2 天 李强 在处理" in words
    assert "没有负责人" in words
    assert "已经好了" not in words


def test_a_broken_page_says_nothing_of_what_broke(house: House, browser: Browser) -> None:
    """The viewer reads a sentence; the exception stays in the log."""
    house.mirror.db.close()
    house.db.close()
    answer = browser.get("/cockpit/assets/../../desk.py")
    assert answer.status_code in {302, 303, 404, 500}
    assert "Traceback" not in answer.text
    assert "sqlalchemy" not in answer.text.lower()


def test_assets_are_ours_alone(house: House) -> None:
    """Only the four files are served; they may be kept, for their address changes with them."""
    browser = house.browser()
    for name in ("cockpit.css", "cockpit.js", "uplot.css", "uplot.js"):
        with browser.get(f"/cockpit/assets/{name}") as answer:
            assert (answer.status_code, "max-age=86400" in answer.headers["Cache-Control"]) == (200, True)
    for name in ("cockpit_page.html", "VENDORED.md", "..%2fdesk.py"):
        assert browser.get(f"/cockpit/assets/{name}").status_code in {303, 404}
