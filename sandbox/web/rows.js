// The rows of one table, fetched in pages as they are looked at; a table of any length costs a few pages.
import {get, single} from "./net.js";

const PAGE = 100, KEPT = 24;

export class Rows {
  /** `path` of the table's pages, `tell()` after anything new, `fail(words)` when the sandbox refuses. */
  constructor(path, tell, fail) {
    this.path = path; this.tell = tell; this.fail = fail;
    this.query = {}; this.pages = new Map(); this.asked = new Map(); this.wanted = [];
    this.total = 0; this.revision = null; this.era = 0;
    this.flash = new Map();
    this.refresh = single(() => this._refresh());
  }

  /** Other filters, sorting, words or view: forget everything and begin at the top. */
  async ask(query) {
    this.query = query;
    this.era += 1;
    this.pages.clear(); this.asked.clear(); this.wanted = []; this.flash.clear();
    this.revision = null;
    await this._page(0);
  }

  /** The row at a place; undefined while it is on its way (and then `tell` is called). */
  at(index) {
    const number = Math.floor(index / PAGE);
    const page = this.pages.get(number);
    if (page) { this.pages.delete(number); this.pages.set(number, page); return page[index % PAGE]; }
    if (index < this.total) this._want(number);
    return undefined;
  }

  // While one scrolls, pages fly by: what was wanted last comes first, and only two are under way.
  _want(number) {
    this.wanted = [number, ...this.wanted.filter((one) => one !== number)].slice(0, 3);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._pump(), 40);
  }

  _pump() {
    while (this.wanted.length && this.asked.size < 2) {
      const number = this.wanted.shift();
      if (!this.pages.has(number) && !this.asked.has(number)) this._page(number).then(() => this._pump());
    }
  }

  /** Where a row is among the pages at hand; -1 when it is not there. */
  place(id) {
    for (const [number, page] of this.pages) {
      const at = page.findIndex((row) => row.id === id);
      if (at >= 0) return number * PAGE + at;
    }
    return -1;
  }

  _url(from, count, more = "") {
    const {view = "", conditions = [], sort = [], words = ""} = this.query;
    const asked = new URLSearchParams({from, count, view, words});
    if (conditions.length) asked.set("filter", JSON.stringify(conditions));
    if (sort.length) asked.set("sort", JSON.stringify(sort));
    return `${this.path}/rows?${asked}${more}`;
  }

  async _page(number) {
    if (this.asked.has(number)) return this.asked.get(number);
    const era = this.era, work = this._fetch(number, era);
    this.asked.set(number, work);
    try { await work; } finally { if (era === this.era) this.asked.delete(number); }
  }

  async _fetch(number, era) {
    try {
      const got = await get(this._url(number * PAGE, PAGE));
      if (era !== this.era) return;
      this._put(number, got);
      this.tell();
    } catch (error) {
      if (era === this.era) this.fail(error.message);
    }
  }

  _put(number, got) {
    this._compare(this.pages.get(number), got.rows);
    this.pages.delete(number);
    this.pages.set(number, got.rows);
    while (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value);
    this.total = got.total;
    this.revision = got.revision;
  }

  // Cells that somebody changed meanwhile light up once.
  _compare(old, rows) {
    if (!old) return;
    const before = new Map(old.map((row) => [row.id, row.cells]));
    for (const row of rows) {
      const was = before.get(row.id);
      if (!was) continue;
      for (const key of new Set([...Object.keys(was), ...Object.keys(row.cells)])) {
        if (JSON.stringify(was[key]) !== JSON.stringify(row.cells[key])) this.flash.set(`${row.id} ${key}`, performance.now());
      }
    }
  }

  async _refresh() {
    const era = this.era, numbers = [...this.pages.keys()].slice(-3);
    if (!numbers.length) return this._page(0);
    try {
      const first = await get(this._url(numbers[0] * PAGE, PAGE, this.revision === null ? "" : `&known=${this.revision}`));
      if (era !== this.era || first.same) return;
      for (const number of [...this.pages.keys()]) if (!numbers.includes(number)) this.pages.delete(number);
      this._put(numbers[0], first);
      for (const number of numbers.slice(1)) {
        const got = await get(this._url(number * PAGE, PAGE));
        if (era !== this.era) return;
        this._put(number, got);
      }
      this.tell();
    } catch (error) {
      if (era === this.era) this.fail(error.message);
    }
  }
}
