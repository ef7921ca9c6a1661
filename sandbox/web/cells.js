// How a cell looks, by the type of its column, and how local times and numbers are written.
import {el} from "./net.js";

export const T = {
  TEXT: 1, NUMBER: 2, SELECT: 3, MULTI: 4, DATE: 5, CHECKBOX: 7, USER: 11, PHONE: 13, URL: 15, ATTACHMENT: 17,
  LINK: 18, LOOKUP: 19, FORMULA: 20, DUPLEX: 21, LOCATION: 22, CHAT: 23, CREATED_AT: 1001, MODIFIED_AT: 1002,
  CREATED_BY: 1003, MODIFIED_BY: 1004, AUTO: 1005,
};
export const ICON = {
  1: "A", 2: "#", 3: "◉", 4: "≡", 5: "日", 7: "☑", 11: "人", 13: "电", 15: "链", 17: "件", 18: "联", 19: "引", 20: "ƒ", 21: "联",
  22: "位", 23: "群", 1001: "时", 1002: "时", 1003: "人", 1004: "人", 1005: "№",
};
const HUES = 11;

// Formatters cost far more to make than to use, and a grid draws hundreds of cells a frame.
const formatters = new Map();
function kept(key, make) {
  if (!formatters.has(key)) formatters.set(key, make());
  return formatters.get(key);
}

/** Parts of a moment in a time zone: {y, M, d, H, m} as padded text. */
export function parts(ms, zone) {
  const shape = {timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23"};
  const found = Object.fromEntries(kept(zone, () => new Intl.DateTimeFormat("en-CA", shape)).formatToParts(ms).map((p) => [p.type, p.value]));
  return {y: found.year, M: found.month, d: found.day, H: found.hour, m: found.minute};
}

/** A moment in the column's own format, e.g. yyyy/MM/dd HH:mm. */
export function moment(ms, format, zone) {
  const p = parts(ms, zone);
  return (format || "yyyy/MM/dd").replace("yyyy", p.y).replace("MM", p.M).replace("dd", p.d).replace("HH", p.H).replace("mm", p.m);
}

/** Milliseconds of a local "yyyy-MM-dd[THH:mm]" in a time zone. */
export function instant(text, zone) {
  const wanted = Date.parse(text.length > 10 ? text + ":00Z" : text + "T00:00:00Z");
  if (Number.isNaN(wanted)) return NaN;
  let guess = wanted;
  for (let round = 0; round < 2; round++) {
    const p = parts(guess, zone);
    guess += wanted - Date.parse(`${p.y}-${p.M}-${p.d}T${p.H}:${p.m}:00Z`);
  }
  return guess;
}

const SIGNS = {CNY: "¥", USD: "$", EUR: "€", GBP: "£", JPY: "¥", HKD: "HK$"};

/** A number as its column writes it. */
export function amount(value, column) {
  const format = column.property.formatter || "";
  const digits = (format.match(/\.(0+)/) || ["", ""])[1].length;
  if (format.includes("%")) return (value * 100).toFixed(digits) + "%";
  const grouped = format.includes(",") || column.ui === "Currency";
  const plain = /^[¥$]?[01,.]*0*$/.test(format) && format
    ? kept(`${digits} ${grouped}`, () => new Intl.NumberFormat("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: grouped})).format(value)
    : String(Math.round(value * 1e6) / 1e6);
  const code = column.property.currency_code;
  const sign = code ? SIGNS[code] || code + " " : (format.match(/^[¥$]/) || [""])[0];
  return sign + plain;
}

export const isNumeric = (column) => column.type === T.NUMBER && column.ui !== "Rating" && column.ui !== "Progress";

/** What can be copied: the cell in one line of text. */
export function text(column, value, zone) {
  if (value === undefined || value === null) return "";
  switch (column.type) {
    case T.NUMBER: return amount(value, column);
    case T.MULTI: case T.CHAT: return value.join(", ");
    case T.DATE: case T.CREATED_AT: case T.MODIFIED_AT: return moment(value, column.property.date_formatter, zone);
    case T.CHECKBOX: return value ? "是" : "否";
    case T.USER: case T.CREATED_BY: case T.MODIFIED_BY: return value.map((one) => one.name).join(", ");
    case T.URL: return value.text === value.link ? value.link : `${value.text} ${value.link}`;
    case T.ATTACHMENT: return value.map((one) => one.name).join(", ");
    case T.LINK: case T.DUPLEX: return value.map((one) => one.text).join(", ");
    case T.FORMULA: return formula(column, value, zone);
    default: return String(value);
  }
}

function formula(column, value, zone) {
  if (value.is === "number") return amount(value.value, column);
  if (value.is === "date") return moment(value.value, column.property.formatter || "yyyy/MM/dd HH:mm", zone);
  if (value.is === "bool") return value.value ? "是" : "否";
  return String(value.value);
}

export function chip(column, name) {
  const option = (column.property.options || []).find((one) => one.name === name);
  return el("span", {class: `chip hue-chip-${(option ? option.color : 0) % HUES}`}, name);
}

export function personChip(person) {
  const hue = [...person.name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 8;
  return el("span", {class: "person"}, el("span", {class: `avatar tiny hue-${hue}`, "aria-hidden": "true"}, person.name.slice(-2, -1) || person.name[0] || "?"), person.name);
}

/** A small picture of an attachment, or the ending of its name. */
export function thumb(file) {
  const picture = /^image\/(png|jpeg|webp|gif)$/.test(file.mime);
  const inside = picture
    ? el("img", {src: `/web/media/${file.token}`, alt: file.name, loading: "lazy"})
    : el("span", {class: "ending"}, (file.name.match(/\.(\w{1,4})$/) || ["", "文件"])[1].toUpperCase());
  return el("span", {class: "thumb", title: `${file.name}（${size(file.size)}）`}, inside);
}

export function size(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

export const safeLink = (link) => (/^(https?:|mailto:)/i.test(link) ? link : null);

/** The cell as a list of nodes and texts, built without markup. */
export function draw(column, value, zone) {
  if (value === undefined || value === null) return [];
  switch (column.type) {
    case T.SELECT: return [chip(column, value)];
    case T.MULTI: return value.map((name) => chip(column, name));
    case T.CHECKBOX: return [el("span", {class: "box" + (value ? " yes" : ""), role: "img", "aria-label": value ? "已勾选" : "未勾选"}, value ? "✓" : "")];
    case T.USER: case T.CREATED_BY: case T.MODIFIED_BY: return value.map(personChip);
    case T.URL: {
      const href = safeLink(value.link);
      return [href ? el("a", {href, target: "_blank", rel: "noreferrer noopener", tabindex: "-1"}, value.text) : value.text];
    }
    case T.ATTACHMENT: return value.map(thumb);
    case T.LINK: case T.DUPLEX: return value.map((one) => el("span", {class: "chip linked"}, one.text || "未命名"));
    case T.NUMBER:
      if (column.ui === "Rating") return [el("span", {class: "stars", role: "img", "aria-label": `${value} 分`}, "★".repeat(Math.max(0, Math.min(10, value))))];
      if (column.ui === "Progress") {
        const share = Math.max(0, Math.min(1, (value - (column.property.min || 0)) / ((column.property.max ?? 1) - (column.property.min || 0) || 1)));
        return [el("span", {class: "bar"}, el("i", {style: `width:${share * 100}%`})), amount(value, column)];
      }
      return [amount(value, column)];
    case T.FORMULA: return value.is === "error" ? [el("span", {class: "fault"}, value.value)] : [formula(column, value, zone)];
    default: return [text(column, value, zone)];
  }
}

/** Whether the cell stands at the right, as numbers do. */
export function right(column, value) {
  return isNumeric(column) || (column.type === T.FORMULA && value && value.is === "number");
}
