"""旺店通 企业版: stock, a form whose pairs are signed with their lengths.

Wire facts: open.wangdian.cn/qyb, stock_query, as carried in public copies, read 2026-11. Not confirmed: which
code says that the sign is wrong (1 here), and in which words it asks to slow down (those of 旗舰版 here).
"""

import hashlib
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from sandbox.kernel import ApiError, Reply, Request, Routes, World

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLAIM = "open.wangdian.cn/qyb via public copies, 2026-11"
SID, APPKEY, SECRET = "test2", "test2-xx", "sandbox-wdt-old-secret"
TOLERANCE = 300


def signature(form: dict[str, str], secret: str = SECRET) -> str:
    """``LL-key:VVVV-value`` pairs by key, lengths in characters, then the secret."""
    parts = [
        f"{str(len(key)).zfill(2)}-{key}:{str(len(value)).zfill(4)}-{value}"
        for key, value in sorted(form.items())
        if key != "sign"
    ]
    return hashlib.md5((";".join(parts) + secret).encode()).hexdigest()  # noqa: S324 - their choice


def _error(error: ApiError, _log_id: str) -> Reply:
    return Reply({"code": error.code, "message": error.msg})


routes = Routes("wdt", on_error=_error)


@routes.add("POST", "/openapi2/stock_query.php", auth="none", claim=CLAIM)
def stock_query(world: World, req: Request) -> Reply:
    """By time of change, at most 30 days, or of one article; pages from 0 of at most 100 rows."""
    form = _admit(world, req)
    if form.get("spec_no"):
        found = [each for each in world.wdt.shelves if each.spec == form["spec_no"]]
    else:
        start, end = _at(form.get("start_time")), _at(form.get("end_time"))
        if end - start > 30 * 86_400:
            raise ApiError(1, "时间跨度不能超过30天")
        found = [each for each in world.wdt.shelves if start <= each.changed <= end]
    page, size = int(form.get("page_no") or 0), int(form.get("page_size") or 40)
    if not 1 <= size <= 100:
        raise ApiError(1, "page_size最大为100")
    rows = [
        {"spec_no": each.spec, "goods_no": each.spec[:3], "goods_name": f"商品{each.spec}",
         "warehouse_no": each.warehouse, "stock_num": f"{each.pieces}.0000",
         "avaliable_num": f"{each.free}.0000"}
        for each in found[page * size : (page + 1) * size]
    ]  # fmt: skip
    return Reply({"code": 0, "message": "ok", "total_count": len(found), "stocks": rows})


def _admit(world: World, req: Request) -> dict[str, str]:
    form = dict(parse_qsl(req.raw.decode(), keep_blank_values=True))
    if (form.get("sid"), form.get("appkey")) != (SID, APPKEY) or signature(form) != form.get("sign"):
        raise ApiError(1, "签名错误")
    stamp = form.get("timestamp", "")
    if not stamp.isdigit() or all(
        abs(now - int(stamp)) > TOLERANCE for now in (world.clock.time(), time.time())
    ):
        raise ApiError(1, "时间戳超出范围")
    world.wdt.pace()
    return form


def _at(text: Any) -> float:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).timestamp()
    except ValueError as broken:
        raise ApiError(1, "start_time和end_time必传") from broken
