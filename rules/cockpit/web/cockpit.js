// Draws the charts and keeps the page new: every 15 s the parts are asked for, and those that changed are put in.
"use strict";

const EVERY = 15000;
const board = document.querySelector("[data-live]");
const pulse = document.getElementById("pulse");
const drawn = new Map();
let etag = "";
let seen = {};

// --- numbers, as rules/cockpit/look.py writes them ---

function round(value, places) {
  return value.toLocaleString("zh-CN", { minimumFractionDigits: places, maximumFractionDigits: places });
}

function write(value, unit) {
  if (value === null || value === undefined) return "—";
  if (unit === "ratio") return round(value, 2);
  const sign = unit === "yuan" ? "¥" : "";
  if (Math.abs(value) >= 1e8) return `${sign}${round(value / 1e8, 2)}亿`;
  if (Math.abs(value) >= 1e4) return `${sign}${round(value / 1e4, 1)}万`;
  return `${sign}${round(value, 0)}`;
}

function tick(value, unit) {
  if (unit === "ratio") return round(value, value < 10 && value % 1 ? 1 : 0);
  if (Math.abs(value) >= 1e8) return `${+(value / 1e8).toFixed(2)}亿`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e4).toFixed(1)}万`;
  return `${+value.toFixed(2)}`;
}

// --- charts ---

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function tipOf(plot, chart) {
  const box = document.createElement("div");
  box.className = "tipbox";
  box.hidden = true;
  plot.append(box);
  return (u) => {
    const at = u.cursor.idx;
    box.hidden = at === null || at === undefined || u.cursor.left < 0;
    if (box.hidden) return;
    const lines = chart.lines.map((line) => `${line.name} ${write(line.values[at], chart.unit)}`);
    box.textContent = [chart.days[at], ...lines].join("　");
    const left = u.cursor.left + u.bbox.left / devicePixelRatio - box.offsetWidth / 2;
    box.style.left = `${Math.max(0, Math.min(left, plot.clientWidth - box.offsetWidth))}px`;
    box.style.top = "-4px";
  };
}

function options(plot, chart, width) {
  const soft = colour("--soft"), grid = { stroke: colour("--grid"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const series = chart.lines.map((line) => ({
    stroke: colour(`--c-${line.colour}`), width: 2, spanGaps: false, points: { show: chart.days.length < 15, size: 5 },
  }));
  return {
    width, height: plot.clientHeight || 180, legend: { show: false }, series: [{}, ...series],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false, range: (u, low, high) => [low - 0.4, high + 0.4] }, y: { range: (u, low, high) => [0, (high || 1) * 1.12] } },
    axes: [
      { stroke: soft, font, grid: { show: false }, ticks: { show: false }, gap: 4, size: 26, space: 52, incrs: [1, 2, 5, 7, 10, 15, 30],
        values: (u, at) => at.map((i) => (Number.isInteger(i) ? chart.days[i] ?? "" : "")) },
      { stroke: soft, font, grid, ticks: { show: false }, gap: 6, size: 46, space: 34, values: (u, at) => at.map((v) => tick(v, chart.unit)) },
    ],
    hooks: { setCursor: [tipOf(plot, chart)] },
  };
}

function draw(figure) {
  const plot = figure.querySelector(".plot");
  if (!plot || typeof uPlot === "undefined") return;
  drawn.get(figure.id)?.destroy();
  plot.replaceChildren();
  const chart = JSON.parse(figure.dataset.chart);
  const values = chart.lines.map((line) => line.values);
  drawn.set(figure.id, new uPlot(options(plot, chart, plot.clientWidth), [chart.days.map((_, i) => i), ...values], plot));
}

function drawAll(root) {
  for (const figure of root.querySelectorAll("[data-chart]")) draw(figure);
}

// --- live ---

function put(name, html) {
  const part = document.getElementById(`part-${name}`);
  if (!part || part.contains(document.activeElement)) return false;
  const open = [...part.querySelectorAll("details")].map((each) => each.open);
  const scrolled = [...part.querySelectorAll(".scroll, .rows")].map((each) => [each.scrollLeft, each.scrollTop]);
  part.innerHTML = html; // from our own server, where every value was escaped
  part.querySelectorAll("details").forEach((each, i) => { each.open = Boolean(open[i]); });
  part.querySelectorAll(".scroll, .rows").forEach((each, i) => { [each.scrollLeft, each.scrollTop] = scrolled[i] ?? [0, 0]; });
  drawAll(part);
  return true;
}

function say(text, lost) {
  pulse.classList.toggle("lost", lost);
  const said = pulse.querySelector("[data-pulse]");
  if (said.textContent !== text) said.textContent = text;
}

function clock() {
  return new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });
}

async function look() {
  const headers = etag ? { "If-None-Match": etag } : {};
  const answer = await fetch(board.dataset.live, { headers, cache: "no-store", credentials: "same-origin" });
  if (answer.status === 401 || answer.status === 403) return location.reload(); // the page says why
  if (answer.status !== 304) {
    if (!answer.ok) throw new Error(String(answer.status));
    const parts = (await answer.json()).parts;
    let all = true;
    for (const [name, html] of Object.entries(parts)) {
      if (seen[name] === html) continue;
      if (put(name, html)) seen[name] = html;
      else all = false;
    }
    etag = all ? answer.headers.get("ETag") ?? "" : "";
  }
  last = clock();
  say(`${last} 更新`, false);
}

let last = clock();
let busy = false;
async function beat() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    await look();
  } catch {
    say(`连接中断，下面是 ${last} 的数据`, true);
  } finally {
    busy = false;
  }
}

if (board) {
  drawAll(document);
  setInterval(beat, EVERY);
  document.addEventListener("visibilitychange", beat);
  window.addEventListener("online", beat);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => drawAll(document), 150);
  });
}
// A page that comes back from the browser's memory is asked for again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
