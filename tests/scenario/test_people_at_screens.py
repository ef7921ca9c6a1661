"""The three main paths clicked through in a browser, by several people at the same time."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.client import until
from sandbox.office import Office
from sandbox.payday import PayDay
from sandbox.payday_desk import PIN, spellings
from sandbox.product_photos import photo
from tests.scenario.house import House
from tests.support.browser import Seat

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 420, "height": 860}


@pytest.fixture
def seats(demo_house: House, chromium: Browser) -> Iterator[Any]:
    """Lets people sit down; at the end no window had a script that failed or a file that was refused."""
    taken: list[Seat] = []
    with ExitStack() as stack:

        def sits(person: dict[str, Any], **size: int) -> Seat:
            url = demo_house.stage.sandbox_url
            taken.append(stack.enter_context(Seat.taken(chromium, url, person, **size)))
            return taken[-1]

        yield sits
        assert {seat.name: seat.errors for seat in taken if seat.errors} == {}


def accessible(page: Page) -> list[str]:
    """What axe-core calls serious or critical on a page, with the elements."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


# --- a red line ---


class RedLine:
    """A plan of somebody's that no other test looks at, and a rule that it does not break yet."""

    def __init__(self, office: Office, house: House) -> None:
        self.office, self.house = office, house
        self.chief = office.person("运营部")
        self.owner = office.person("运营部/天猫组", 1)
        self.watcher = office.person("财务部", 2)
        leader = self.owner["leader_open_id"]
        self.supervisor = next(p for p in office.people if p["open_id"] == leader)
        rows = until(self._earning, 60, "plans have numbers")
        self.plan = max(rows, key=lambda row: str(row["计划ID"]))
        self.rule = f"投产比下限 {self.plan['计划ID'][-6:]}"
        self.write()

    def _earning(self) -> list[dict[str, Any]]:
        return [row for row in self.office.rows("计划日报") if Decimal(row.get("成交金额") or 0) > 100]

    def write(self) -> None:
        """Owner, allowance and rule stand in their tables."""
        chief = self.chief["open_id"]
        owner = [{"id": self.owner["open_id"]}]
        self.office.edit(chief, "计划日报", self.plan["record_id"], 负责人=owner)
        boss = self.office.person("总经办")["open_id"]
        self.office.add(boss, "审批额度", 说明="天猫组", 人员=owner, 日预算上限=float(self.limit))
        record = self.office.add(
            chief, "预警规则", 规则名称=self.rule, 数据表="计划日报", 指标="ROI", 比较="低于", 阈值="1:0.01",
            范围=f"计划ID={self.plan['计划ID']}", 严重程度="警告", 动作=["调整预算", "知道了"], 启用=True,
            抄送=[{"id": self.watcher["open_id"]}],
        )  # fmt: skip
        until(lambda: self.house.verdict(record).startswith("有效"), 60, "the rule is valid")

    @property
    def limit(self) -> Decimal:
        """Up to here nobody is asked."""
        return max(self.budget(), Decimal(str(self.platform()["spend"])) * 2).quantize(Decimal(1)) + 100

    def platform(self) -> dict[str, Any]:
        """The plan as the ad platform has it."""
        return self.office.control.get(f"world/ads/plans/{self.plan['计划ID']}")

    def budget(self) -> Decimal:
        """The plan's daily budget there, yuan."""
        return Decimal(str(self.platform()["budget"]))


def edit_threshold(seat: Seat, office: Office, rule: str, threshold: str) -> None:
    """Find the rule's row in the grid and type another threshold over the old one."""
    page = seat.opens("bases", table=f"{office.app_token}/{office.tables['预警规则']}")
    page.get_by_label("在表中搜索").fill(rule)
    expect(page.locator(".g-note")).to_have_text("符合条件 1 行")
    names = page.locator(".g-head .g-name").all_text_contents()
    cell = page.locator(f"#c0-{names.index('阈值')}")
    cell.scroll_into_view_if_needed()
    cell.dblclick()
    page.locator(".g-edit textarea").fill(threshold)
    page.keyboard.press("Enter")
    expect(cell).to_have_text(threshold)


def test_a_red_line_from_the_threshold_to_the_recovery(demo_house: House, seats: Any) -> None:
    """Four windows: typed, told, refused, filled in, approved, done, recovered; each sees it by itself."""
    line = RedLine(Office(demo_house.control), demo_house)
    owner, watcher, supervisor, chief = map(seats, (line.owner, line.watcher, line.supervisor, line.chief))
    for each in (owner, watcher):
        each.opens()
    supervisor.opens("tasks")
    name = str(line.plan["计划名称"])
    edit_threshold(chief, line.office, line.rule, "1:90")

    card, copy = owner.card(name, line.rule), watcher.card(name, line.rule)
    expect(card).to_be_visible()
    watcher.taps(copy, "调整预算")
    watcher.is_told(owner.name)
    wanted = line.limit + 20_000
    owner.taps(card, "调整预算")
    card.locator('input[name="amount"]').fill(str(wanted))
    before = line.budget()
    owner.taps(card, "提交")
    owner.is_told("审批")
    expect(copy).to_contain_text("等待审批")
    assert line.budget() == before

    task = supervisor.page.locator(".task", has_text=name)
    task.get_by_label("意见").fill("同意，盯紧转化")
    task.get_by_role("button", name="同意", exact=True).click()
    supervisor.is_told("已处理")
    expect(card).to_contain_text("已把日预算")
    expect(copy).to_contain_text(owner.name)
    until(lambda: line.budget() == wanted, 30, "the budget changed on the platform")

    spend = float(line.platform()["spend"])
    line.office.control.post(f"world/ads/plans/{line.plan['计划ID']}", gmv=spend * 900)
    expect(card).to_contain_text("已恢复")
    expect(copy).to_contain_text("已恢复")


def test_the_back_office_turns_a_knob(demo_house: House, seats: Any) -> None:
    """What is typed over a budget there is the platform's budget; nonsense is refused at the field."""
    office = Office(demo_house.control)
    plan = office.control.get("world/ads/plans")["plans"][0]
    page = seats(office.person("运营部")).page
    page.goto(f"{demo_house.stage.sandbox_url}/backoffice")
    knob = page.get_by_label(f"{plan['name']} 日预算")
    knob.fill("很多")
    knob.press("Enter")
    expect(page.locator("#toast")).to_contain_text("不小于 0")
    knob.fill("4321")
    knob.press("Enter")
    expect(page.locator("#toast")).to_contain_text("预算改为")
    assert office.control.get(f"world/ads/plans/{plan['ad_id']}")["budget"] == "4321"


# --- pay ---


def follows(seat: Seat, button: str, *words: str) -> Page:
    """Tap a button of a card that opens a page, and consent as this person where Feishu asks."""
    with seat.context.expect_page() as opened:
        seat.taps(seat.card(*words), button)
    return signed_in(seat, opened.value)


def signed_in(seat: Seat, page: Page) -> Page:
    """Inside Feishu our door leads straight to its consent page, which proposes whose client this is."""
    page.get_by_role("button", name="同意并登录").or_(page.get_by_role("button", name=seat.name)).click()
    return page


def on_phone(seat: Seat) -> None:
    """Open the newest chat of the list."""
    seat.opens()
    seat.page.locator("#chats a.chat").first.click()


def test_a_payslip_is_opened_read_and_disputed(played: PayDay, seats: Any) -> None:
    """A phone, a PIN of one's own, the line in question; HR, who is looking, reads why on a page."""
    person, words = played.office.person("客服部", 2), f"{played.words} 工资条"
    employee, hr = seats(person, **PHONE), seats(played.hr)
    hr.opens()
    on_phone(employee)
    page = follows(employee, "查看工资条", words)
    page.locator("#pin").fill("123456")
    page.locator("#again").fill("123456")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_be_visible()
    employee.errors.clear()  # the browser notes the 400 that says so
    page.locator("#pin").fill("508213")
    page.locator("#again").fill("508213")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".hero strong.amount")).to_have_text(played.net(person))
    assert accessible(page) == []

    why = '绩效系数应为 1.1 <img src=x onerror="document.title=1">'
    page.locator("details.line", has_text="绩效工资").first.locator("summary").click()
    page.get_by_role("link", name="这一行有异议").locator("visible=true").click()
    expect(page.locator("#line")).to_have_value("绩效工资")
    page.locator("#text").fill(why)
    page.get_by_role("button", name="提交给人事").click()
    expect(page.get_by_role("status")).to_contain_text("已提交")
    expect(page.locator(".dispute-said")).to_contain_text(why)

    told = hr.card(f"{played.words} 工资条有异议", person["name"])
    expect(told).to_be_visible()
    assert "绩效系数应为" not in told.inner_text()
    seen = follows(hr, "看异议内容", f"{played.words} 工资条有异议", person["name"])
    seen.locator("#pin").fill(PIN)
    expect(seen.locator("blockquote").first).to_contain_text(why)
    assert (page.title(), seen.title()) == ("工资条", "工资条")


def test_a_wrong_pin_opens_nothing_and_a_forwarded_link_neither(played: PayDay, seats: Any) -> None:
    """A colleague with the link, signed in and with a PIN of their own, sees no amount of anybody."""
    victim, other = played.office.person("客服部", 3), played.office.person("客服部", 4)
    link, amounts = played.link(victim), spellings(played.results())
    thief = seats(other, **PHONE)
    page = thief.page
    page.goto(link)
    signed_in(thief, page)
    page.locator("#pin").fill("730915")
    page.locator("#again").fill("730915")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("h1")).to_be_visible()
    assert not [each for each in amounts if each in page.content()]
    owner = seats(victim, **PHONE)
    page = owner.page
    page.goto(link)
    signed_in(owner, page)
    page.locator("#pin").fill("415926")
    page.locator("#again").fill("415926")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".hero strong.amount")).to_have_text(played.net(victim))
    page.get_by_role("button", name="退出").click()
    page.goto(link)
    signed_in(owner, page)
    page.locator("#pin").fill("415927")
    expect(page.get_by_role("alert")).to_be_visible()
    assert not [each for each in amounts if each in page.content()]
    thief.errors.clear()  # the browser notes each refused page; both were meant to be refused
    owner.errors.clear()


def test_the_cockpit_opens_for_those_who_may(demo_house: House, seats: Any) -> None:
    """Signed in through Feishu; no serious fault of accessibility; on a phone nothing is cut off."""
    boss = seats(Office(demo_house.control).person("总经办"))
    page = boss.page
    page.goto(f"{demo_house.stage.url}/cockpit")
    page.get_by_role("button", name=boss.name).click()
    expect(page.locator("h1")).to_contain_text("经营指挥舱")
    expect(page.locator("#part-kpis .kpi").first).to_be_visible()
    assert accessible(page) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessible(page) == []


# --- images ---


def question(page: Page, title: str) -> Locator:
    """One question of a form, by its whole title (a star says that it must be answered)."""
    return page.locator("section.q", has=page.locator("h3", has_text=re.compile(rf"^{title}\*?$")))


def pick(page: Page, title: str, option: str) -> None:
    """Choose from the list of a question."""
    search = question(page, title).locator(".picker input").first
    search.fill(option)
    search.press("Enter")


def test_images_from_the_form_to_the_wiki(demo_house: House, seats: Any, tmp_path: Path) -> None:
    """An operator asks and chooses; a designer who is looking finds it archived."""
    office, title = Office(demo_house.control), "新年马克杯场景图"
    operator, designer = seats(office.person("运营部/抖音组", 2)), seats(office.person("设计部", 1))
    office.add(
        designer.open_id, "品牌规范", 品牌="悦居", 主色="#8C2F2B", 辅色="#F6EFE6", 强调色="#D9472F",
        深色文字="#2A1D1A", 浅色文字="#FFFFFF", 调性="温暖、克制",
    )  # fmt: skip
    name, data = photo("mug")
    (tmp_path / name).write_bytes(data)
    page = operator.opens("bases")
    page.get_by_text("表单 · 提交素材需求").click()
    page.get_by_role("button", name="提交", exact=True).click()
    expect(question(page, "主标题").get_by_role("alert")).to_have_text("这一题必须回答")
    for asked, text in (
        ("需求名称", title), ("品牌", "悦居"), ("商品", "红色陶瓷马克杯"),
        ("主标题", "新年第一杯热茶"), ("版数", "1"),
    ):  # fmt: skip
        question(page, asked).locator(".field").fill(text)
    question(page, "商品图").locator('input[type="file"]').set_input_files(tmp_path / name)
    expect(question(page, "商品图").locator(".file")).to_have_count(1)
    pick(page, "风格", "春节")
    pick(page, "尺寸", "京东场景图 800×800")
    pick(page, "需求人", operator.name)
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.locator(".thanks")).to_be_visible()

    operator.turns("chats")
    card = operator.card(title, "定稿第 1 版")
    expect(card).to_be_visible()
    operator.taps(card, "定稿第 1 版")
    operator.agrees()
    designer.opens("wiki")
    leaf = designer.page.locator("#chats [data-node]", has_text=title)
    expect(leaf).to_be_visible()
    leaf.click()
    expect(designer.page.locator("#chat-title")).to_contain_text(title)
    expect(designer.page.locator("#messages img").first).to_be_visible()
    expect(operator.card(title)).to_contain_text("归档")
