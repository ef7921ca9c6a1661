// The grid: only the rows that can be seen exist as elements; keyboard, editing in place, column widths.
import {T, ICON, draw, right, text} from "./cells.js";
import {editor, writable} from "./editors.js";
import {el, toast} from "./net.js";

const ROW = 36, HEAD = 38, NUMBER = 60, MARGIN = 8, FLASH = 1600;
const WIDTH = {[T.CHECKBOX]: 90, [T.NUMBER]: 120, [T.DATE]: 150, [T.SELECT]: 130, [T.MULTI]: 190, [T.USER]: 150, [T.AUTO]: 90};

/** Whether a key belongs to an IME; Safari tells the key that ends a word only by its number. */
const composing = (event) => event.isComposing || event.keyCode === 229;

export class Grid {
  /** `sheet`: {rows, columns, zone, context, key, save(row, column, value), open(index), menu(column, anchor), sortOf(column)}. */
  constructor(sheet) {
    this.sheet = sheet;
    this.at = {row: 0, col: 0};
    this.lines = new Map();
    this.head = el("div", {class: "g-row g-head", role: "row"});
    this.body = el("div", {class: "g-body", role: "rowgroup"});
    // An IME is only heard by a field: what is typed at a chosen cell is typed in here.
    this.ear = el("textarea", {
      class: "g-ear", rows: "1", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-label": sheet.name,
      inputmode: matchMedia("(pointer: coarse)").matches ? "none" : "text",
    });
    this.node = el("div", {class: "g", role: "grid", tabindex: "-1", "aria-label": sheet.name}, this.head, this.body, this.ear);
    this.node.addEventListener("scroll", () => this._soon(), {passive: true});
    this.node.addEventListener("focus", () => this.ear.focus({preventScroll: true}));
    this.node.addEventListener("keydown", (event) => this._key(event));
    this.ear.addEventListener("compositionstart", () => this._compose());
    this.ear.addEventListener("compositionend", () => this._typed());
    this.ear.addEventListener("input", (event) => { if (!event.isComposing) this._typed(); });
    this.node.addEventListener("mousedown", (event) => this._press(event));
    this.node.addEventListener("dblclick", (event) => { if (this._find(event.target)) this.edit(); });
    this.node.addEventListener("copy", (event) => this._copy(event));
    this.widths = this._remembered();
    this.watch = new ResizeObserver(() => this.render());
    this.watch.observe(this.node);
    this._heads();
  }

  close() { this.watch.disconnect(); this.finish(false); }

  // -- drawing -----------------------------------------------------------

  _remembered() {
    try { return JSON.parse(localStorage.getItem("widths " + this.sheet.key)) || {}; } catch { return {}; }
  }

  width(column) {
    return this.widths[column.id] || (this.narrow && column.primary ? 130 : 0) || (column.primary || /名称$/.test(column.name) ? 220 : WIDTH[column.type] || 160);
  }

  _heads() {
    const cells = this.sheet.columns.map((column, index) => {
      const sorted = this.sheet.sortOf(column);
      return el("div", {
        class: "g-cell g-th" + (column.primary && index === 0 ? " first" : ""), role: "columnheader", style: `width:${this.width(column)}px`,
        "aria-sort": sorted ? (sorted === "desc" ? "descending" : "ascending") : "none", title: column.description || column.name,
      },
        el("span", {class: "kind", "aria-hidden": "true"}, ICON[column.type] || "?"),
        el("span", {class: "g-name"}, column.name),
        column.computed && column.type !== T.FORMULA ? el("span", {class: "lock", title: "自动计算，不能修改"}, "自动") : null,
        sorted ? el("span", {class: "sorted", "aria-hidden": "true"}, sorted === "desc" ? "↓" : "↑") : null,
        el("button", {class: "g-menu", tabindex: "-1", "aria-label": `${column.name} 的菜单`, onclick: (event) => this.sheet.menu(column, event.currentTarget)}, "▾"),
        el("span", {class: "g-size", onpointerdown: (event) => this._resize(event, column)}));
    });
    this.head.replaceChildren(el("div", {class: "g-cell g-no", role: "columnheader", "aria-label": "行号"}), ...cells);
    const wide = NUMBER + this.sheet.columns.reduce((sum, column) => sum + this.width(column), 0);
    this.head.style.width = this.body.style.width = wide + "px";
  }

  /** Draw what can be seen; `again` draws cells anew even where rows stand already. */
  render(again = true) {
    if (!this.node.isConnected) return;
    // Sizes are read here, once, before anything is written: reading between writes lays out every time.
    const narrow = this.node.clientWidth < 560, {scrollTop, clientHeight} = this.node;
    if (this.narrow !== narrow) { this.narrow = narrow; this._heads(); again = true; }
    const {rows} = this.sheet;
    this.node.setAttribute("aria-rowcount", rows.total + 1);
    if (this.tall !== rows.total) { this.tall = rows.total; this.body.style.height = rows.total * ROW + "px"; }
    const top = Math.max(0, Math.floor(scrollTop / ROW) - MARGIN);
    const end = Math.min(rows.total, Math.ceil((scrollTop + clientHeight) / ROW) + MARGIN);
    for (const [index, line] of this.lines) {
      if (index < top || index >= end) { line.node.remove(); this.lines.delete(index); }
    }
    const made = document.createDocumentFragment();
    for (let index = top; index < end; index++) {
      const row = rows.at(index), line = this.lines.get(index);
      if (line && line.row === row && !again) continue;
      const node = this._line(index, row);
      if (line) line.node.replaceWith(node); else made.append(node);
      this.lines.set(index, {node, row});
    }
    this.body.append(made);
    this._mark();
  }

  _soon() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => { this.asked = 0; this.render(false); if (this.popup) this._put(this.popup); });
  }

  _line(index, row) {
    const node = el("div", {class: "g-row" + (row ? "" : " wait"), role: "row", "aria-rowindex": index + 2, style: `top:${index * ROW}px`});
    node.append(el("div", {class: "g-cell g-no", role: "rowheader"}, el("span", {}, index + 1),
      el("button", {class: "g-open", tabindex: "-1", "aria-label": `打开第 ${index + 1} 行`, onclick: () => this.sheet.open(index)}, "↗")));
    this.sheet.columns.forEach((column, col) => node.append(this._cell(row, column, index, col)));
    return node;
  }

  _cell(row, column, index, col) {
    const value = row?.cells[column.id];
    const locked = row && row.locked.includes(column.id), flash = row && this._flash(`${row.id} ${column.id}`);
    const names = ["g-cell", `t${column.type}`];
    if (col === 0 && column.primary) names.push("first");
    if (row && right(column, value)) names.push("num");
    if (locked) names.push("locked");
    if (flash) names.push("flash");
    const cell = el("div", {
      class: names.join(" "), role: "gridcell", id: `c${index}-${col}`, style: `width:${this.width(column)}px`,
      "aria-colindex": col + 2, "aria-readonly": String(!writable(column) || Boolean(locked)),
    });
    cell.append(...(row ? draw(column, value, this.sheet.zone) : [el("i", {class: "bone"})]));
    return cell;
  }

  _flash(key) {
    const at = this.sheet.rows.flash.get(key);
    if (at === undefined) return false;
    if (performance.now() - at < FLASH) return true;
    this.sheet.rows.flash.delete(key);
    return false;
  }

  // -- choosing ----------------------------------------------------------

  _find(target) {
    const cell = target.closest?.(".g-cell[id]");
    if (!cell) return null;
    const [row, col] = cell.id.slice(1).split("-").map(Number);
    return {row, col};
  }

  _press(event) {
    const found = this._find(event.target);
    if (!found || event.button !== 0) return;
    if (this.popup) this.finish(true);
    const same = found.row === this.at.row && found.col === this.at.col && document.activeElement === this.ear;
    this.select(found.row, found.col);
    const column = this.sheet.columns[found.col];
    if (column.type === T.CHECKBOX && event.target.closest(".box,.t7")) this.edit();
    else if (same && !event.target.closest("a")) { event.preventDefault(); this.edit(); }
  }

  select(row, col, focus = true) {
    const {rows, columns} = this.sheet;
    this.at = {row: Math.max(0, Math.min(rows.total - 1, row)), col: Math.max(0, Math.min(columns.length - 1, col))};
    this._show();
    this._mark();
    this._put(this.ear);
    if (focus && document.activeElement !== this.ear) this.ear.focus({preventScroll: true});
  }

  _mark() {
    this.body.querySelector(".here")?.classList.remove("here");
    const cell = this.body.querySelector(`#c${this.at.row}-${this.at.col}`);
    cell?.classList.add("here");
    for (const node of [this.node, this.ear]) {
      if (cell) node.setAttribute("aria-activedescendant", cell.id);
      else node.removeAttribute("aria-activedescendant");
    }
  }

  // Scroll just as far as needed; the head and the fixed columns cover what is under them.
  _show() {
    const {row, col} = this.at, node = this.node, {columns} = this.sheet;
    const top = row * ROW;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top + ROW + HEAD > node.scrollTop + node.clientHeight) node.scrollTop = top + ROW + HEAD - node.clientHeight + 12;
    if (col > 0) {
      const left = columns.slice(0, col).reduce((sum, column) => sum + this.width(column), NUMBER);
      const fixed = NUMBER + this.width(columns[0]);
      if (left - fixed < node.scrollLeft) node.scrollLeft = left - fixed;
      else if (left + this.width(columns[col]) > node.scrollLeft + node.clientWidth) node.scrollLeft = left + this.width(columns[col]) - node.clientWidth;
    }
    this.render(false);
  }

  _key(event) {
    if (this.popup || event.target !== this.ear || composing(event)) return;
    const {row, col} = this.at, page = Math.max(1, Math.floor(this.node.clientHeight / ROW) - 2), far = event.ctrlKey || event.metaKey;
    const last = this.sheet.rows.total - 1, moves = {
      ArrowDown: [far ? last : row + 1, col], ArrowUp: [far ? 0 : row - 1, col], ArrowLeft: [row, far ? 0 : col - 1], ArrowRight: [row, far ? 999 : col + 1],
      PageDown: [row + page, col], PageUp: [row - page, col], Home: [far ? 0 : row, 0], End: [far ? last : row, 999],
    };
    if (moves[event.key]) this.select(...moves[event.key]);
    else if (event.key === "Tab" && this._room(event.shiftKey ? -1 : 1)) this.step(event.shiftKey ? -1 : 1);
    else if (event.key === "Enter" || event.key === "F2") this.edit();
    else if (event.key === " ") this.sheet.open(row);
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key.length === 1 && !far && !event.altKey) this.edit(event.key);
    else return;
    event.preventDefault();
  }

  _room(by) {
    const place = this.at.row * this.sheet.columns.length + this.at.col + by;
    return place >= 0 && place < this.sheet.rows.total * this.sheet.columns.length;
  }

  /** The next cell, over the end of a row into the next. */
  step(by) {
    const wide = this.sheet.columns.length, place = this.at.row * wide + this.at.col + by;
    this.select(Math.floor(place / wide), ((place % wide) + wide) % wide);
  }

  _copy(event) {
    if (event.target !== this.ear || !this.now) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", text(this.now.column, this.now.value, this.sheet.zone));
  }

  get now() {
    const row = this.sheet.rows.at(this.at.row), column = this.sheet.columns[this.at.col];
    return row && column ? {row, column, value: row.cells[column.id]} : null;
  }

  // -- editing -----------------------------------------------------------

  _may(now) {
    if (!writable(now.column)) toast("info", `“${now.column.name}”是自动计算的，不能修改`);
    else if (now.row.locked.includes(now.column.id)) toast("warning", `你的角色不能修改这一行的“${now.column.name}”`);
    else return true;
    return false;
  }

  clear() {
    const now = this.now;
    if (now && now.value !== undefined && this._may(now)) this.sheet.save(now.row, now.column, now.column.type === T.CHECKBOX ? false : null);
  }

  /** An IME has begun: its letters stand over the cell until they are a word. */
  _compose() {
    const now = this.now;
    const may = now && now.column.type !== T.CHECKBOX && writable(now.column) && !now.row.locked.includes(now.column.id);
    this._put(this.ear);
    this.ear.classList.toggle("on", Boolean(may));
  }

  /** What was composed, pasted or dictated at the chosen cell: with it the editing begins. */
  _typed() {
    const said = this.ear.value;
    this.ear.value = "";
    this.ear.classList.remove("on");
    if (said) this.edit(said);
  }

  /** Edit the chosen cell; `typed` replaces what stands there. */
  edit(typed) {
    const now = this.now;
    if (!now || !this._may(now)) return;
    if (now.column.type === T.CHECKBOX) { this.sheet.save(now.row, now.column, now.value !== true); return; }
    const context = {...this.sheet.context, typed, changed: () => {}, finished: () => this.finish(true)};
    const made = editor(now.column, now.value, context);
    const fault = el("p", {class: "fault", role: "alert"});
    this.popup = el("div", {class: `g-edit e${now.column.type}`, onkeydown: (event) => this._editKey(event)}, made.node, fault);
    this.editing = {...now, made, fault, before: JSON.stringify(made.read())};
    if (typed !== undefined) this.editing.before = "";
    this.node.append(this.popup);
    this._put(this.popup);
    made.focus();
    const field = this.popup.querySelector("textarea,input:not([type])");
    if (typed !== undefined && field && field.setSelectionRange) field.setSelectionRange(field.value.length, field.value.length);
    setTimeout(() => document.addEventListener("mousedown", this.outside = (event) => {
      if (this.popup && !this.popup.contains(event.target) && !this.node.contains(event.target)) this.finish(true);
    }, {capture: true}));
  }

  _put(node) {
    const {columns} = this.sheet, {row, col} = this.at;
    const left = columns.slice(0, col).reduce((sum, column) => sum + this.width(column), NUMBER);
    const seen = col === 0 ? left + this.node.scrollLeft : left;
    node.style.left = Math.max(0, Math.min(seen, this.node.scrollLeft + this.node.clientWidth - 280)) + "px";
    node.style.top = HEAD + row * ROW + "px";
    node.style.minWidth = this.width(columns[col]) + "px";
  }

  _editKey(event) {
    event.stopPropagation();
    if (composing(event)) return;
    const area = event.target.tagName === "TEXTAREA";
    if (event.key === "Escape") this.finish(false);
    else if (event.key === "Enter" && !(area && (event.shiftKey || event.altKey || event.ctrlKey))) {
      if (this.finish(true)) this.select(this.at.row + (event.shiftKey ? -1 : 1), this.at.col);
    } else if (event.key === "Tab") {
      if (this.finish(true)) this.step(event.shiftKey ? -1 : 1);
    } else return;
    event.preventDefault();
  }

  /** End editing; false when the value is wrong and the field stays open with the reason under it. */
  finish(keep) {
    if (!this.popup) return true;
    const {row, column, made, fault, before} = this.editing, read = made.read();
    if (keep && read.error) {
      fault.textContent = read.error;
      this.popup.querySelector("input,textarea")?.setAttribute("aria-invalid", "true");
      return false;
    }
    this.popup.remove();
    this.popup = null;
    document.removeEventListener("mousedown", this.outside, {capture: true});
    this.node.focus({preventScroll: true});
    if (keep && JSON.stringify(read) !== before) this.sheet.save(row, column, read.value);
    return true;
  }

  _resize(event, column) {
    event.preventDefault();
    event.stopPropagation();
    const start = event.clientX, was = this.width(column);
    const move = (to) => { this.widths[column.id] = Math.max(60, Math.min(700, was + to.clientX - start)); this._heads(); this.render(); };
    const done = () => {
      document.removeEventListener("pointermove", move);
      localStorage.setItem("widths " + this.sheet.key, JSON.stringify(this.widths));
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", done, {once: true});
  }
}
