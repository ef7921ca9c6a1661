// One row as a list of fields at the side, and a form that adds one.
import {draw} from "./cells.js";
import {editor, writable} from "./editors.js";
import {act, agreed, el, refusal, toast} from "./net.js";

/** The drawer of a row. `sheet` as in grid.js with `rights`; `steps`: {previous, next, close, removed}. */
export function rowDrawer(row, sheet, steps) {
  const primary = sheet.columns.find((column) => column.primary), head = primary ? draw(primary, row.cells[primary.id], sheet.zone) : [];
  const fields = sheet.columns.map((column) => rowField(row, column, sheet));
  const remove = async () => {
    if (!(await agreed(["删除这一行？", "删除后不能恢复，关联到它的行也会失去关联。"], "删除"))) return;
    const answer = await act("act/delete", {open_id: sheet.context.me, app_token: sheet.context.app_token, table_id: sheet.context.table, record_id: row.id});
    if (answer.code) toast("error", refusal(answer)); else { toast("success", "已删除"); steps.removed(); }
  };
  return el("aside", {class: "panel", "aria-label": "行详情", tabindex: "-1", onkeydown: (event) => { if (event.key === "Escape") steps.close(); }},
    el("header", {},
      el("h2", {}, head.length ? head : "未命名的行"),
      el("button", {class: "btn btn-text", "aria-label": "上一行", onclick: steps.previous}, "↑"),
      el("button", {class: "btn btn-text", "aria-label": "下一行", onclick: steps.next}, "↓"),
      el("button", {class: "btn btn-text", "aria-label": "关闭", onclick: steps.close}, "×")),
    el("div", {class: "panel-body"}, fields,
      sheet.rights.delete ? el("button", {class: "btn btn-danger", onclick: remove}, "删除这一行") : el("p", {class: "none"}, "你的角色不能删除行。")));
}

function rowField(row, column, sheet) {
  const value = row.cells[column.id], locked = row.locked.includes(column.id);
  const fault = el("p", {class: "fault", role: "alert"});
  if (!writable(column) || locked) {
    return el("div", {class: "f"}, el("span", {class: "f-name"}, column.name, el("small", {}, locked ? "你的角色不能修改" : "自动计算")),
      el("div", {class: "f-shown"}, value === undefined ? "—" : draw(column, value, sheet.zone)));
  }
  let made, before;
  const changed = async () => {
    const read = made.read();
    fault.textContent = read.error || "";
    if (read.error || JSON.stringify(read) === before) return;
    before = JSON.stringify(read);
    const refused = await sheet.save(row, column, read.value, true);
    fault.textContent = refused || "";
  };
  made = editor(column, value, {...sheet.context, changed});
  before = JSON.stringify(made.read());
  return el("div", {class: "f"}, el("span", {class: "f-name"}, column.name), made.node, fault);
}

/** A form to fill in. `form` as the sandbox describes it; `done()` after it was sent. */
export function formPage(form, table, context, done) {
  if (!form.open) return el("p", {class: "empty"}, "这张表单没有对你开放。");
  const asked = form.questions.map((question) => {
    const made = editor(question.column, undefined, {...context, changed: () => check(one, false)});
    const fault = el("p", {class: "fault", role: "alert"});
    const node = el("section", {class: "q"},
      el("h3", {}, question.title, question.required ? el("span", {class: "star", title: "必填", "aria-label": "必填"}, "*") : null),
      question.description ? el("p", {class: "none"}, question.description) : null, made.node, fault);
    const one = {question, made, fault, node};
    return one;
  });
  const send = el("button", {class: "btn btn-primary_filled btn-large", type: "submit"}, "提交");
  const submit = async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const wrong = asked.filter((one) => !check(one, true));
    if (wrong.length) { wrong[0].made.focus(); wrong[0].node.scrollIntoView({block: "center"}); return; }
    const fields = {};
    for (const one of asked) {
      const {value} = one.made.read();
      if (value !== null && value !== false) fields[one.question.column.name] = value;
    }
    send.disabled = true;
    const answer = await act("act/submit_form", {open_id: context.me, app_token: context.app_token, table_id: table, form_id: form.id, fields});
    send.disabled = false;
    if (answer.code) toast("error", refusal(answer)); else done();
  };
  return el("form", {class: "form-page", novalidate: true, onsubmit: submit},
    el("h2", {}, form.name), form.description ? el("p", {class: "none"}, form.description) : null,
    asked.map((one) => one.node), send);
}

function check(one, whole) {
  const read = one.made.read(), empty = read.value === null || read.value === undefined;
  one.fault.textContent = read.error || (whole && one.question.required && empty ? "这一题必须回答" : "");
  one.node.classList.toggle("wrong", one.fault.textContent !== "");
  return one.fault.textContent === "";
}

/** What stands there once a form was sent. */
export function thanks(form, again) {
  return el("div", {class: "form-page thanks", role: "status"}, el("div", {class: "big-tick", "aria-hidden": "true"}, "✓"),
    el("h2", {}, "已提交"), el("p", {class: "none"}, `“${form.name}”已写入多维表格。处理的结果会发到你的消息里。`),
    el("button", {class: "btn btn-default", onclick: again}, "再填一份"));
}
