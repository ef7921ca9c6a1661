"""The make-believe company: its people, shops, plans, stock and the orders of today.

The same company and seed give the same people, ids and numbers. Names and goods are invented.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sandbox.ads import SHANGHAI
from sandbox.ads_model import Figures, Plan
from sandbox.erp import Sku
from sandbox.kernel import Person, World
from sandbox.shop import Line

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
)
GIVEN = [
    "芳",
    "伟",
    "娜",
    "敏",
    "静",
    "磊",
    "洋",
    "艳",
    "勇",
    "杰",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "晓燕",
    "建国",
    "文博",
    "雨桐",
    "子涵",
    "欣怡",
    "浩然",
    "梓萱",
    "诗琪",
    "宇航",
    "佳怡",
    "思远",
    "嘉豪",
    "梦瑶",
    "俊杰",
    "雪莹",
    "海燕",
    "志强",
    "丽华",
    "晨曦",
    "若曦",
    "天宇",
    "一鸣",
    "可欣",
    "婷婷",
    "国栋",
    "小龙",
    "玉兰",
    "春梅",
    "少华",
    "立新",
    "安琪",
]
PINYIN = [
    "Wei",
    "Na",
    "Min",
    "Jing",
    "Lei",
    "Yang",
    "Yan",
    "Yong",
    "Jie",
    "Tao",
    "Ming",
    "Chao",
    "Xia",
    "Ping",
    "Gang",
    "Yue",
    "Bo",
    "Han",
    "Yi",
    "Hao",
]

# Department, people, title of its head, title of the others.
DEMO_STAFF = (
    ("总经办", 1, "总经理", ""),
    ("运营部", 1, "运营总监", ""),
    ("运营部/天猫组", 7, "运营主管", "运营"),
    ("运营部/京东组", 6, "运营主管", "运营"),
    ("运营部/抖音组", 7, "运营主管", "运营"),
    ("采购部", 6, "采购主管", "采购"),
    ("设计部", 8, "设计主管", "设计师"),
    ("财务部", 4, "财务主管", "会计"),
    ("人事部", 4, "人事主管", "人事专员"),
    ("仓储部", 8, "仓储主管", "仓管员"),
    ("客服部", 8, "客服主管", "客服"),
)
# The least in which a pay day and a studio day can be played.
SMALL_STAFF = (
    ("总经办", 1, "总经理", ""),
    ("运营部", 1, "运营总监", ""),
    ("运营部/天猫组", 4, "运营主管", "运营"),
    ("运营部/抖音组", 2, "运营主管", "运营"),
    ("采购部", 2, "采购主管", "采购"),
    ("设计部", 3, "设计主管", "设计师"),
    ("财务部", 2, "财务主管", "会计"),
    ("人事部", 3, "人事主管", "人事专员"),
    ("仓储部", 4, "仓储主管", "仓管员"),
    ("客服部", 4, "客服主管", "客服"),
)
TINY_STAFF = (
    ("总经办", 1, "总经理", ""),
    ("运营部", 2, "运营主管", "运营"),
    ("采购部", 1, "采购", ""),
    ("财务部", 1, "财务主管", ""),
    ("人事部", 1, "人事主管", ""),
)
SHOPS = {41001: "悦然服饰天猫旗舰店", 41002: "悦然服饰京东旗舰店", 41003: "悦然服饰抖音旗舰店"}
GOODS = [
    "法式碎花连衣裙",
    "高腰阔腿裤",
    "羊毛混纺大衣",
    "纯棉基础T恤",
    "真丝印花衬衫",
    "针织开衫",
    "牛仔直筒裤",
    "轻薄羽绒服",
    "西装外套",
    "百褶半身裙",
    "连帽卫衣",
    "防晒衣",
    "运动瑜伽裤",
    "加绒打底衫",
    "复古皮衣",
    "亚麻短裤",
]
COLOURS = (("黑", "BK"), ("白", "WH"), ("米", "BE"), ("蓝", "BL"), ("红", "RD"))
SIZES = ("M", "L")
TACTICS = ("放量", "控成本", "拉新", "老客", "爆款")
SUPPLIERS = {8101: "杭州锦程服装厂", 8102: "广州美织制衣", 8103: "绍兴恒泰纺织", 8104: "义乌佳欣贸易"}


@dataclass(frozen=True, slots=True)
class Size:
    """How big a company is."""

    staff: tuple[tuple[str, int, str, str], ...]
    shops: int
    plans: int
    skus: int
    orders: int


SIZES_OF = {
    "demo": Size(DEMO_STAFF, 3, 40, 2000, 600),
    "small": Size(SMALL_STAFF, 1, 3, 10, 5),
    "tiny": Size(TINY_STAFF, 1, 3, 10, 5),
}
CROWD, LEAST_CROWD = "crowd:", 60
SMALL = ("人事部", "财务部")


def size_of(company: str) -> Size:
    """How big a company of this name is; ``crowd:300`` is one of 300 people with little to sell.

    Raises:
        ValueError: no company of that name, or too small a crowd.
    """
    count = company.removeprefix(CROWD)
    if company.startswith(CROWD) and count.isdecimal() and int(count) >= LEAST_CROWD:
        return Size(crowd(int(count)), 1, 3, 10, 5)
    if company not in SIZES_OF:
        known = f"{', '.join(SIZES_OF)}, empty and {CROWD}<number, {LEAST_CROWD} or more>"
        raise ValueError(f"no company {company!r}; there are {known}")
    return SIZES_OF[company]


def crowd(count: int) -> tuple[tuple[str, int, str, str], ...]:
    """The demo's departments, larger in proportion; HR, finance and the top stay as they are."""
    fixed = sum(n for part, n, _, low in DEMO_STAFF if part in SMALL or not low)
    times = (count - fixed) / (LEAST_CROWD - fixed)
    *first, (name, _, head, others) = [
        (part, n if part in SMALL or not low else int(n * times), top, low)
        for part, n, top, low in DEMO_STAFF
    ]
    return (*first, (name, count - sum(row[1] for row in first), head, others))


def fill(world: World, company: str, seed: int) -> None:
    """Found a company in an emptied world.

    Args:
        world: the world, just reset.
        company: demo (60 people, 3 shops, 40 plans, 2,000 SKUs), small (26, 1, 3, 10), tiny (6, 1, 3, 10),
            crowd:<people> or empty.
        seed: the same seed gives the same company.

    Raises:
        ValueError: no company of that name.
    """
    if company == "empty":
        return
    size = size_of(company)
    dice = random.Random(f"{company}/{seed}")  # noqa: S311 - a repeatable make-believe company
    hire(world, size, dice)
    world.shop.shops.update(dict(list(SHOPS.items())[-size.shops :]))
    stock(world, size, dice)
    advertise(world, size, dice)
    sell(world, size, dice)
    world.approval.seed(world)


def hire(world: World, size: Size, dice: random.Random) -> None:
    """Fill the departments; a head leads its department, the head above leads the head."""
    names = [s + g for s in SURNAMES for g in GIVEN]
    if sum(row[1] for row in size.staff) > len(names):
        short = [given for given in GIVEN if len(given) == 1]
        names += [surname + first + second for surname in SURNAMES for first in short for second in short]
    dice.shuffle(names)
    heads: dict[str, str] = {}
    for department, count, head_title, title in size.staff:
        above = heads.get(department.rpartition("/")[0]) or heads.get("总经办", "")
        for place in range(count):
            leader = above if place == 0 else heads[department]
            person = _person(world, dice, names.pop(), department, leader)
            person.title = head_title if place == 0 else title
            world.people[person.open_id] = person
            if place == 0:
                heads[department] = person.open_id


def _person(world: World, dice: random.Random, name: str, department: str, leader: str) -> Person:
    number = len(world.people) + 1
    return Person(
        open_id=world.ids.open_id(),
        union_id=world.ids.union_id(),
        user_id=world.ids.user_id(),
        name=name,
        en_name=f"{dice.choice(PINYIN)} {dice.choice(PINYIN)}",
        department=department,
        leader_open_id=leader,
        mobile=f"+86138{dice.randrange(10**4):04d}{number % 10**4:04d}",
        email=f"staff{number:03d}@yueran.example",
        employee_no=f"YR{number:04d}",
    )


def stock(world: World, size: Size, dice: random.Random) -> None:
    """Fill the warehouse: well above safety stock, now and then with goods on the way."""
    buyers = [p.open_id for p in world.people.values() if p.department.startswith("采购部")]
    shops = list(world.shop.shops)
    for number in range(size.skus):
        style, kind = divmod(number, len(COLOURS) * len(SIZES))
        (colour, code), cut = COLOURS[kind % len(COLOURS)], SIZES[kind // len(COLOURS)]
        goods = GOODS[style % len(GOODS)]
        supplier = list(SUPPLIERS)[style % len(SUPPLIERS)]
        least = 30 if size.skus <= 10 else dice.randrange(15, 60)
        cost = Decimal(dice.randrange(2900, 26000)) / 100
        sku = Sku(
            sku_id=f"YR{style + 1001}-{code}-{cut}",
            style=f"YR{style + 1001}",
            name=f"{goods} {colour} {cut}",
            qty=100 if size.skus <= 10 else least + dice.randrange(20, 400),
            least=least,
            most=least * 10,
            cost=cost,
            price=(cost * Decimal("2.6")).quantize(Decimal(1)) - Decimal("0.10"),
            supplier_id=supplier,
            supplier=SUPPLIERS[supplier],
            shop_id=shops[style % len(shops)],
            buyer=buyers[style % len(buyers)],
        )
        if size.skus > 10 and dice.random() < 0.03:
            sku.coming = least * 2
        world.erp.skus[sku.sku_id] = sku
        world.erp.touch(sku)


def advertise(world: World, size: Size, dice: random.Random) -> None:
    """Start the plans: today and the seven days before, each earning more than three times what it costs."""
    today = world.clock.now().astimezone(SHANGHAI).date()
    shops = list(world.shop.shops.values())
    operators = [p for p in world.people.values() if p.department.startswith("运营部")]
    for number in range(size.plans):
        shop = shops[number % len(shops)]
        team = [p for p in operators if p.department[-3:-1] in shop] or operators
        live = number % 4 == 3
        goods, tactic = GOODS[number % len(GOODS)], TACTICS[number % len(TACTICS)]
        plan = Plan(
            plan_id=1790000000000000 + number * 1013 + 4001,
            name=f"{goods}-{'直播' if live else '短视频'}-{tactic}-{number + 1:02d}",
            shop=shop,
            goal="LIVE_PROM_GOODS" if live else "VIDEO_PROM_GOODS",
            budget=Decimal(2000) if size.plans <= 3 else Decimal(dice.randrange(12, 60) * 100),
            created=f"{today - timedelta(days=30):%Y-%m-%d} 09:00:00",
            owner=team[number % len(team)].open_id,
        )
        for back in range(7, -1, -1):
            spend = plan.budget * (dice.randrange(62, 88) if back else dice.randrange(30, 55)) / 100
            roi = Decimal(dice.randrange(340, 620)) / 100
            plan.days[(today - timedelta(days=back)).isoformat()] = figures(spend, roi, dice)
        world.ads.plans[plan.plan_id] = plan
    if size.plans <= 3:
        for plan in world.ads.plans.values():
            plan.days[today.isoformat()] = Figures(Decimal(800), Decimal(3200), 20, 40000, 1200)


def figures(spend: Decimal, roi: Decimal, dice: random.Random) -> Figures:
    """A believable day for this spend and return."""
    gmv = (spend * roi).quantize(Decimal("0.01"))
    clicks = int(spend / Decimal("0.7")) + dice.randrange(40)
    return Figures(
        spend.quantize(Decimal("0.01")), gmv, max(1, int(gmv / 160)), clicks * dice.randrange(28, 45), clicks
    )


def sell(world: World, size: Size, dice: random.Random) -> None:
    """The orders since midnight; one in twenty is not paid."""
    start = world.shop.midnight()
    passed = max(world.clock.time() - start - 60, 1)
    moments = sorted(dice.random() * passed for _ in range(size.orders))
    skus = list(world.erp.skus.values())
    for moment in moments:
        chosen = dice.sample(skus, dice.choice((1, 1, 1, 2, 3)))
        unpaid = size.orders > 10 and dice.random() < 0.05
        lines = [order_line(sku, dice.choice((1, 1, 2))) for sku in chosen]
        world.shop.place(chosen[0].shop_id, lines, at=start + moment, status=1 if unpaid else 105)


def order_line(sku: Sku, count: int) -> Line:
    """An article as it stands in an order, amount in 分."""
    return Line(sku.sku_id, sku.name, count, int(sku.price * 100) * count)
