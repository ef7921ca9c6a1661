// What a person can do with the cards of a chat: tap, fill in, choose, turn pages.
import {act, agreed, toast} from "./net.js";

/** The values of a card's form; null when a required one is missing (it is marked and focused). */
export function filled(form) {
  const values = {};
  for (const field of form.querySelectorAll("input[name],select[name],textarea[name]")) {
    if (field.required && field.value === "") {
      field.classList.add("missing");
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return null;
    }
    if (field.type === "checkbox") values[field.name] = field.checked;
    else if (field.multiple) values[field.name] = [...field.selectedOptions].map((option) => option.value);
    else if (field.value !== "") values[field.name] = field.type === "datetime-local" ? field.value.replace("T", " ") : field.value;
  }
  return values;
}

async function tap(client, item, more) {
  if (item.dataset.link) window.open(item.dataset.link, "_blank", "noreferrer");
  if (item.dataset.confirm && !(await agreed(JSON.parse(item.dataset.confirm)))) return;
  const message = item.closest(".msg");
  item.classList.add("waiting");
  message.classList.add("locked");
  try {
    const answer = await act("act/tap", {open_id: client.me, message_id: message.id, index: Number(item.dataset.index), ...more});
    const out = answer.data || {};
    if (answer.code !== 0) toast("error", answer.msg);
    else if (out.client_code) toast("error", `出错了，请稍后重试 code: ${out.client_code}`);
    else if (out.toast) toast(out.toast.type || "info", (out.toast.i18n || {})[client.lang] || out.toast.content);
  } finally {
    item.classList.remove("waiting");
    message.classList.remove("locked");
  }
}

function turn(button) {
  const pager = button.closest(".pager"), pages = Number(pager.dataset.pages);
  const now = Math.min(pages - 1, Math.max(0, Number(pager.dataset.now || 0) + Number(button.dataset.turn)));
  pager.dataset.now = now;
  pager.querySelector("span").textContent = `${now + 1} / ${pages}`;
  for (const row of pager.closest(".el").querySelectorAll("tr[data-page]")) row.hidden = Number(row.dataset.page) !== now;
}

/** Handle a click inside the messages; true when it was for a card. */
export function clicked(client, target) {
  const page = target.closest("[data-turn]");
  if (page) { turn(page); return true; }
  const item = target.closest("[data-role],.touch[data-index]");
  if (!item || item.disabled) return false;
  const form = item.closest("form.card-form");
  if (item.dataset.role === "reset") form.reset();
  else if (item.dataset.role === "submit") {
    const values = filled(form);
    if (values) tap(client, item, {form: values}); else toast("warning", "请填写必填项");
  } else tap(client, item, {});
  return true;
}

/** Handle a changed field of a card: outside a form a choice is a tap. */
export function chosen(client, item) {
  item.classList.remove("missing");
  item.removeAttribute("aria-invalid");
  if (!item.matches("[data-index]") || item.closest("form.card-form")) return;
  if (item.type === "checkbox") tap(client, item, {option: item.checked});
  else if (item.multiple) tap(client, item, {option: [...item.selectedOptions].map((option) => option.value)});
  else if (item.value !== "") tap(client, item, {option: item.value.replace("T", " ")});
}
