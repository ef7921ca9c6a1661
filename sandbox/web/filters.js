// Filters and sorting of a table: a small window over the toolbar, and the menu of a column.
import {T, instant, parts} from "./cells.js";
import {el} from "./net.js";

const WORDS = [["contains", "包含"], ["doesNotContain", "不包含"], ["is", "等于"], ["isNot", "不等于"], ["isEmpty", "为空"], ["isNotEmpty", "不为空"]];
const AMOUNTS = [["isGreater", "大于"], ["isGreaterEqual", "大于等于"], ["isLess", "小于"], ["isLessEqual", "小于等于"], ["is", "等于"], ["isNot", "不等于"], ["isEmpty", "为空"], ["isNotEmpty", "不为空"]];
const DAYS = [["is", "等于"], ["isGreater", "晚于"], ["isLess", "早于"], ["isEmpty", "为空"], ["isNotEmpty", "不为空"]];
const CHOICES = [["contains", "是其中之一"], ["doesNotContain", "都不是"], ["isEmpty", "为空"], ["isNotEmpty", "不为空"]];
const OPERATORS = {
  [T.NUMBER]: AMOUNTS, [T.DATE]: DAYS, [T.CREATED_AT]: DAYS, [T.MODIFIED_AT]: DAYS, [T.CHECKBOX]: [["is", "等于"]],
  [T.SELECT]: CHOICES, [T.MULTI]: CHOICES, [T.USER]: CHOICES, [T.CREATED_BY]: CHOICES, [T.MODIFIED_BY]: CHOICES,
  [T.ATTACHMENT]: [["isEmpty", "为空"], ["isNotEmpty", "不为空"]], [T.LINK]: CHOICES.slice(2), [T.DUPLEX]: CHOICES.slice(2), [T.CHAT]: CHOICES.slice(2),
  [T.FORMULA]: [...AMOUNTS.slice(0, 4), ["contains", "包含"], ...AMOUNTS.slice(4)],
};

/** The operators of a column. */
export const operators = (column) => OPERATORS[column.type] || WORDS;
export const filterable = (column) => column.type !== T.LOOKUP;
export const sortable = (column) => column.type !== T.ATTACHMENT;

/** A new condition on a column, not yet with a value. */
export const condition = (column) => ({field_id: column.id, operator: operators(column)[0][0], value: column.type === T.CHECKBOX ? ["true"] : []});

/** The conditions that are complete; the others wait for a value. */
export const complete = (conditions) => conditions.filter((one) => one.operator.endsWith("Empty") || one.value.length > 0)
  .map((one) => ({...one, value: one.operator.endsWith("Empty") ? [] : one.value}));

/** The field in which the value of a condition is given; `changed` after every change. */
function valueField(column, one, sheet, changed) {
  if (one.operator.endsWith("Empty")) return el("span");
  const set = (value) => { one.value = value; changed(); };
  if (column.type === T.CHECKBOX) return choose([["true", "已勾选"], ["false", "未勾选"]], one.value[0], (value) => set([value]), "值");
  const lists = {[T.SELECT]: column.property.options, [T.MULTI]: column.property.options, [T.USER]: sheet.people, [T.CREATED_BY]: sheet.people, [T.MODIFIED_BY]: sheet.people};
  const items = lists[column.type];
  if (items) {
    const summary = el("summary", {class: "field"}), said = () => { summary.textContent = one.value.length ? items.filter((item) => one.value.includes(item.id)).map((item) => item.name).join("、") : "选择…"; };
    const boxes = items.map((item) => el("label", {class: "choice"}, el("input", {type: "checkbox", checked: one.value.includes(item.id), onchange: (event) => {
      one.value = event.target.checked ? [...one.value, item.id].slice(0, 10) : one.value.filter((id) => id !== item.id);
      said(); changed();
    }}), item.name));
    said();
    return el("details", {class: "several"}, summary, el("div", {class: "choices"}, boxes));
  }
  if ([T.DATE, T.CREATED_AT, T.MODIFIED_AT].includes(column.type)) {
    const p = one.value[0] === "ExactDate" ? parts(Number(one.value[1]), sheet.zone) : null;
    return el("input", {class: "field", type: "date", "aria-label": "日期", value: p ? `${p.y}-${p.M}-${p.d}` : "", onchange: (event) => {
      const ms = instant(event.target.value, sheet.zone);
      set(Number.isNaN(ms) ? [] : ["ExactDate", String(ms)]);
    }});
  }
  return el("input", {class: "field", "aria-label": "值", value: one.value[0] || "", placeholder: column.type === T.NUMBER ? "数字" : "文字", oninput: (event) => {
    const text = event.target.value.trim(), wrong = column.type === T.NUMBER && text !== "" && !Number.isFinite(Number(text));
    event.target.setAttribute("aria-invalid", String(wrong));
    if (!wrong) set(text ? [text] : []);
  }});
}

function choose(items, chosen, changed, name) {
  return el("select", {class: "field", "aria-label": name, onchange: (event) => changed(event.target.value)},
    items.map(([value, word]) => el("option", {value, ...(value === chosen ? {selected: true} : {})}, word)));
}

/** A small window below `anchor` that closes with Esc or a click elsewhere. */
export function popover(anchor, title, fill) {
  document.querySelector(".pop")?.remove();
  const body = el("div", {class: "pop-body"});
  const pop = el("div", {class: "pop", role: "dialog", "aria-label": title, tabindex: "-1"}, title ? el("h3", {}, title) : null, body);
  const close = () => {
    pop.remove();
    document.removeEventListener("mousedown", outside, true);
    anchor.isConnected && anchor.focus();
  };
  const outside = (event) => { if (!pop.contains(event.target) && !anchor.contains(event.target)) close(); };
  pop.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } });
  document.body.append(pop);
  fill(body, close);
  const box = anchor.getBoundingClientRect();
  pop.style.top = Math.min(box.bottom + 4, innerHeight - 120) + "px";
  pop.style.left = Math.max(8, Math.min(box.left, innerWidth - pop.offsetWidth - 8)) + "px";
  document.addEventListener("mousedown", outside, true);
  (body.querySelector("input,select,button,summary") || pop).focus();
  return pop;
}

/** The window of all conditions of a sheet. */
export function filterWindow(anchor, sheet, changed) {
  popover(anchor, "筛选（全部满足）", (body) => {
    const render = () => {
      const lines = sheet.conditions.map((one, index) => {
        const column = sheet.columns.find((each) => each.id === one.field_id);
        const redo = () => { render(); changed(); };
        return el("div", {class: "line"},
          choose(sheet.columns.filter(filterable).map((each) => [each.id, each.name]), one.field_id, (id) => { sheet.conditions[index] = condition(sheet.columns.find((each) => each.id === id)); redo(); }, "列"),
          choose(operators(column), one.operator, (operator) => { one.operator = operator; redo(); }, "条件"),
          valueField(column, one, sheet, changed),
          el("button", {class: "drop", "aria-label": "去掉这个条件", onclick: () => { sheet.conditions.splice(index, 1); redo(); }}, "×"));
      });
      const add = el("button", {class: "btn btn-text", onclick: () => { sheet.conditions.push(condition(sheet.columns.find(filterable))); render(); changed(); }}, "＋ 添加条件");
      body.replaceChildren(...(lines.length ? lines : [el("p", {class: "none"}, "还没有条件，显示全部行。")]), add);
    };
    if (!sheet.conditions.length) sheet.conditions.push(condition(sheet.columns.find(filterable)));
    render();
  });
}

/** The window of all sort keys of a sheet. */
export function sortWindow(anchor, sheet, changed) {
  popover(anchor, "排序", (body) => {
    const render = () => {
      const lines = sheet.sort.map((one, index) => {
        const redo = () => { render(); changed(); };
        return el("div", {class: "line"},
          choose(sheet.columns.filter(sortable).map((each) => [each.id, each.name]), one.field_id, (id) => { one.field_id = id; redo(); }, "列"),
          choose([["asc", "从小到大"], ["desc", "从大到小"]], one.desc ? "desc" : "asc", (value) => { one.desc = value === "desc"; redo(); }, "方向"),
          el("button", {class: "drop", "aria-label": "去掉这个排序", onclick: () => { sheet.sort.splice(index, 1); redo(); }}, "×"));
      });
      const add = el("button", {class: "btn btn-text", onclick: () => { sheet.sort.push({field_id: sheet.columns.find(sortable).id, desc: false}); render(); changed(); }}, "＋ 添加排序");
      body.replaceChildren(...(lines.length ? lines : [el("p", {class: "none"}, "按创建的先后。")]), add);
    };
    render();
  });
}

/** The menu of one column. */
export function columnMenu(anchor, column, sheet, changed) {
  popover(anchor, "", (body, close) => {
    const item = (word, work) => el("button", {class: "item", onclick: () => { close(); work(); changed(); }}, word);
    const order = (desc) => () => { sheet.sort = [{field_id: column.id, desc}]; };
    body.replaceChildren(
      ...(sortable(column) ? [item("↑ 从小到大", order(false)), item("↓ 从大到小", order(true))] : []),
      ...(sheet.sort.some((one) => one.field_id === column.id) ? [item("取消排序", () => { sheet.sort = sheet.sort.filter((one) => one.field_id !== column.id); })] : []),
      ...(filterable(column) ? [item("按此列筛选…", () => { sheet.conditions.push(condition(column)); queueMicrotask(() => filterWindow(sheet.filterButton, sheet, changed)); })] : []),
      column.description ? el("p", {class: "none"}, column.description) : "");
  });
}
