// Every page works without this file, but for live tail. It saves reloads: it fetches the same
// address that a link leads to, and takes the new parts out of the whole page that answers.

const $ = (selector, root = document) => root.querySelector(selector);
const MOST_ROWS = 1000;
const REFRESH_AFTER = 2000;
let loading = null;
let stream = null;
let refresh = 0;
let fresh = { shown: 0, skipped: 0 };

// Fetches a page and hands it to `use`; where that is not possible the browser goes there itself.
async function load(url, use) {
  loading?.abort();
  const mine = loading = new AbortController();
  document.body.classList.add("busy");
  try {
    const answer = await fetch(url, { signal: mine.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (use(page, answer.url) === false) location.assign(url);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  } finally {
    if (loading === mine) document.body.classList.remove("busy");
  }
}

// --- pages ---------------------------------------------------------------------------------

const show = (url, { push = true } = {}) => load(url, (page, final) => {
  if (!$("#drawer", page) || !$("#drawer")) return false;
  const focused = document.activeElement?.id;
  for (const id of ["#main", "#drawer"]) $(id).replaceWith($(id, page));
  document.title = page.title;
  if (push) history.pushState(null, "", final);
  enliven();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
});

const append = (link) => load(link.href, (page) => {
  const rows = [...page.querySelectorAll("#rows > tr")];
  if (!rows.length) return false;
  $("#rows").append(...rows);
  $("#foot").replaceWith($("#foot", page));
  $(".event-name", rows[0]).focus({ preventScroll: true });
});

function addressOf(form) {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.append(name, value);
  return url.href;
}

// --- drawer --------------------------------------------------------------------------------

function explorerAddress(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

const open = (link, { focus = true } = {}) => load(link.href, (page) => {
  const event = $("#event", page);
  if (!event) return false;
  const change = $("#drawer").hidden ? "pushState" : "replaceState";
  $("#drawer-body").replaceChildren(event);
  $("#drawer-page").href = link.href;
  $("#drawer").hidden = false;
  $("#drawer").scrollTop = 0;
  history[change](null, "", explorerAddress({ open: link.dataset.open }));
  $("#drawer-close").href = explorerAddress({ open: null });
  mark();
  dress();
  if (focus) $(".event-title", event).focus();
});

function close() {
  if (!$("#drawer") || $("#drawer").hidden) return;
  const opened = $("tr.opened .event-name");
  $("#drawer").hidden = true;
  $("#drawer-body").replaceChildren();
  history.pushState(null, "", explorerAddress({ open: null }));
  mark();
  (opened ?? $("#main")).focus({ preventScroll: true });
}

function mark() {
  const key = new URL(location.href).searchParams.get("open");
  for (const row of document.querySelectorAll("#rows > tr")) {
    row.classList.toggle("opened", row.dataset.key === key);
  }
}

// --- live tail -----------------------------------------------------------------------------

function tell(text) {
  const tail = $("#tail");
  if (tail && tail.textContent !== text) tail.textContent = text;
}

function count() {
  if (!fresh.shown && !fresh.skipped) return;
  const parts = [`${fresh.shown} new`];
  if (fresh.skipped) parts.push(`${fresh.skipped} events not shown: load the page to see them`);
  tell(parts.join(", "));
}

function arrive({ key, html }) {
  const rows = $("#rows");
  if ([...rows.children].some((row) => row.dataset.key === key)) return;
  if (rows.children.length >= MOST_ROWS) {
    fresh.skipped += 1;
    return;
  }
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const row = holder.content.firstElementChild;
  row.classList.add("fresh");
  rows.prepend(row);
  $("#table").hidden = false;
  $("#empty")?.remove();
  fresh.shown += 1;
}

// The chart and the count follow, but never while somebody points at them.
async function recount() {
  refresh = 0;
  count();
  if ($("#chart:hover, #chart:focus-within")) return later();
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!stream || !$("#chart", page)) return;
    for (const id of ["#scope", "#chart"]) $(id).replaceWith($(id, page));
    dress();
  } catch {
    later();
  }
}

function later() {
  refresh ||= setTimeout(recount, REFRESH_AFTER);
}

function tail() {
  stream?.close();
  clearTimeout(refresh);
  stream = null;
  refresh = 0;
  fresh = { shown: 0, skipped: 0 };
  const list = $("[data-live]");
  if (!list) return;
  stream = new EventSource(list.dataset.live);
  list.dataset.state = "connecting";
  stream.addEventListener("ready", () => {
    list.dataset.state = "open";
    if (!fresh.shown) tell("Waiting for new events");
    count();
  });
  stream.addEventListener("row", (message) => {
    arrive(JSON.parse(message.data));
    later();
  });
  stream.addEventListener("skipped", (message) => {
    fresh.skipped += Number(message.data);
    later();
  });
  stream.addEventListener("trouble", (message) => tell(message.data));
  stream.addEventListener("signed-out", () => location.reload());
  stream.addEventListener("error", () => {
    const over = stream?.readyState === EventSource.CLOSED;
    list.dataset.state = over ? "closed" : "connecting";
    tell(over ? "Live tail has stopped: load the page again" : "Connection lost, trying again");
  });
}

function firstEvent() {
  const page = $("[data-first-event]");
  if (!page) return;
  const source = new EventSource(page.dataset.firstEvent);
  source.addEventListener("ready", () => { page.dataset.state = "open"; });
  source.addEventListener("row", () => location.assign(page.dataset.then));
}

// --- chart ---------------------------------------------------------------------------------

function read(bar) {
  const readout = $("#readout");
  if (!readout) return;
  readout.dataset.idle ??= readout.innerHTML;
  readout.classList.toggle("told", Boolean(bar));
  if (bar) readout.textContent = bar.getAttribute("aria-label");
  else readout.innerHTML = readout.dataset.idle;
}

let drag = null;

function dragFrom(event) {
  const chart = event.target.closest?.("[data-brush]");
  if (!chart || event.button !== 0 || event.pointerType === "touch") return;
  const box = chart.getBoundingClientRect();
  drag = { chart, box, from: event.clientX - box.left, moved: false };
}

function dragTo(event) {
  if (!drag) return;
  const at = Math.min(Math.max(event.clientX - drag.box.left, 0), drag.box.width);
  drag.to = at;
  drag.moved ||= Math.abs(at - drag.from) > 5;
  if (!drag.moved) return;
  const brush = $(".brush", drag.chart);
  brush.setAttribute("x", Math.min(at, drag.from));
  brush.setAttribute("width", Math.abs(at - drag.from));
}

function dragEnd() {
  const done = drag;
  drag = null;
  if (!done?.moved) return;
  // The click that ends a drag is not one on the bar below it.
  addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
  const start = Number(done.chart.dataset.start);
  const scale = (Number(done.chart.dataset.end) - start) / done.box.width;
  const [left, right] = [done.from, done.to].sort((a, b) => a - b);
  const range = { from: Math.round(start + left * scale), to: Math.round(start + right * scale) };
  show(explorerAddress({ ...range, range: null, at: null, after: null, open: null, live: null }));
}

function step(bar, by) {
  const bars = [...bar.parentNode.querySelectorAll(".bar")];
  const next = bars[bars.indexOf(bar) + by];
  if (!next) return;
  bar.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

// --- page set-up ---------------------------------------------------------------------------

function dress() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  // One tab stop for the chart; the arrow keys go from bar to bar.
  document.querySelectorAll(".bar").forEach((bar, n) => bar.setAttribute("tabindex", n ? "-1" : "0"));
  const zone = $("[data-zone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone?.hidden && here && here !== "UTC") {
    zone.href = explorerAddress({ tz: here });
    zone.textContent = `Show in ${here}`;
    zone.hidden = false;
  }
}

function enliven() {
  dress();
  mark();
  tail();
}

function move(by) {
  const names = [...document.querySelectorAll("#rows .event-name")];
  const current = $("#rows tr:focus-within .event-name") ?? $("#rows tr.opened .event-name");
  const next = names[current ? names.indexOf(current) + by : 0];
  next?.focus();
  if (next && !$("#drawer").hidden) open(next, { focus: false });
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  g: () => $("#live")?.click(),
  "/": () => $("#filter-q")?.select(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const menu = $("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    $("summary", menu).focus();
  } else if (event.key === "Escape") close();
  else if (event.target.closest?.(".bar") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    step(event.target.closest(".bar"), event.key === "ArrowLeft" ? -1 : 1);
  } else if (KEYS[event.key] && !event.target.closest?.("input, select, textarea")) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const copy = event.target.closest("[data-copy]");
  if (copy) return copyText(copy);
  const link = event.target.closest("a") ?? (getSelection().isCollapsed ? $(".event-name", event.target.closest("#rows > tr") ?? document.createElement("i")) : null);
  if (!link) return;
  const act = link.matches("[data-swap]") ? () => show(link.getAttribute("href"))
    : link.matches("[data-append]") ? () => append(link)
    : link.matches("[data-open]") ? () => open(link)
    : link.matches("#drawer-close") ? close : null;
  if (!act) return;
  event.preventDefault();
  act();
});

async function copyText(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

addEventListener("submit", (event) => {
  if (!event.target.matches("[data-swap]")) return;
  event.preventDefault();
  show(addressOf(event.target));
});
addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
addEventListener("popstate", () => show(location.href, { push: false }));
addEventListener("pointerdown", dragFrom);
addEventListener("pointermove", dragTo);
addEventListener("pointerup", dragEnd);
addEventListener("dragstart", (event) => { if (drag) event.preventDefault(); });
for (const [name, of] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  addEventListener(name, (event) => { const bar = event.target.closest?.(".bar"); if (bar) read(bar); });
  addEventListener(of, (event) => { if (event.target.closest?.(".bar")) read(null); });
}

enliven();
firstEvent();
