// One person's page: which tab is open, what the address says, and what to do when something changed.
import {Bases} from "./bases.js";
import {chosen, clicked} from "./cards.js";
import {Chats} from "./chats.js";
import {toggleDeveloper} from "./drawer.js";
import {act, agreed, follow, get, refusal, single, toast} from "./net.js";

const root = document.querySelector(".client");
const $ = (selector) => root.querySelector(selector);
const narrow = matchMedia("(max-width: 760px)");
const asked = new URLSearchParams(location.search);

const client = {
  root, $, me: root.dataset.me, lang: root.dataset.lang, name: document.title,
  tab: asked.get("tab") || "chats",
  get reading() { return !narrow.matches || root.classList.contains("open"); },
  title(text) { $("#chat-title").textContent = text; },
  badge(tab, count) {
    const mark = $(`a[data-tab="${tab}"] .badge`);
    mark.hidden = !count;
    mark.textContent = count > 99 ? "99+" : count;
    if (tab === "chats") document.title = count ? `(${count}) ${client.name}` : client.name;
  },
  /** On a phone: show what was chosen instead of the list. */
  enter() { root.classList.add("open"); },
  /** Write where we are into the address, so that a reload or a link leads here again. */
  remember(more = {}) {
    const where = new URLSearchParams({tab: client.tab, ...more});
    if (client.lang !== "zh_cn") where.set("lang", client.lang);
    history.replaceState(null, "", "?" + where);
  },
};

const chats = new Chats(client), bases = new Bases(client);
let node = asked.get("node") || "";

function side(html, empty) {
  const list = $("#chats");
  if (list.drawn === html) return;
  list.drawn = html;
  list.innerHTML = html || `<p class="empty">${empty}</p>`;
}

const wiki = single(async () => {
  const now = await get(`/people/${client.me}/wiki?node=${node}`);
  if (client.tab !== "wiki") return;
  node = now.node;
  side(now.list, "还没有知识库。定稿的图片会归档到这里。");
  client.title(now.title || "知识库");
  // Drawn again only when it changed: pictures would flicker, and a reader would lose their place.
  const box = $("#messages");
  if (box.dataset.shows !== "wiki " + node || box.drawn !== now.html) {
    box.innerHTML = now.html || '<p class="empty">没有可以看的页面。</p>';
    box.drawn = now.html;
    box.scrollTop = 0;
  }
  box.dataset.shows = "wiki " + node;
});

const tasks = single(async () => {
  const now = await get(`/people/${client.me}/tasks`);
  client.badge("tasks", now.waiting);
  if (client.tab !== "tasks") return;
  side(`<p class="base">等你处理 ${now.waiting} 项</p>`, "");
  client.title("审批");
  const box = $("#messages"), typing = box.contains(document.activeElement) && document.activeElement.value;
  if (box.dataset.shows === "tasks" && (box.drawn === now.html + now.done || typing)) return;
  box.dataset.shows = "tasks";
  box.drawn = now.html + now.done;
  box.innerHTML = (now.html || '<p class="empty">没有等你处理的审批。</p>')
    + (now.done ? `<h2 class="part">我发起的和处理过的</h2>${now.done}` : "");
});

function load() {
  root.dataset.view = client.tab;
  for (const one of root.querySelectorAll("a[data-tab]")) {
    one.classList.toggle("on", one.dataset.tab === client.tab);
    one.toggleAttribute("aria-current", one.dataset.tab === client.tab);
  }
  $("#newest").hidden = true;
  if (client.tab !== "bases") bases.leave();
  return {chats: chats.load, bases: () => bases.load(), wiki, tasks}[client.tab]();
}

function show(tab) {
  client.tab = tab;
  $("#chats").drawn = undefined;
  $("#messages").dataset.shows = "";
  root.classList.remove("open");
  chats.fresh = true;
  client.remember(tab === "bases" && bases.key ? {table: bases.key} : {});
  load();
}

async function decide(button) {
  const words = button.closest(".task").querySelector("input")?.value || "";
  const {verb, code} = button.dataset;
  if (verb === "revert" && !(await agreed(["撤销这条已通过的审批？", "系统会把它当作没有通过。"], "撤销"))) return;
  if (verb === "reject" && !words && !(await agreed(["不写意见就拒绝？", "发起人只会看到“已拒绝”。"], "拒绝"))) return;
  const answer = await act("act/approve", {open_id: client.me, instance_code: code, verb, comment: words});
  if (answer.code) toast("error", refusal(answer)); else toast("success", "已处理");
  tasks();
}

root.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const tab = at("a[data-tab]"), chat = at("a[data-chat]"), verb = at("[data-verb]"), leaf = at("[data-node]");
  const own = tab || chat || leaf || at("a[data-table]");
  if (own && !event.metaKey && !event.ctrlKey) event.preventDefault();
  if (at('[data-do="developer"]')) toggleDeveloper();
  else if (at('[data-do="back"]')) { root.classList.remove("open"); load(); }
  else if (tab) show(tab.dataset.tab);
  else if (chat) { client.enter(); chats.open(chat.dataset.chat); client.remember({chat: chat.dataset.chat}); }
  else if (leaf) { node = leaf.dataset.node; client.enter(); client.remember({node}); $("#chats").drawn = undefined; wiki(); }
  else if (verb) decide(verb);
  else if (client.tab === "chats") clicked(client, event.target);
  else if (client.tab === "bases") bases.clicked(event.target);
});

root.addEventListener("change", (event) => {
  if (event.target.closest("#say") && event.target.type === "file") {
    chats.sendFile(event.target.files[0]);
    event.target.value = "";
  } else if (event.target.closest(".msg")) chosen(client, event.target);
});

root.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.id !== "say") return;
  const field = event.target.elements.text, text = field.value.trim();
  field.value = "";
  if (text) chats.say(text);
});

// Arrows walk through the list at the side; Enter is a click already.
$("#chats").addEventListener("keydown", (event) => {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!step) return;
  event.preventDefault();
  const lines = [...$("#chats").querySelectorAll("a")];
  lines[Math.min(lines.length - 1, Math.max(0, lines.indexOf(document.activeElement) + step))]?.focus();
});

// Things drawn as labels and areas act on Enter and Space as buttons do.
root.addEventListener("keydown", (event) => {
  if ((event.key !== "Enter" && event.key !== " ") || !event.target.matches("[role=button],.touch[tabindex]")) return;
  event.preventDefault();
  event.target.click();
});

document.addEventListener("visibilitychange", load);
follow(`/people/${client.me}/stream?topics=im,bitable,approval`, (changed) => {
  if (changed.has("im")) {
    chats.load();
    if (client.tab === "wiki") wiki();
  }
  if (changed.has("approval")) tasks();
  if (changed.has("bitable") && client.tab === "bases") bases.changed();
});
if (asked.get("chat") || asked.get("table") || asked.get("node")) client.enter();
load();
tasks();
