"""The back office: what the company sells, advertises and has in stock, and knobs to turn it."""

from decimal import Decimal
from typing import Any

from sandbox.ads_model import Plan, least_budget
from sandbox.card_html import esc
from sandbox.erp import Sku
from sandbox.kernel import Reply, Request, Routes, World
from sandbox.page_frame import CLAIM, document

ROWS = 50
Body = dict[str, Any]

routes = Routes("page")


@routes.add("GET", "/backoffice", auth="none", claim=CLAIM)
def backoffice(world: World, _req: Request) -> Reply:
    """The page; its script fills it in."""
    body = (
        '<header class="desk-head"><a href="/" aria-label="换一个人">沙箱</a>'
        f"<h1>店铺 / 投放 / ERP 后台</h1><span>{esc(world.company)}</span>"
        '<button class="btn btn-text" data-do="developer">开发者</button></header><main id="desk"></main>'
    )
    return document("后台", body, "desk", "backoffice")


@routes.add("GET", "/_sandbox/view/backoffice", auth="none", claim=CLAIM)
def view(world: World, req: Request) -> dict[str, Any]:
    """Everything the page shows: ?words= narrows plans and articles, ?page= turns the articles (from 0)."""
    words = req.query.get("words", "").strip().lower()
    page = int(req.query["page"]) if req.query.get("page", "").isdecimal() else 0
    today = world.ads.today()
    names = {open_id: person.name for open_id, person in world.people.items()}
    plans = [p for p in world.ads.plans.values() if not p.deleted and words in f"{p.name} {p.shop}".lower()]
    skus = [s for s in world.erp.skus.values() if words in f"{s.sku_id} {s.name}".lower()]
    skus.sort(key=lambda s: (s.qty + s.coming - s.least, s.sku_id))
    bills = world.images.bills
    return {
        "shops": [_shop(world, shop_id) for shop_id in world.shop.shops],
        "plans": [_plan(world, plan, today, names) for plan in sorted(plans, key=lambda p: _roi(p, today))],
        "skus": [_sku(world, sku, names) for sku in skus[page * ROWS : (page + 1) * ROWS]],
        "articles": {
            "total": len(skus),
            "low": sum(s.qty < s.least for s in skus),
            "page": page,
            "size": ROWS,
        },
        "purchases": [_purchase(world, p.row()) for p in list(world.erp.purchases.values())[-ROWS:][::-1]],
        "bills": {
            "count": len(bills),
            "newest": [
                {"at": b.at, "model": b.model, "size": b.size, "prompt": b.prompt[:200], "n": b.n}
                for b in bills[-20:][::-1]
            ],
        },
        "knobs": {
            "simulator": world.simulator.running,
            "speed": world.simulator.pace.speed,
            "orders_per_minute": world.simulator.pace.orders_per_minute,
            "latency": world.images.latency,
            "quota": world.images.quota,
        },
        "now": world.ads.now(),
    }


def _shop(world: World, shop_id: int) -> Body:
    sales = world.shop.sales(shop_id)
    return {"id": str(shop_id), "name": world.shop.shops[shop_id], **sales}


def _roi(plan: Plan, today: str) -> Decimal:
    figures = plan.day(today)
    return figures.gmv / figures.spend if figures.spend else Decimal(9999)


def _plan(world: World, plan: Plan, today: str, names: dict[str, str]) -> Body:
    figures = plan.day(today)
    return {
        "id": str(plan.plan_id),
        "name": plan.name,
        "shop": plan.shop,
        "owner": names.get(plan.owner, ""),
        "enabled": plan.enabled,
        "status": plan.status(today),
        "budget": str(plan.budget),
        "least": str(least_budget(figures.spend)),
        "spend": str(figures.spend),
        "gmv": str(figures.gmv),
        "orders": figures.orders,
        "roi": str(round(figures.gmv / figures.spend, 2)) if figures.spend else "",
        "sunk": plan.plan_id in world.simulator.sunk,
        "changes": plan.changes.get(today, 0),
    }


def _sku(world: World, sku: Sku, names: dict[str, str]) -> Body:
    return {
        "id": sku.sku_id,
        "name": sku.name,
        "shop": world.shop.shops.get(sku.shop_id, ""),
        "buyer": names.get(sku.buyer, ""),
        "supplier": sku.supplier,
        "qty": sku.qty,
        "locked": sku.locked,
        "coming": sku.coming,
        "least": sku.least,
        "most": sku.most,
        "price": str(sku.price),
    }


def _purchase(world: World, row: Body) -> Body:
    items = [
        {
            "sku": str(item.get("sku_id")),
            "name": world.erp.skus[str(item.get("sku_id"))].name
            if str(item.get("sku_id")) in world.erp.skus
            else "",
            "qty": item.get("qty"),
            "price": item.get("price"),
        }
        for item in row["items"]
    ]
    return {
        "id": row["po_id"],
        "external": row["external_id"],
        "status": row["status"],
        "remark": row["remark"],
        "at": row["po_date"],
        "items": items,
    }
