// For developers: every request, event and tap as it happens, faults to order, the clock, and a reset.
import {act, agreed, el, follow, get, later, refusal, single, toast} from "./net.js";

const ZONE = "Asia/Shanghai";
const KINDS = [["", "全部"], ["request", "请求"], ["event", "事件"], ["tap", "点击"]];
const STATES = [["", "全部结果"], ["ok", "成功"], ["bad", "出错"]];
const NAMES = {request: "请求", event: "事件", tap: "点击"};
const PLACES = [
  ["*", "任何接口"], ["*/records/batch_create", "多维表格：新增行"], ["*/records/batch_update", "多维表格：修改行"], ["*/records/*", "多维表格：记录"],
  ["*/im/v1/messages", "发送消息"], ["*/im/v1/messages/*", "更新卡片"], ["*/drive/v1/medias/*", "上传与下载素材"], ["*/approval/v4/*", "审批"], ["*/wiki/v2/*", "知识库"],
  ["*/open_api/*", "广告平台"], ["*/open/*", "ERP"], ["/order/*", "店铺订单"], ["*/images/*", "图像模型"], ["*/tenant_access_token/*", "取令牌"],
];
const ANSWERS = [
  ["写冲突 1254291", {kind: "code", code: 1254291, msg: "Write conflict"}], ["限流 99991400（429）", {kind: "code", code: 99991400}],
  ["服务器错误 500", {kind: "status", status: 500, code: 2200}], ["网关错误页 502", {kind: "html"}], ["令牌失效", {kind: "revoke_tokens"}],
  ["不做，断开连接", {kind: "drop_before"}], ["做了，但丢掉回答", {kind: "drop_after"}], ["回答到一半断开", {kind: "drop_mid"}],
  ["做之前先等", {kind: "delay", slow: true}], ["做完再等", {kind: "late", slow: true}],
];

const options = (pairs) => pairs.map(([value, word]) => el("option", {value}, word));
const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString("zh-CN", {hour12: false, timeZone: ZONE});

/** The contents of the drawer in `box`; gives a function that stops it. */
export function developer(box) {
  const asked = {kind: "", area: "", status: "", words: ""};
  let opened = "", paused = false;
  const body = el("tbody"), detail = el("div", {class: "d-detail", tabindex: "-1"}), clock = el("span", {class: "d-clock"}), faults = el("ul", {class: "d-faults"});
  const areas = el("select", {"aria-label": "范围", onchange: (event) => set("area", event.target.value)}, options([["", "全部范围"]]));
  const set = (name, value) => { asked[name] = value; load(); };

  const load = single(async () => {
    if (paused || !box.isConnected) return;
    const now = await get("/_sandbox/view/traffic?" + new URLSearchParams(asked)).catch(() => null);
    if (!now) return;
    if (areas.options.length === 1) areas.append(...options(now.areas.map((area) => [area, area])));
    clock.textContent = `沙箱时间 ${new Date(now.now).toLocaleString("zh-CN", {hour12: false, timeZone: ZONE})}` + (now.offset > 1 ? `（快 ${span(now.offset)}）` : "")
      + (now.pending ? ` · ${now.pending} 个事件待送达` : "");
    const focused = document.activeElement?.dataset?.line;
    body.replaceChildren(...now.lines.map(line));
    if (!now.lines.length) body.append(el("tr", {}, el("td", {colspan: "6", class: "empty"}, "还没有符合的记录。产品一调用接口，这里就会出现。")));
    if (focused) body.querySelector(`[data-line="${focused}"]`)?.focus({preventScroll: true});
    await listFaults();
  });

  const line = (one) => {
    const key = `${one.kind}/${one.n}`;
    const open = () => show(key);
    return el("tr", {class: (one.good ? "" : "bad") + (key === opened ? " on" : ""), tabindex: "0", "data-line": key, onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); }},
      el("td", {}, time(one.at)), el("td", {}, el("span", {class: `k k-${one.kind}`}, NAMES[one.kind])), el("td", {class: "what", title: one.what}, one.what),
      el("td", {class: "res", title: one.result}, one.result + (one.tries > 1 ? `（第 ${one.tries} 次）` : "")), el("td", {class: "num"}, `${Math.round(one.ms)} ms`), el("td", {class: "who"}, one.who));
  };

  const show = async (key) => {
    opened = key;
    try {
      const {detail: found} = await get("/_sandbox/view/traffic/" + key);
      detail.replaceChildren(el("header", {}, el("b", {}, key), el("button", {class: "btn btn-text", "aria-label": "关闭详情", onclick: () => { opened = ""; detail.replaceChildren(); }}, "×")), el("pre", {}, JSON.stringify(found, null, 2)));
      detail.focus();
    } catch (error) { toast("error", error.message); }
    for (const row of body.children) row.classList.toggle("on", row.dataset.line === key);
  };

  const listFaults = async () => {
    const {faults: ordered} = await get("/_sandbox/faults");
    faults.replaceChildren(...ordered.map((fault) => el("li", {class: fault.times ? "" : "spent"},
      el("span", {}, `${fault.kind} ${fault.code && fault.kind === "code" ? fault.code : ""} · ${fault.path}`), el("small", {}, `还剩 ${fault.times} 次 · 已生效 ${fault.hits} 次`),
      el("button", {class: "drop", "aria-label": "取消这个故障", onclick: async () => { await act(`faults/${fault.id}`, undefined, "DELETE"); listFaults(); }}, "×"))));
    if (!ordered.length) faults.replaceChildren(el("li", {class: "none"}, "没有设置故障，一切正常回答。"));
  };

  box.replaceChildren(
    el("div", {class: "d-bar"},
      el("div", {class: "seg", role: "group", "aria-label": "种类"}, KINDS.map(([kind, word]) => el("button", {"aria-pressed": String(kind === ""), onclick: (event) => {
        for (const one of event.currentTarget.parentNode.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
        set("kind", kind);
      }}, word))),
      areas, el("select", {"aria-label": "结果", onchange: (event) => set("status", event.target.value)}, options(STATES)),
      el("input", {type: "search", placeholder: "路径、状态码、事件名", "aria-label": "查找", oninput: later((event) => set("words", event.target.value), 200)}),
      el("button", {class: "btn", "aria-pressed": "false", onclick: (event) => { paused = !paused; event.currentTarget.setAttribute("aria-pressed", String(paused)); event.currentTarget.textContent = paused ? "继续" : "暂停"; load(); }}, "暂停"), clock),
    el("div", {class: "d-main"},
      el("div", {class: "d-list"}, el("table", {}, el("thead", {}, el("tr", {}, ["时间", "", "内容", "结果", "用时", "谁"].map((word) => el("th", {}, word)))), body)),
      detail, el("aside", {class: "d-side"}, el("h3", {}, "故障"), faultForm(() => listFaults()), faults, el("h3", {}, "时钟"), clockForm(load), el("h3", {}, "重新开始"), resetForm())));
  const watched = follow("/_sandbox/stream?topics=calls", later(load, 120));
  load();
  return () => watched.close();
}

function span(seconds) {
  return seconds < 120 ? `${Math.round(seconds)} 秒` : seconds < 7200 ? `${Math.round(seconds / 60)} 分钟` : seconds < 172800 ? `${Math.round(seconds / 3600)} 小时` : `${Math.round(seconds / 86400)} 天`;
}

function faultForm(done) {
  const times = el("input", {type: "number", min: "1", max: "1000", value: "3", "aria-label": "次数", class: "few"});
  const place = el("select", {"aria-label": "接口"}, options(PLACES));
  const answer = el("select", {"aria-label": "怎样回答"}, ANSWERS.map(([word], index) => el("option", {value: index}, word)));
  const seconds = el("input", {type: "number", min: "0.1", max: "60", step: "0.1", value: "3", "aria-label": "秒", class: "few"});
  const wait = el("label", {hidden: true}, "等 ", seconds, " 秒");
  answer.addEventListener("change", () => { wait.hidden = !ANSWERS[answer.value][1].slow; });
  return el("form", {class: "d-form", onsubmit: async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const {slow, ...wish} = ANSWERS[answer.value][1];
    const made = await act("faults", {...wish, ...(slow ? {seconds: Number(seconds.value)} : {}), match: {path: place.value}, times: Number(times.value)});
    if (made.code) toast("error", refusal(made)); else done();
  }}, el("label", {}, "接下来 ", times, " 次"), place, answer, wait, el("button", {class: "btn btn-primary_filled"}, "设置故障"),
  el("button", {class: "btn btn-text", type: "button", onclick: async () => { await act("faults", undefined, "DELETE"); done(); }}, "全部取消"));
}

function clockForm(done) {
  const jump = (word, seconds) => el("button", {class: "btn", onclick: async () => { await act("clock", {advance: seconds}); toast("success", `时间快进了${word}，其间到期的事都会发生`); done(); }}, "＋" + word);
  return el("div", {class: "d-form"}, el("p", {class: "none"}, "快进沙箱的时间：重试、过期、定时都会发生。"), el("div", {class: "d-jumps"}, jump("15 秒", 15), jump("5 分钟", 300), jump("1 小时", 3600), jump("1 天", 86400)));
}

function resetForm() {
  const company = el("select", {"aria-label": "公司"}, options([["demo", "demo（60 人）"], ["tiny", "tiny（6 人）"], ["empty", "empty（没有人）"]]));
  return el("form", {class: "d-form", onsubmit: async (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (!(await agreed(["重置沙箱？", "所有消息、表格、审批和故障都会消失，公司重新开张。产品自己的数据库不会变。"], "重置"))) return;
    const answer = await act("reset", {company: company.value});
    if (answer.code) toast("error", refusal(answer)); else location.href = "/";
  }}, company, el("button", {class: "btn btn-danger"}, "重置沙箱"));
}

let stop = null;

/** Open the drawer over a page, or close it. */
export function toggleDeveloper() {
  const old = document.querySelector("aside.dev");
  if (old) { stop?.(); stop = null; old.remove(); return; }
  const box = el("div", {class: "d-box"});
  const node = el("aside", {class: "dev", "aria-label": "开发者", tabindex: "-1", onkeydown: (event) => { if (event.key === "Escape") toggleDeveloper(); }},
    el("header", {}, el("h2", {}, "开发者"), el("a", {href: "/developer", target: "_blank"}, "单独打开"), el("button", {class: "btn btn-text", "aria-label": "关闭", onclick: toggleDeveloper}, "×")), box);
  document.body.append(node);
  stop = developer(box);
  node.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "`" && !document.querySelector("main#developer")) { event.preventDefault(); toggleDeveloper(); }
});
