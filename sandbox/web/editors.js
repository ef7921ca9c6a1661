// A field for every type of column, the same in a cell, in the drawer of a row and in a form.
// Each editor: {node, focus(), read()}; read gives {value} as the API writes it (null = empty) or {error}.
import {T, amount, chip, instant, parts, personChip, safeLink, size, thumb} from "./cells.js";
import {act, base64, el, get, refusal} from "./net.js";

const BIGGEST = 20 * 1024 * 1024;

/** An editor for a column. `context`: {zone, people, app_token, me, table, changed(), typed}. */
export function editor(column, value, context) {
  const make = {
    [T.NUMBER]: number, [T.SELECT]: select, [T.MULTI]: multi, [T.DATE]: date, [T.CHECKBOX]: checkbox, [T.USER]: people,
    [T.URL]: url, [T.ATTACHMENT]: attachments, [T.LINK]: links, [T.DUPLEX]: links, [T.PHONE]: phone, [T.LOCATION]: place,
  }[column.type] || words;
  return make(column, value, context);
}

/** Whether a column can be written into at all. */
export const writable = (column) => !column.computed && column.type !== T.CHAT;

function field(column, context, attributes, parse) {
  const node = el(attributes.tag || "input", {class: "field", "aria-label": column.name, autocomplete: "off", ...attributes, tag: null});
  node.addEventListener("change", () => context.changed?.());
  node.addEventListener("input", () => node.removeAttribute("aria-invalid"));
  const read = () => (node.value.trim() === "" ? {value: null} : parse(node.value));
  return {node, read, focus: () => { node.focus(); if (context.typed === undefined) node.select?.(); }};
}

function words(column, value, context) {
  const email = column.ui === "Email";
  return field(column, context, {tag: "textarea", rows: "1", value: context.typed ?? value ?? "", inputmode: email ? "email" : "text"}, (text) => {
    if (text.length > 100_000) return {error: "最多 10 万字"};
    if (email && !/^[^\s@]+@[^\s@]+$/.test(text.trim())) return {error: "请填写正确的邮箱"};
    return {value: email ? text.trim() : text};
  });
}

function number(column, value, context) {
  const percent = (column.property.formatter || "").includes("%");
  const shown = value === undefined || value === null ? "" : percent ? trim(value * 100) + "%" : trim(value);
  const hint = column.ui === "Currency" ? amount(0, column).replace(/[\d.,]/g, "") : percent ? "%" : "";
  return field(column, context, {value: context.typed ?? shown, inputmode: "decimal", placeholder: hint, class: "field amount"}, (text) => {
    const bare = text.replace(/[,，¥￥$€£\s]/g, "").replace(/[%％]$/, "");
    const read = Number(bare);
    if (bare === "" || !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(bare) || !Number.isFinite(read)) return {error: "请填写数字，例如 1280 或 1,280.50"};
    const kept = percent ? Number((read / 100).toPrecision(15)) : read;
    const {min, max} = column.property;
    if (column.ui === "Rating" && (kept < (min ?? 1) || kept > (max ?? 5) || !Number.isInteger(kept))) return {error: `请填写 ${min ?? 1} 到 ${max ?? 5} 的整数`};
    return {value: kept};
  });
}

const trim = (value) => String(Number(value.toPrecision(12)));

function phone(column, value, context) {
  return field(column, context, {value: context.typed ?? value ?? "", inputmode: "tel"}, (text) => (
    /^\+?\d{1,63}$/.test(text.replace(/[\s-]/g, "")) ? {value: text.replace(/[\s-]/g, "")} : {error: "只能是数字，可以以 + 开头"}));
}

function place(column, value, context) {
  return field(column, context, {value: context.typed ?? value ?? "", placeholder: "经度,纬度"}, (text) => (
    /^-?\d+(\.\d+)?,-?\d+(\.\d+)?$/.test(text.trim()) ? {value: text.trim()} : {error: "请填写“经度,纬度”，例如 121.47,31.23"}));
}

function date(column, value, context) {
  const hours = (column.property.date_formatter || "").includes("HH");
  const p = value ? parts(value, context.zone) : null;
  const shown = p ? `${p.y}-${p.M}-${p.d}` + (hours ? `T${p.H}:${p.m}` : "") : "";
  return field(column, context, {type: hours ? "datetime-local" : "date", value: shown, max: hours ? "9999-12-31T23:59" : "9999-12-31"}, (text) => {
    const ms = instant(text, context.zone);
    return Number.isNaN(ms) ? {error: "请填写日期"} : {value: ms};
  });
}

function checkbox(column, value, context) {
  const input = el("input", {type: "checkbox", checked: value === true, "aria-label": column.name, onchange: () => context.changed?.()});
  return {node: el("label", {class: "check-field"}, input), read: () => ({value: input.checked}), focus: () => input.focus()};
}

function url(column, value, context) {
  const text = el("input", {class: "field", placeholder: "显示的文字", "aria-label": `${column.name} 文字`, value: value?.text ?? ""});
  const link = el("input", {class: "field", placeholder: "https://…", "aria-label": `${column.name} 链接`, inputmode: "url", value: context.typed ?? value?.link ?? ""});
  for (const one of [text, link]) one.addEventListener("change", () => context.changed?.());
  const read = () => {
    const to = link.value.trim();
    if (!to) return text.value.trim() ? {error: "请填写链接"} : {value: null};
    const full = /^[a-z]+:/i.test(to) ? to : "https://" + to;
    return safeLink(full) ? {value: {text: text.value.trim() || full, link: full}} : {error: "链接须以 http:// 或 https:// 开头"};
  };
  return {node: el("div", {class: "two"}, link, text), read, focus: () => link.focus()};
}

// A list to choose from: type to narrow, arrows to walk, Enter to take, Esc to leave.
function picker(column, context, {items, chosen, many, draw, find}) {
  let shown = items, at = Math.max(0, items.findIndex((item) => item.id === chosen[0]?.id)), taken = [...chosen];
  const id = "pick" + Math.random().toString(36).slice(2);
  const box = el("div", {class: "taken"});
  const list = el("div", {class: "choices", role: "listbox", id, "aria-label": column.name, "aria-multiselectable": String(many)});
  const search = el("input", {class: "field", role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-label": column.name,
    placeholder: "搜索或用方向键选择", autocomplete: "off", value: context.typed ?? ""});
  const render = () => {
    box.replaceChildren(...taken.map((item) => el("span", {class: "pick"}, draw(item),
      el("button", {type: "button", class: "drop", "aria-label": `去掉 ${item.name}`, onclick: () => drop(item)}, "×"))));
    list.replaceChildren(...shown.slice(0, 60).map((item, index) => el("div", {
      class: "choice" + (index === at ? " here" : ""), role: "option", id: `${id}-${index}`, "aria-selected": String(has(item)),
      onmousedown: (event) => { event.preventDefault(); take(item); },
    }, draw(item), has(item) ? el("span", {class: "tick", "aria-hidden": "true"}, "✓") : "")));
    if (!shown.length) list.append(el("p", {class: "none"}, "没有符合的选项"));
    search.setAttribute("aria-activedescendant", shown.length ? `${id}-${at}` : "");
    list.children[at]?.scrollIntoView({block: "nearest"});
  };
  const has = (item) => taken.some((one) => one.id === item.id);
  const drop = (item) => {
    taken = taken.filter((one) => one.id !== item.id);
    render();
    context.changed?.();
  };
  const take = (item) => {
    if (!many && has(item)) return context.finished?.();
    if (has(item)) taken = taken.filter((one) => one.id !== item.id);
    else taken = many ? [...taken, item] : [item];
    render();
    context.changed?.();
    if (!many) context.finished?.();
  };
  const narrow = async () => {
    const words = search.value.trim().toLowerCase();
    shown = find ? await find(words) : items.filter((item) => item.name.toLowerCase().includes(words));
    at = 0;
    render();
  };
  search.addEventListener("input", narrow);
  search.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) { at = Math.min(Math.max(0, at + step), Math.min(shown.length, 60) - 1); render(); }
    else if (event.key === "Enter" && shown[at] && !(many && search.value === "" && !event.shiftKey && context.finished && event.ctrlKey)) take(shown[at]);
    else if (event.key === "Backspace" && search.value === "" && taken.length) drop(taken[taken.length - 1]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  render();
  if (context.typed || find) narrow();
  return {node: el("div", {class: "picker"}, box, search, list), focus: () => search.focus(), taken: () => taken};
}

function select(column, value, context) {
  const items = column.property.options || [];
  const made = picker(column, context, {items, chosen: items.filter((one) => one.name === value), many: false, draw: (item) => chip(column, item.name)});
  return {...made, read: () => ({value: made.taken()[0]?.name ?? null})};
}

function multi(column, value, context) {
  const items = column.property.options || [];
  const chosen = (value || []).map((name) => items.find((one) => one.name === name)).filter(Boolean);
  const made = picker(column, context, {items, chosen, many: true, draw: (item) => chip(column, item.name)});
  return {...made, read: () => ({value: made.taken().length ? made.taken().map((one) => one.name) : null})};
}

function people(column, value, context) {
  const many = column.property.multiple !== false;
  const made = picker(column, context, {items: context.people, chosen: value || [], many, draw: personChip});
  return {...made, read: () => ({value: made.taken().length ? made.taken().map((one) => ({id: one.id})) : null})};
}

function links(column, value, context) {
  const path = `/people/${context.me}/tables/${context.app_token}/${column.property.table_id}`;
  let primary;
  const find = async (words) => {
    primary ??= get(path).then((schema) => schema.columns.find((one) => one.primary)?.id);
    const key = await primary, got = await get(`${path}/rows?count=40&words=${encodeURIComponent(words)}`);
    return got.rows.map((row) => ({id: row.id, name: label(row.cells[key])}));
  };
  const chosen = (value || []).map((one) => ({id: one.id, name: one.text}));
  const many = column.property.multiple !== false;
  const made = picker(column, context, {items: [], chosen, many, find, draw: (item) => el("span", {class: "chip linked"}, item.name || "未命名")});
  return {...made, read: () => ({value: made.taken().length ? made.taken().map((one) => one.id) : null})};
}

const label = (cell) => (cell === undefined ? "" : typeof cell === "object" ? String(cell.text ?? cell.value ?? "") : String(cell));

function attachments(column, value, context) {
  let files = [...(value || [])], busy = 0;
  const list = el("div", {class: "files"}), status = el("p", {class: "none", role: "status"});
  const input = el("input", {type: "file", multiple: true, "aria-label": `上传到 ${column.name}`, onchange: () => add([...input.files])});
  const drop = el("label", {class: "upload"}, input, el("span", {}, "＋ 选择文件，或拖到这里（每个不超过 20 MB）"));
  const render = () => {
    list.replaceChildren(...files.map((file) => el("div", {class: "file"}, thumb(file),
      el("a", {href: `/web/media/${file.token}`, target: "_blank", rel: "noreferrer noopener"}, file.name), el("small", {}, size(file.size)),
      el("button", {type: "button", class: "drop", "aria-label": `去掉 ${file.name}`, onclick: () => { files = files.filter((one) => one !== file); render(); context.changed?.(); }}, "×"))));
    status.textContent = busy ? `正在上传 ${busy} 个文件…` : "";
  };
  const add = async (chosen) => {
    let fault = "";
    for (const file of chosen) {
      if (file.size > BIGGEST) { fault = `${file.name} 太大，最多 20 MB`; continue; }
      busy += 1; render();
      const answer = await act("act/attach", {app_token: context.app_token, name: file.name, data: await base64(file)});
      busy -= 1;
      if (answer.code) fault = refusal(answer);
      else files.push({token: answer.data.file_token, name: file.name, mime: file.type, size: file.size});
    }
    input.value = "";
    render();
    if (fault) status.textContent = fault;
    context.changed?.();
  };
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => { event.preventDefault(); add([...event.dataTransfer.files]); });
  render();
  const read = () => (busy ? {error: "文件还在上传"} : {value: files.length ? files.map((file) => ({file_token: file.token})) : null});
  return {node: el("div", {class: "uploads"}, list, drop, status), read, focus: () => input.focus()};
}
