// What every page needs: asking the sandbox, building elements without markup, short messages, questions.

/** The answer of a GET; an answer that refuses throws its words. */
export async function get(path) {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok || body.code) throw new Error(refusal(body));
  return body.data ?? body;
}

/** POST to the control plane; gives {code, msg, data}, and a code of -1 when the sandbox is not there. */
export async function act(path, body, method = "POST") {
  try {
    const answer = await fetch("/_sandbox/" + path, {method, body: body === undefined ? undefined : JSON.stringify(body)});
    return await answer.json();
  } catch {
    return {code: -1, msg: "沙箱没有回答，可能已经停止"};
  }
}

/** An element: attributes, then children (text is never read as markup). `on…` attributes are listeners. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** HTML that the sandbox has drawn (cards, messages, wiki pages), as its first element. */
export function drawn(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

/** A small padlock; says `words` to who cannot see it. */
export function padlock(words) {
  const lock = el("span", {class: "lock", title: words, role: "img", "aria-label": words});
  lock.append(drawn('<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 11h14v9H5zM8 11V8a4 4 0 018 0v3"/></svg>'));
  return lock;
}

export function toast(kind, text) {
  const box = document.querySelector("#toast");
  box.className = "show toast-" + kind;
  box.textContent = text;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => { box.className = ""; }, 4000);
}

/** Ask before something that cannot be undone; true when the person agrees. */
export function agreed([title, words], yes = "确定", no = "取消") {
  const box = document.querySelector("#ask");
  return new Promise((done) => {
    const answer = (value) => () => { box.close(); done(value); };
    box.oncancel = () => done(false);
    box.replaceChildren(
      el("h3", {id: "ask-title"}, title), el("p", {}, words || ""),
      el("div", {},
        el("button", {class: "btn btn-default", onclick: answer(false)}, no),
        el("button", {class: "btn btn-primary_filled", onclick: answer(true)}, yes)),
    );
    box.showModal();
  });
}

/** Call `tell` with the set of topics that changed, whenever something does; `url` is an event stream. */
export function follow(url, tell) {
  let seen = {};
  const source = new EventSource(url);
  source.onmessage = (event) => {
    const now = JSON.parse(event.data);
    const changed = new Set(Object.keys(now).filter((topic) => now[topic] !== seen[topic]));
    seen = now;
    tell(changed);
  };
  source.onerror = () => document.body.classList.add("offline");
  source.onopen = () => document.body.classList.remove("offline");
  return source;
}

/** Run `work` now, and once more if it was asked for meanwhile; never twice at the same time. */
export function single(work) {
  let busy = false, again = false;
  return async function run(...given) {
    if (busy) { again = true; return; }
    busy = true;
    try { await work(...given); } finally {
      busy = false;
      if (again) { again = false; run(...given); }
    }
  };
}

/** Call `work` when nobody has asked for `ms` milliseconds. */
export function later(work, ms) {
  let timer;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => work(...given), ms); };
}

/** The bytes of a file in base64. */
export function base64(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1] || "");
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(file);
  });
}

const REFUSALS = {
  1254302: "你的角色没有权限做这个修改", 1254304: "你的角色没有权限做这个修改", 91403: "你没有这张多维表格的权限",
  1254043: "这一行不存在，或者对你不可见", 1254041: "这张表已不存在", 1254045: "这一列不存在，或者对你不可见",
  1254007: "有必填的问题没有回答", 1254049: "表单里没有这个问题", 1254015: "这个值和列的类型不符",
  1254060: "请填写文字", 1254061: "请填写数字", 1254062: "请选择一个选项", 1254063: "请选择选项",
  1254064: "请填写日期", 1254065: "只能勾选或不勾选", 1254066: "请选择人员（此列可能只能选一个人）",
  1254067: "请选择要关联的行", 1254068: "请填写完整的链接", 1254069: "附件不对，请重新上传", 1254072: "请填写正确的电话号码",
  1254106: "附件最多 100 个", 1254130: "文字太长，最多 10 万字", 1254291: "别人正在写这张表，请稍后再试",
  1254018: "筛选条件不完整", 1254016: "这一列不能排序", 1254303: "附件不属于这张多维表格", 1061043: "文件太大，最多 20 MB",
};

/** A refusal of the sandbox in words for people; the code stays visible for those who look it up. */
export function refusal(answer) {
  const known = REFUSALS[answer.code];
  return known ? `${known}（${answer.code}）` : `${answer.msg || "出错了"}${answer.code > 0 ? `（${answer.code}）` : ""}`;
}
