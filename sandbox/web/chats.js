// The messenger: the list of chats, and a window of one chat's messages that moves as one scrolls.
import {act, base64, drawn, get, refusal, single, toast} from "./net.js";

const STEP = 40, MOST = 120, NEAR = 800;

export class Chats {
  constructor(client) {
    this.client = client;
    this.box = client.$("#messages");
    this.chat = new URLSearchParams(location.search).get("chat") || "";
    this.kept = new Map();
    this.load = single(() => this._load());
    this.box.addEventListener("scroll", () => this._scrolled(), {passive: true});
    this.box.addEventListener("load", () => { if (this.low) this._down(); }, true);
    client.$("#newest").addEventListener("click", () => this.newest());
    this._start();
  }

  /** Show another chat, from its newest message. */
  open(chat) {
    this.chat = chat;
    this._start();
    return this.load();
  }

  newest() {
    this.low = true;
    this.from = Math.max(0, this.total - STEP + 1);
    return this.load();
  }

  _start() {
    this.low = this.fresh = true;
    this.from = 0; this.count = STEP; this.total = 0; this.mark = "";
    this.kept.clear();
  }

  get active() { return this.client.tab === "chats"; }

  async _load() {
    const window_ = this.fresh ? `count=${STEP}` : `from=${this.from}&count=${this.low ? MOST : this.count}`;
    const {me, lang} = this.client, asked = this.chat;
    const now = await get(`/people/${me}/live?chat=${asked}&lang=${lang}&${window_}`);
    this.client.badge("chats", now.unread);
    if (!this.active || (asked && asked !== this.chat)) return;
    if (this.low && now.from + now.messages.length < now.total) {
      this.from = now.total - STEP;
      return this._load();
    }
    this.chat = now.chat;
    this.from = now.from; this.total = now.total; this.count = now.messages.length;
    this._list(now);
    this._draw(now.messages);
    if (this.chat && document.visibilityState === "visible" && this.client.reading && this.low
        && this.client.$("#chats .chat.on .badge")) {
      await act("act/read", {open_id: me, chat_id: this.chat});
    }
  }

  _list(now) {
    const list = this.client.$("#chats"), focused = list.contains(document.activeElement) ? document.activeElement.dataset.chat : "";
    if (list.drawn !== now.chats) {
      list.innerHTML = list.drawn = now.chats;
      if (!now.chats) list.innerHTML = '<p class="empty">还没有消息。<br>机器人发来的卡片会出现在这里。</p>';
      if (focused) list.querySelector(`[data-chat="${focused}"]`)?.focus();
    }
    this.client.title(now.title);
  }

  // Only messages that changed are drawn again, so a half-filled form keeps what was typed.
  _draw(messages) {
    const box = this.box, opened = this.fresh || box.dataset.shows !== this.chat;
    if (opened) {
      box.replaceChildren();
      box.dataset.shows = this.chat;
      this.mark = messages.find((message) => message.new)?.id || "";
      this.fresh = false;
    }
    const anchor = opened || this.low ? null : this._anchor();
    const had = new Map([...box.children].map((node) => [node.id, node]));
    const nodes = messages.map((message) => this._node(message, had, opened));
    for (const [id, node] of had) if (!messages.some((message) => message.id === id)) this.kept.set(id, node);
    let at = box.firstChild;
    for (const node of nodes) {
      if (node === at) at = at.nextSibling; else box.insertBefore(node, at);
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
    if (!messages.length) box.innerHTML = '<p class="empty">这里还没有消息。写一句“帮助”，看看机器人会什么。</p>';
    this._place(anchor);
  }

  _node(message, had, opened) {
    const old = had.get(message.id) || this.kept.get(message.id);
    this.kept.delete(message.id);
    if (old && old.dataset.v === message.v) return old;
    const made = drawn(message.html);
    made.dataset.v = message.v;
    if (old && !opened) made.classList.add("changed");
    if (message.id === this.mark) made.classList.add("first-new");
    return made;
  }

  _anchor() {
    const top = this.box.scrollTop;
    const node = [...this.box.children].find((one) => one.offsetTop + one.offsetHeight > top);
    return node ? [node, node.offsetTop - top] : null;
  }

  _place(anchor) {
    if (anchor && anchor[0].isConnected) this.box.scrollTop = anchor[0].offsetTop - anchor[1];
    else if (this.low) this._down();
    this.client.$("#newest").hidden = this.from + this.count >= this.total && this.low;
  }

  _down() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  _scrolled() {
    if (!this.active || this.fresh) return;
    const box = this.box, below = box.scrollHeight - box.scrollTop - box.clientHeight;
    const last = this.from + this.count >= this.total;
    this.low = last && below < 80;
    this.client.$("#newest").hidden = this.low;
    if (box.scrollTop < NEAR && this.from > 0) this._move(Math.max(0, this.from - STEP));
    else if (below < NEAR && !last) this._move(Math.min(this.from + STEP, this.total - STEP), true);
  }

  _move(from, forward = false) {
    const end = forward ? Math.min(this.from + this.count + STEP, this.total) : Math.min(this.from + this.count, from + MOST);
    this.from = forward ? Math.max(0, end - MOST, this.from) : from;
    if (forward && end - this.from > MOST) this.from = end - MOST;
    this.count = end - this.from;
    this.load();
  }

  async say(text) {
    const answer = await act("act/say", {open_id: this.client.me, text, chat_id: this.chat});
    if (answer.code) toast("error", refusal(answer)); else this.newest();
  }

  async sendFile(file) {
    if (!file) return;
    const answer = await act("act/send_file", {open_id: this.client.me, chat_id: this.chat, name: file.name, data: await base64(file)});
    if (answer.code) toast("error", refusal(answer)); else this.newest();
  }
}
