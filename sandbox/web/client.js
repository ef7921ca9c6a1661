"use strict";
// The web client of the sandbox: keeps one person's chats fresh and sends what they tap and write.
const root = document.querySelector(".client");
if (root) {
  const me = root.dataset.me, lang = root.dataset.lang;
  const $ = (selector) => root.querySelector(selector);
  const asked = new URLSearchParams(location.search);
  let chat = asked.get("chat") || "", tab = asked.get("tab") || "chats", table = asked.get("table") || "", node = asked.get("node") || "", busy = false, again = false;
  const mark = () => root.querySelectorAll("a[data-tab]").forEach((t) => t.classList.toggle("on", t.dataset.tab === tab));

  const post = async (path, body) => {
    const answer = await fetch("/_sandbox/" + path, {method: "POST", body: JSON.stringify(body)});
    return answer.json();
  };

  const toast = (kind, text) => {
    const box = $("#toast");
    box.className = "show toast-" + kind;
    box.textContent = text;
    clearTimeout(box.timer);
    box.timer = setTimeout(() => { box.className = ""; }, 3500);
  };

  const make = (html) => { const t = document.createElement("template"); t.innerHTML = html; return t.content.firstElementChild; };

  // Only messages that changed are drawn again, so a half-filled form keeps what was typed.
  const draw = (messages) => {
    const box = $("#messages"), low = box.scrollHeight - box.scrollTop - box.clientHeight < 120;
    const fresh = box.dataset.chat !== chat;
    if (fresh) { box.replaceChildren(); box.dataset.chat = chat; }
    const ids = new Set(messages.map((m) => m.id));
    for (const old of [...box.children]) if (!ids.has(old.id)) old.remove();
    let added = false;
    for (const m of messages) {
      const old = document.getElementById(m.id);
      if (old && old.dataset.v === m.v) continue;
      const made = make(m.html);
      made.dataset.v = m.v;
      if (old) { made.classList.add("changed"); old.replaceWith(made); } else { box.append(made); added = true; }
    }
    if (fresh || (low && added)) box.scrollTop = box.scrollHeight;
  };

  const load = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      root.dataset.view = tab;
      if (tab === "chats") {
        const now = await (await fetch(`/people/${me}/live?chat=${chat}&lang=${lang}`)).json();
        chat = now.chat;
        $("#chats").innerHTML = now.chats || '<p class="empty">还没有消息</p>';
        $("#chat-title").textContent = now.title;
        draw(now.messages);
        if (chat && document.visibilityState === "visible" && $("#chats .chat.on .badge")) await post("act/read", {open_id: me, chat_id: chat});
      } else if (tab === "bases") {
        const now = await (await fetch(`/people/${me}/bases?table=${table}`)).json();
        table = now.table;
        $("#chats").innerHTML = now.list || '<p class="empty">还没有多维表格</p>';
        $("#chat-title").textContent = now.title || "多维表格";
        $("#messages").dataset.chat = "";
        if (!$("#messages .editing")) $("#messages").innerHTML = now.html;
      } else if (tab === "wiki") {
        const now = await (await fetch(`/people/${me}/wiki?node=${node}`)).json();
        node = now.node;
        $("#chats").innerHTML = now.list || '<p class="empty">还没有知识库</p>';
        $("#chat-title").textContent = now.title || "知识库";
        // Drawn again only when it changed: pictures would flicker, and a reader would lose their place.
        const box = $("#messages");
        if (box.dataset.chat !== "wiki " + node || box.drawn !== now.html) box.innerHTML = box.drawn = now.html;
        box.dataset.chat = "wiki " + node;
      } else {
        const now = await (await fetch(`/people/${me}/tasks`)).json();
        $("#chats").innerHTML = '<p class="empty">等你处理的审批</p>';
        $("#chat-title").textContent = "审批";
        $("#messages").dataset.chat = "";
        $("#messages").innerHTML = now.html || '<p class="empty">没有等待你的审批</p>';
      }
    } finally { busy = false; if (again) { again = false; load(); } }
  };

  const agreed = (words) => new Promise((done) => {
    const box = $("#ask");
    box.innerHTML = "<h3></h3><p></p><div><button class='btn btn-default'>取消</button><button class='btn btn-primary_filled'>确定</button></div>";
    box.querySelector("h3").textContent = words[0];
    box.querySelector("p").textContent = words[1];
    const [no, yes] = box.querySelectorAll("button");
    no.onclick = () => { box.close(); done(false); };
    yes.onclick = () => { box.close(); done(true); };
    box.showModal();
  });

  const filled = (form) => {
    const values = {};
    for (const field of form.querySelectorAll("input[name],select[name],textarea[name]")) {
      if (field.type === "checkbox") values[field.name] = field.checked;
      else if (field.multiple) values[field.name] = [...field.selectedOptions].map((o) => o.value);
      else if (field.value !== "") values[field.name] = field.value.replace("T", field.type === "datetime-local" ? " " : "T");
      if (field.required && (field.value === "" )) { field.focus(); field.classList.add("missing"); return null; }
    }
    return values;
  };

  const tap = async (item, more) => {
    if (item.dataset.link) window.open(item.dataset.link, "_blank", "noreferrer");
    if (item.dataset.confirm && !(await agreed(JSON.parse(item.dataset.confirm)))) return;
    const message = item.closest(".msg");
    item.classList.add("waiting");
    message.classList.add("locked");
    try {
      const answer = await post("act/tap", {open_id: me, message_id: message.id, index: Number(item.dataset.index), ...more});
      const out = answer.data || {};
      if (answer.code !== 0) toast("error", answer.msg);
      else if (out.client_code) toast("error", `出错了，请稍后重试 code: ${out.client_code}`);
      else if (out.toast) toast(out.toast.type || "info", (out.toast.i18n || {})[lang] || out.toast.content);
    } finally { item.classList.remove("waiting"); message.classList.remove("locked"); }
  };

  // A cell becomes a field; Enter or leaving it saves, Escape does not.
  const edit = (cell) => {
    if (cell.classList.contains("editing")) return;
    const kind = cell.dataset.kind, before = cell.innerHTML, old = cell.textContent;
    const save = async (value) => {
      const [app_token, table_id] = table.split("/");
      const body = {open_id: me, app_token, table_id, record_id: cell.parentElement.dataset.record, fields: {[cell.dataset.field]: value}};
      const answer = await post("act/edit", body);
      if (answer.code) toast("error", answer.msg);
      load();
    };
    if (kind === "checkbox") { save(old !== "☑"); return; }
    cell.classList.add("editing");
    const field = document.createElement(kind === "select" ? "select" : "input");
    if (kind === "select") field.innerHTML = "<option></option>";
    for (const name of JSON.parse(cell.dataset.options || "[]")) field.add(new Option(name, name, false, name === old));
    if (kind === "date") field.type = "datetime-local";
    field.value = kind === "date" ? old.replace(" ", "T") : old;
    cell.replaceChildren(field);
    field.focus();
    const done = (keep) => {
      if (!cell.classList.contains("editing")) return;
      cell.classList.remove("editing");
      const now = field.value;
      cell.innerHTML = before;
      if (!keep || now === (kind === "date" ? old.replace(" ", "T") : old)) return;
      if (now === "") save(null);
      else if (kind === "number") save(Number(now));
      else if (kind === "date") save(new Date(now + ":00+08:00").getTime());
      else save(now);
    };
    field.onblur = () => done(true);
    field.onchange = () => { if (kind === "select") done(true); };
    field.onkeydown = (key) => { if (key.key === "Enter") done(true); if (key.key === "Escape") done(false); };
  };

  root.addEventListener("click", (event) => {
    const line = event.target.closest("[data-chat].chat"), page = event.target.closest("[data-turn]");
    const item = event.target.closest("[data-role],.touch[data-index]"), side = event.target.closest("a[data-tab]");
    const sheet = event.target.closest("[data-table]"), cell = event.target.closest("td[data-kind]");
    const verb = event.target.closest("[data-verb]"), leaf = event.target.closest("[data-node]");
    if (leaf) { node = leaf.dataset.node; load(); }
    else if (sheet) { table = sheet.dataset.table; load(); }
    else if (cell) edit(cell);
    else if (line) { chat = line.dataset.chat; load(); }
    else if (side) { tab = side.dataset.tab; mark(); load(); }
    else if (verb) post("act/approve", {open_id: me, instance_code: verb.dataset.code, verb: verb.dataset.verb, comment: verb.closest(".task").querySelector("input").value}).then((a) => { if (a.code) toast("error", a.msg); load(); });
    else if (page) {
      const pager = page.closest(".pager"), pages = Number(pager.dataset.pages);
      const now = Math.min(pages - 1, Math.max(0, Number(pager.dataset.now || 0) + Number(page.dataset.turn)));
      pager.dataset.now = now;
      pager.querySelector("span").textContent = `${now + 1} / ${pages}`;
      pager.closest(".el").querySelectorAll("tr[data-page]").forEach((row) => { row.hidden = Number(row.dataset.page) !== now; });
    } else if (item && !item.disabled) {
      const form = item.closest("form.card-form");
      if (item.dataset.role === "reset") form.reset();
      else if (item.dataset.role === "submit") { const values = filled(form); if (values) tap(item, {form: values}); else toast("warning", "请填写必填项"); }
      else tap(item, {});
    }
  });

  const sendFile = (item) => {
    const [file] = item.files, reader = new FileReader();
    if (!file) return;
    reader.onload = async () => {
      const answer = await post("act/send_file", {open_id: me, chat_id: chat, name: file.name, data: reader.result.split(",")[1] || ""});
      if (answer.code) toast("error", answer.msg);
    };
    reader.readAsDataURL(file);
    item.value = "";
  };

  root.addEventListener("change", (event) => {
    const item = event.target;
    if (item.type === "file") return sendFile(item);
    item.classList.remove("missing");
    if (!item.matches("[data-index]") || item.closest("form.card-form")) return;
    if (item.type === "checkbox") tap(item, {option: item.checked});
    else if (item.multiple) tap(item, {option: [...item.selectedOptions].map((o) => o.value)});
    else if (item.value !== "") tap(item, {option: item.value.replace("T", " ")});
  });

  root.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (event.target.id !== "say") return;
    const field = event.target.elements.text, text = field.value.trim();
    if (!text) return;
    field.value = "";
    await post("act/say", {open_id: me, text, chat_id: chat});
    $("#messages").scrollTop = $("#messages").scrollHeight;
  });

  document.addEventListener("visibilitychange", load);
  const source = new EventSource(`/people/${me}/stream`);
  source.onmessage = load;
  setInterval(() => { if (tab !== "chats") load(); }, 3000);
  mark();
  load();
} else {
  setInterval(async () => {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
  }, 3000);
}
