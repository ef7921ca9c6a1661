// The tab 多维表格: which tables there are, and the sheet of the chosen one with its toolbar, grid, drawer and forms.
import {columnMenu, complete, filterWindow, sortWindow} from "./filters.js";
import {Grid} from "./grid.js";
import {act, el, get, later, padlock, refusal, single, toast} from "./net.js";
import {formPage, rowDrawer, thanks} from "./record.js";
import {Rows} from "./rows.js";

export class Bases {
  constructor(client) {
    this.client = client;
    const asked = new URLSearchParams(location.search);
    this.key = asked.get("table") || "";
    this.form = asked.get("form") || "";
    this.load = single(() => this._load());
    this.changed = later(() => this._changed(), 60);
    this.query = later(() => this._query(), 250);
  }

  get box() { return this.client.$("#messages"); }

  leave() {
    this.grid?.close();
    this.grid = this.sheet = null;
    this._drawer(null);
    this.client.$("#tools").replaceChildren();
    document.querySelector(".pop")?.remove();
  }

  clicked(target) {
    const line = target.closest("[data-table]");
    if (!line) return;
    this.client.enter();
    this.open(line.dataset.table, line.dataset.form || "");
  }

  open(key, form = "") {
    this.leave();
    this.key = key;
    this.form = form;
    this.client.remember(form ? {table: key, form} : {table: key});
    return this._load();
  }

  async _load() {
    const {bases} = await get(`/people/${this.client.me}/bases`);
    if (this.client.tab !== "bases") return;
    this._list(bases);
    const tables = bases.flatMap((base) => base.tables.map((table) => ({...table, key: `${base.token}/${table.id}`})));
    if (!tables.some((table) => table.key === this.key)) this.key = (tables.find((table) => table.open) || tables[0])?.key || "";
    if (!this.key) { this.client.title("多维表格"); this._say("还没有多维表格。chorus setup 会建好需要的表。"); return; }
    this._list(bases);
    if (!this.sheet || this.box.dataset.shows !== "bases " + this.key + this.form) await this._open();
  }

  _list(bases) {
    const list = this.client.$("#chats");
    list.drawn = "bases";
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : "";
    list.replaceChildren(...bases.flatMap((base) => [el("p", {class: "base"}, base.name), ...base.tables.flatMap((table) => this._lines(base, table))]));
    if (!bases.length) list.replaceChildren(el("p", {class: "empty"}, "还没有多维表格"));
    if (focused) [...list.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
  }

  _lines(base, table) {
    const key = `${base.token}/${table.id}`;
    const line = (form, name, about, open) => {
      const on = key === this.key && form === this.form;
      return el("a", {class: "chat" + (on ? " on" : "") + (form ? " sub" : ""), "data-table": key, "data-form": form || null, href: `?tab=bases&table=${key}${form ? `&form=${form}` : ""}`, "aria-current": on ? "true" : null},
        el("span", {class: "about"}, el("b", {}, name, open ? null : padlock("没有权限")), el("i", {}, about)));
    };
    return [line("", table.name, table.open ? `${table.rows.toLocaleString()} 行` : "没有权限", table.open), ...table.forms.map((form) => line(form.id, "表单 · " + form.name, "填写一条", true))];
  }

  _say(words) {
    this.box.dataset.shows = "bases " + this.key + this.form;
    this.box.replaceChildren(el("p", {class: "empty"}, words));
  }

  async _open() {
    this.leave();
    const [app_token, table] = this.key.split("/"), path = `/people/${this.client.me}/tables/${this.key}`;
    let schema;
    try { schema = await get(path); } catch (error) { this.client.title("多维表格"); this._say(error.message); return; }
    this.context = {zone: schema.zone, people: schema.people, me: this.client.me, app_token, table};
    const form = schema.forms.find((one) => one.id === this.form);
    if (form) { this._form(schema, form); return; }
    this.client.title(schema.name);
    if (!schema.rights.open) { this._say(`你没有查看“${schema.name}”的权限。高级权限已开启，你的角色：${schema.rights.roles.join("、") || "无"}。`); return; }
    this._sheet(schema, path);
    await this._query();
  }

  _form(schema, form) {
    this.client.title(`${schema.name} · ${form.name}`);
    const fill = () => {
      this.box.replaceChildren(formPage(form, this.context.table, this.context, () => this.box.replaceChildren(thanks(form, fill))));
      this.box.scrollTop = 0;
    };
    this.sheet = {form};
    this.box.dataset.shows = "bases " + this.key + this.form;
    fill();
  }

  _sheet(schema, path) {
    const rows = new Rows(path, () => this._fresh(), (words) => toast("error", words));
    const view = schema.views[0]?.id || "";
    this.sheet = {
      rows, schema, name: schema.name, key: this.key, zone: schema.zone, people: schema.people, rights: schema.rights, context: this.context,
      all: schema.columns, columns: schema.columns, conditions: [], sort: [], words: "", view,
      sortOf: (column) => { const key = this.sheet?.sort.find((one) => one.field_id === column.id); return key ? (key.desc ? "desc" : "asc") : ""; },
      save: (row, column, value, quiet) => this._save(row, column, value, quiet),
      open: (index) => this._row(index),
      menu: (column, anchor) => columnMenu(anchor, column, this.sheet, () => this.query()),
    };
    this.grid = new Grid(this.sheet);
    this.note = el("footer", {class: "g-note", role: "status"});
    this.box.dataset.shows = "bases " + this.key + this.form;
    this.box.replaceChildren(el("div", {class: "sheet"}, this._tools(schema), this.grid.node, this.note));
  }

  _tools(schema) {
    const sheet = this.sheet, changed = () => this.query();
    sheet.filterButton = el("button", {class: "tool", onclick: (event) => filterWindow(event.currentTarget, sheet, changed)}, "筛选");
    sheet.sortButton = el("button", {class: "tool", onclick: (event) => sortWindow(event.currentTarget, sheet, changed)}, "排序");
    const search = el("input", {class: "tool search", type: "search", placeholder: "搜索", "aria-label": "在表中搜索", oninput: (event) => { sheet.words = event.target.value.trim(); changed(); }});
    const views = schema.views.length > 1
      ? el("select", {class: "tool", "aria-label": "视图", onchange: (event) => { sheet.view = event.target.value; changed(); }}, schema.views.map((one) => el("option", {value: one.id}, one.name)))
      : null;
    const add = schema.rights.add ? el("button", {class: "tool main", onclick: () => this._add()}, "＋ 新增行") : null;
    return el("div", {class: "tools", role: "toolbar", "aria-label": "表格工具"}, add, views, sheet.filterButton, sheet.sortButton, search, this._rights(schema));
  }

  _rights(schema) {
    const {rights, hidden} = schema, words = [];
    if (rights.full && !schema.read_only) return null;
    if (schema.read_only) words.push("此表只读");
    if (!rights.full) words.push(`角色 ${rights.roles.join("、") || "—"}`);
    if (hidden) words.push(`${hidden} 列不可见`);
    if (!rights.add) words.push("不能新增");
    return el("span", {class: "rights", title: "高级权限决定你能看到和修改什么"}, padlock("高级权限"), " " + words.join(" · "));
  }

  async _query() {
    const sheet = this.sheet;
    if (!sheet?.rows) return;
    const conditions = complete(sheet.conditions);
    sheet.filterButton.textContent = conditions.length ? `筛选 ${conditions.length}` : "筛选";
    sheet.filterButton.classList.toggle("on", conditions.length > 0);
    sheet.sortButton.textContent = sheet.sort.length ? `排序 ${sheet.sort.length}` : "排序";
    sheet.sortButton.classList.toggle("on", sheet.sort.length > 0);
    this.grid._heads();
    this.grid.node.scrollTop = 0;
    await sheet.rows.ask({view: sheet.view, conditions, sort: sheet.sort, words: sheet.words});
  }

  _fresh() {
    const {sheet, grid} = this;
    if (!sheet?.rows || !grid) return;
    grid.render(false);
    const narrowed = sheet.words || complete(sheet.conditions).length;
    this.note.textContent = sheet.rows.total ? `${narrowed ? "符合条件 " : "共 "}${sheet.rows.total.toLocaleString()} 行` : narrowed ? "没有符合条件的行" : "还没有行";
    if (this.wanted) { const at = sheet.rows.place(this.wanted); if (at >= 0) { this.wanted = ""; grid.select(at, 0); } }
  }

  async _changed() {
    const sheet = this.sheet;
    if (this.client.tab !== "bases") return;
    const {bases} = await get(`/people/${this.client.me}/bases`);
    if (this.client.tab !== "bases") return;
    this._list(bases);
    if (!sheet?.rows || sheet !== this.sheet) return;
    const schema = await get(sheet.rows.path).catch(() => null);
    if (!schema || sheet !== this.sheet) return;
    if (JSON.stringify([schema.columns, schema.rights, schema.views]) !== JSON.stringify([sheet.schema.columns, sheet.schema.rights, sheet.schema.views])) {
      if (this.grid.popup) return; // somebody types; the next change brings the new columns
      await this._open();
    } else await sheet.rows.refresh();
  }

  async _save(row, column, value, quiet = false) {
    const {me, app_token, table} = this.context;
    const answer = await act("act/edit", {open_id: me, app_token, table_id: table, record_id: row.id, fields: {[column.name]: value}});
    const refused = answer.code ? `“${column.name}”没有保存：${refusal(answer)}` : "";
    if (refused && !quiet) toast("error", refused);
    await this.sheet?.rows?.refresh();
    return refused;
  }

  async _add() {
    const {me, app_token, table} = this.context;
    const answer = await act("act/add", {open_id: me, app_token, table_id: table, fields: {}});
    if (answer.code) { toast("error", refusal(answer)); return; }
    const {rows} = this.sheet;
    this.wanted = answer.data.record.record_id;
    await rows.refresh();
    if (this.wanted) { this.grid.select(rows.total, 0); rows.at(rows.total - 1); }
  }

  async _row(index) {
    const sheet = this.sheet, seen = sheet.rows.at(index);
    if (!seen) return;
    let row;
    try { row = await get(`${sheet.rows.path}/rows/${seen.id}`); } catch (error) { toast("error", error.message); return; }
    const close = () => { this._drawer(null); this.grid?.node.focus({preventScroll: true}); };
    const go = (by) => () => { const to = index + by; if (to >= 0 && to < sheet.rows.total) { this.grid.select(to, this.grid.at.col, false); this._row(to); } };
    this.grid.select(index, this.grid.at.col, false);
    this._drawer(rowDrawer(row, sheet, {previous: go(-1), next: go(1), close, removed: () => { close(); sheet.rows.refresh(); }}));
  }

  _drawer(node) {
    this.client.$(".panel")?.remove();
    if (!node) return;
    this.client.$("main").append(node);
    node.focus();
  }
}
