// The back office: shops, ad plans, stock, purchase orders, image bills, and the knobs of the make-believe market.
import {toggleDeveloper} from "./drawer.js";
import {act, el, get, later, refusal, single, toast} from "./net.js";

const EVERY = 2000;
const asked = {words: "", page: 0};
const desk = document.querySelector("#desk");
const money = (text) => "¥" + Number(text).toLocaleString("zh-CN", {minimumFractionDigits: 2, maximumFractionDigits: 2});
const STATUS = {DELIVERY_OK: ["投放中", "green"], OFFLINE_BUDGET: ["预算用完", "orange"], DISABLE: ["已暂停", "neutral"], DELETE: ["已删除", "neutral"]};
const parts = {};

/** Do something and say what came of it. */
async function turn(path, body, said) {
  const answer = await act(path, body);
  if (answer.code) toast("error", refusal(answer)); else toast("success", typeof said === "function" ? said(answer.data ?? answer) : said);
  load();
}

// A table is drawn again only when it changed and nobody types into it.
function table(name, heads, rows, empty) {
  const box = parts[name], key = JSON.stringify(rows.map((row) => row.key));
  if (box.key === key || (box.contains(document.activeElement) && document.activeElement.matches("input"))) return;
  const focused = document.activeElement?.dataset?.focus;
  box.key = key;
  box.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, heads.map(([word, kind]) => el("th", {class: kind || null, scope: "col"}, word)))),
    el("tbody", {}, rows.map((row) => el("tr", {class: row.class || null}, row.cells.map((cell, index) => el("td", {class: heads[index][1] || null, "data-head": heads[index][0]}, cell)))))));
  if (!rows.length) box.replaceChildren(el("p", {class: "empty"}, empty));
  if (focused) box.querySelector(`[data-focus="${focused}"]`)?.focus();
}

/** A number one can type over: Enter or leaving saves, Esc takes back; `empty` is what an empty field means. */
function knob(value, label, save, empty) {
  const field = el("input", {class: "knob", value, inputmode: "decimal", "aria-label": label});
  const keep = () => {
    const now = Number(field.value.replace(/[,，¥\s]/g, ""));
    if (field.value === String(value)) return;
    if (field.value.trim() === "" && empty !== undefined) { value = ""; save(empty); return; }
    if (field.value.trim() === "" || !Number.isFinite(now) || now < 0) { field.setAttribute("aria-invalid", "true"); toast("warning", `${label}：请填写不小于 0 的数`); return; }
    value = String(now);
    save(now);
  };
  field.addEventListener("change", keep);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") field.blur();
    if (event.key === "Escape") { field.value = value; field.blur(); }
  });
  return field;
}

const button = (word, work, kind = "", focus = "") => el("button", {class: `btn btn-small ${kind}`, onclick: work, "data-focus": focus || null}, word);

function plans(list) {
  table("plans", [["计划"], ["状态"], ["ROI", "num"], ["消耗", "num"], ["成交", "num"], ["日预算", "num"], ["操作"]], list.map((plan) => {
    const [word, colour] = STATUS[plan.status] || [plan.status, "neutral"], low = plan.roi !== "" && Number(plan.roi) < 3, at = `ads/plans/${plan.id}`;
    return {key: plan, class: low ? "low" : "", cells: [
      [el("b", {}, plan.name), el("small", {}, `${plan.shop} · ${plan.owner || "没有负责人"}`)], el("span", {class: `tag tag-${colour}`}, word), el("strong", {class: low ? "bad" : ""}, plan.roi || "—"),
      knob(plan.spend, `${plan.name} 今日消耗`, (spend) => turn(`world/${at}`, {spend}, `消耗改为 ${money(spend)}`)), money(plan.gmv),
      knob(plan.budget, `${plan.name} 日预算`, (budget) => turn(`world/${at}`, {budget}, `预算改为 ${money(budget)}（不经平台规则）`)),
      el("div", {class: "do"},
        plan.sunk ? button("恢复", () => turn("simulator/recover", {plan_id: plan.id}, `${plan.name} 的 ROI 恢复了`), "", "r" + plan.id) : button("让 ROI 下跌", () => turn("simulator/sink", {plan_id: plan.id}, `${plan.name} 的 ROI 跌破 1:3，等产品发现`), "btn-danger", "s" + plan.id),
        button(plan.enabled ? "暂停" : "启用", () => turn(`world/${at}`, {enabled: !plan.enabled}, plan.enabled ? "已暂停" : "已启用"), "", "e" + plan.id))]};
  }), asked.words ? "没有符合的计划。" : "没有投放计划。");
}

function stock(list, {total, low, page, size}) {
  parts.articles.textContent = `${total.toLocaleString()} 个 SKU · ${low} 个低于安全库存 · 缺口大的在前`;
  table("skus", [["商品"], ["可用", "num"], ["占用", "num"], ["在途", "num"], ["安全库存", "num"], ["操作"]], list.map((sku) => {
    const count = el("input", {class: "knob few", type: "number", min: "1", value: Math.max(1, Math.min(300, sku.qty)), "aria-label": `卖出 ${sku.name} 的件数`});
    const at = `world/erp/skus/${encodeURIComponent(sku.id)}`, short = sku.qty < sku.least;
    return {key: sku, class: short ? "low" : "", cells: [
      [el("b", {}, sku.name), el("small", {}, `${sku.id} · ${sku.shop} · 采购 ${sku.buyer || "—"}`)], knob(sku.qty, `${sku.name} 库存`, (qty) => turn(at, {qty: Math.round(qty)}, `库存改为 ${qty}`)),
      String(sku.locked), String(sku.coming), knob(sku.least, `${sku.name} 安全库存`, (least) => turn(at, {least: Math.round(least)}, `安全库存改为 ${least}`)),
      el("div", {class: "do"}, count, button("卖出", () => turn("simulator/sell", {sku_id: sku.id, count: Number(count.value)}, (now) => `卖出后还剩 ${now.qty} 件`), sku.qty ? "" : "", "q" + sku.id),
        sku.qty > sku.least ? button("卖到缺货", () => turn("simulator/drain", {sku_id: sku.id}, (now) => `只剩 ${now.qty} 件，低于安全库存`), "btn-danger", "d" + sku.id) : null)]};
  }), asked.words ? "没有符合的商品。" : "没有商品。");
  const last = Math.max(0, Math.ceil(total / size) - 1), go = (to) => () => { asked.page = to; load(); };
  parts.pager.replaceChildren(...(last ? [el("button", {class: "btn", disabled: page === 0, onclick: go(page - 1)}, "上一页"), el("span", {}, `${page + 1} / ${last + 1}`), el("button", {class: "btn", disabled: page >= last, onclick: go(page + 1)}, "下一页")] : []));
}

function rest(now) {
  const cards = now.shops.map((shop) => el("div", {class: "stat"}, el("small", {}, shop.name), el("b", {}, money(shop.pay_amount / 100)), el("small", {}, `今日 ${shop.orders} 单`)));
  const spend = now.plans.reduce((sum, plan) => sum + Number(plan.spend), 0), gmv = now.plans.reduce((sum, plan) => sum + Number(plan.gmv), 0);
  parts.shops.replaceChildren(...cards, el("div", {class: "stat"}, el("small", {}, "广告今日"), el("b", {}, spend ? (gmv / spend).toFixed(2) : "—"), el("small", {}, `ROI · 消耗 ${money(spend)}`)));
  table("purchases", [["采购单"], ["商品"], ["数量", "num"], ["状态"]], now.purchases.map((one) => ({key: one, cells: [
    [el("b", {}, String(one.id)), el("small", {}, `${one.external} · ${one.at}`)], one.items.map((item) => el("div", {}, `${item.name || item.sku}`)), one.items.map((item) => el("div", {}, String(item.qty))),
    el("span", {class: `tag tag-${one.status === "Confirmed" ? "green" : "orange"}`}, one.status === "Confirmed" ? "已确认" : "待确认")]})), "还没有采购单。在库存告警卡片上点“紧急补货”，这里就会多一张。");
  parts.billed.textContent = `共 ${now.bills.count} 张`;
  table("bills", [["#", "num"], ["模型"], ["尺寸"], ["提示词"]], now.bills.newest.map((bill) => ({key: bill.n, cells: [String(bill.n), bill.model, bill.size, el("span", {class: "prompt", title: bill.prompt}, bill.prompt)]})), "还没有生成过图片。提交一张素材需求试试。");
  knobs(now.knobs);
  parts.now.textContent = `平台时间 ${now.now}`;
}

function knobs(now) {
  const typing = parts.knobs.contains(document.activeElement) && document.activeElement.matches("input");
  if (typing || parts.knobs.key === JSON.stringify(now)) return;
  const switched = parts.knobs.contains(document.activeElement) && document.activeElement.matches(".switch");
  parts.knobs.key = JSON.stringify(now);
  const field = (word, value, unit, save, empty) => el("label", {}, word, knob(value, word, save, empty), unit);
  parts.knobs.replaceChildren(
    el("button", {class: "switch", role: "switch", "aria-checked": String(now.simulator), onclick: () => turn("simulator", {on: !now.simulator}, now.simulator ? "数据停下来了" : "数据开始流动：来单、消耗、卖货")}, el("i", {"aria-hidden": "true"}), "市场模拟", el("small", {}, now.simulator ? "运行中" : "停止")),
    field("速度", String(now.speed), "倍", (speed) => turn("simulator", {speed}, `速度 ${speed} 倍`)),
    field("每分钟订单", String(now.orders_per_minute), "单", (orders) => turn("simulator", {orders_per_minute: orders}, `每分钟 ${orders} 单`)),
    field("图像模型延迟", String(now.latency), "秒", (latency) => turn("world/images", {latency}, `图像模型每张至少 ${latency} 秒`)),
    field("图像额度", now.quota === null ? "" : String(now.quota), "张（空 = 不限）", (quota) => turn("world/images", {quota: quota === null ? null : Math.round(quota)}, quota === null ? "额度不限" : `还能生成 ${quota} 张`), null),
    el("button", {class: "btn btn-danger", onclick: () => turn("simulator/sink", {}, (told) => (told.name ? `${told.name} 的 ROI 下跌了` : "没有可以下跌的计划"))}, "随机跌一个 ROI"),
    el("button", {class: "btn btn-danger", onclick: () => turn("simulator/drain", {}, (told) => (told.sku_id ? `${told.sku_id} 只剩 ${told.qty} 件` : "没有可以卖空的商品"))}, "随机卖空一件"));
  if (switched) parts.knobs.querySelector(".switch").focus();
}

function frame() {
  const box = (name, attributes = {}) => (parts[name] = el("div", {...attributes}));
  const section = (title, aside, ...inner) => el("section", {"aria-label": title}, el("h2", {}, title, aside), ...inner);
  const note = (name) => (parts[name] = el("small"));
  const search = el("input", {type: "search", class: "search", placeholder: "搜索计划、店铺、商品、SKU", "aria-label": "搜索", oninput: later((event) => { asked.words = event.target.value.trim(); asked.page = 0; load(); }, 250)});
  desk.replaceChildren(box("shops", {class: "stats"}), box("knobs", {class: "knobs", role: "group", "aria-label": "旋钮"}), el("div", {class: "find"}, search, note("now")),
    section("投放计划", el("small", {}, "ROI 低的在前 · 红线 1:3"), box("plans", {class: "wide"})),
    section("库存", note("articles"), box("skus", {class: "wide"}), box("pager", {class: "turn"})),
    el("div", {class: "pair"}, section("采购单", null, box("purchases", {class: "wide"})), section("图像模型账单", note("billed"), box("bills", {class: "wide"}))));
}

const load = single(async () => {
  const now = await get("/_sandbox/view/backoffice?" + new URLSearchParams(asked)).catch((error) => { toast("error", error.message); return null; });
  if (!now) return;
  plans(now.plans);
  stock(now.skus, now.articles);
  rest(now);
});

frame();
load();
setInterval(() => { if (document.visibilityState === "visible") load(); }, EVERY);
document.querySelector('[data-do="developer"]').addEventListener("click", toggleDeveloper);
