// The first page: unread marks stay fresh.
import {follow, later} from "./net.js";

const fresh = later(async () => {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  const focused = document.activeElement?.getAttribute?.("href");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  if (focused) document.querySelector(`main a[href="${focused}"]`)?.focus();
}, 400);

let first = true;
follow("/_sandbox/stream?topics=im", () => { if (!first) fresh(); first = false; });
