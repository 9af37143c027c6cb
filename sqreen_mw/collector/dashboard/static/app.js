// Only live tail needs this file. It replaces page loads: it fetches the address of a link and
// copies the changed parts from the response.

const $ = (selector, root = document) => root.querySelector(selector);
const MAX_ROWS = 1000;
const REFRESH_AFTER = 2000;
let loading = null;
let stream = null;
let refresh = 0;
let added = { shown: 0, skipped: 0 };
let drag = null;

// Fetch a page and call `use` with it. If that fails, navigate to the page.
async function load(url, use) {
  loading?.abort();
  const mine = loading = new AbortController();
  document.body.classList.add("busy");
  try {
    const response = await fetch(url, { signal: mine.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (use(page, response.url) === false) location.assign(url);
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
  start();
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

function changed(address, changes) {
  const url = new URL(address, location.href);
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
  history[change](null, "", changed(location.href, { open: link.dataset.open }));
  $("#drawer-close").href = changed(location.href, { open: null });
  markOpened();
  prepare();
  if (focus) $(".event-title", event).focus();
});

function close() {
  if (!$("#drawer") || $("#drawer").hidden) return;
  const opened = $("tr.opened .event-name");
  $("#drawer").hidden = true;
  $("#drawer-body").replaceChildren();
  history.pushState(null, "", changed(location.href, { open: null }));
  markOpened();
  (opened ?? $("#main")).focus({ preventScroll: true });
}

function markOpened() {
  const key = new URL(location.href).searchParams.get("open");
  for (const row of document.querySelectorAll("#rows > tr")) {
    row.classList.toggle("opened", row.dataset.key === key);
  }
}

// --- live tail -----------------------------------------------------------------------------

function showStatus(text) {
  if (!text) {
    const left = added.skipped ? `, ${added.skipped} not shown: reload the page to see them` : "";
    text = added.shown || left ? `${added.shown} new${left}` : "Waiting for new events";
  }
  if ($("#tail").textContent !== text) $("#tail").textContent = text;
}

function addRow({ key, html }) {
  const rows = $("#rows");
  if ([...rows.children].some((row) => row.dataset.key === key)) return;
  if (rows.children.length >= MAX_ROWS) return void (added.skipped += 1);
  const holder = document.createElement("template");
  holder.innerHTML = html;
  holder.content.firstElementChild.classList.add("fresh");
  rows.prepend(holder.content);
  $("#table").hidden = false;
  $("#empty")?.remove();
  added.shown += 1;
}

// Update chart and count, unless the pointer or the focus is on the chart.
async function refreshChart() {
  refresh = 0;
  showStatus();
  if ($("#chart:hover, #chart:focus-within")) return refreshLater();
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!stream || !$("#chart", page)) return;
    for (const id of ["#scope", "#chart"]) $(id).replaceWith($(id, page));
    prepare();
  } catch {
    refreshLater();
  }
}

const refreshLater = () => { refresh ||= setTimeout(refreshChart, REFRESH_AFTER); };

function stopLive() {
  stream?.close();
  clearTimeout(refresh);
  stream = null;
  refresh = 0;
}

function startLive() {
  stopLive();
  const list = $("[data-live]");
  // A hidden tab closes its stream: browsers allow six connections per site.
  if (!list || document.hidden) return;
  stream = new EventSource(list.dataset.live);
  list.dataset.state = "connecting";
  const on = (name, act) => stream.addEventListener(name, (message) => {
    list.dataset.live = changed(list.dataset.live, { since: message.lastEventId });
    act(message.data);
  });
  on("ready", () => { list.dataset.state = "open"; showStatus(); });
  on("row", (data) => { addRow(JSON.parse(data)); refreshLater(); });
  on("skipped", (data) => { added.skipped += Number(data); refreshLater(); });
  on("trouble", showStatus);
  on("logged-out", () => location.reload());
  stream.onerror = () => {
    const over = stream?.readyState === EventSource.CLOSED;
    list.dataset.state = over ? "closed" : "connecting";
    showStatus(over ? "Live tail has stopped: reload the page" : "Connection lost, trying again");
  };
}

function firstEvent(page) {
  const source = new EventSource(page.dataset.firstEvent);
  source.addEventListener("ready", () => { page.dataset.state = "open"; });
  source.addEventListener("row", () => location.assign(page.dataset.then));
}

// --- overview ------------------------------------------------------------------------------

// Reload the content, unless the reader uses it. Open sections stay open.
async function refreshOverview() {
  const old = $("[data-refresh]");
  if (document.hidden || old.matches(":focus-within") || !getSelection().isCollapsed) return;
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const updated = $("[data-refresh]", page);
    if (!updated) return void location.reload();
    for (const past of old.querySelectorAll("details")) {
      const same = $(`#${past.id}`, page);
      if (same) same.open = past.open;
    }
    old.replaceWith(updated);
  } catch { /* The collector is unavailable: try again next time. */ }
}

// --- chart ---------------------------------------------------------------------------------

function showReadout(bar) {
  const readout = $("#readout");
  readout.dataset.idle ??= readout.innerHTML;
  readout.classList.toggle("active", Boolean(bar));
  if (bar) readout.textContent = bar.getAttribute("aria-label");
  else readout.innerHTML = readout.dataset.idle;
}

function dragFrom(event) {
  const chart = event.target.closest?.("[data-brush]");
  if (!chart || event.button !== 0 || event.pointerType === "touch") return;
  const box = chart.getBoundingClientRect();
  drag = { chart, box, from: event.clientX - box.left, moved: false };
}

function dragTo(event) {
  if (!drag) return;
  drag.to = Math.min(Math.max(event.clientX - drag.box.left, 0), drag.box.width);
  drag.moved ||= Math.abs(drag.to - drag.from) > 5;
  if (!drag.moved) return;
  document.activeElement?.blur();
  $(".brush", drag.chart).setAttribute("x", Math.min(drag.to, drag.from));
  $(".brush", drag.chart).setAttribute("width", Math.abs(drag.to - drag.from));
}

function dragEnd() {
  const done = drag;
  drag = null;
  if (!done?.moved) return;
  // Ignore the click that ends a drag.
  const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
  addEventListener("click", swallow, { capture: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }));
  const [start, end, interval] = ["start", "end", "interval"].map((name) => Number(done.chart.dataset[name]));
  const bars = [done.from, done.to].map((x) => (x / done.box.width) * (end - start) / interval);
  const from = start + Math.floor(Math.min(...bars)) * interval;
  const to = start + Math.ceil(Math.max(...bars)) * interval;
  show(changed(location.href, { from, to, range: null, at: null, after: null, open: null, live: null }));
}

function step(bar, by) {
  const bars = [...bar.parentNode.querySelectorAll(".bar")];
  const next = bars[bars.indexOf(bar) + by];
  if (next) bar.tabIndex = -1;
  if (next) next.tabIndex = 0;
  next?.focus();
}

// --- page ----------------------------------------------------------------------------------

function prepare() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  // The chart is one tab stop. Arrow keys move between bars.
  document.querySelectorAll(".bar").forEach((bar, n) => { bar.tabIndex = n ? -1 : 0; });
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.textContent = `Turn shortcuts ${localStorage.shortcuts === "off" ? "on" : "off"}`;
  }
  const zone = $("[data-zone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone?.hidden || !here || here === "UTC") return;
  zone.href = changed(location.href, { tz: here });
  zone.textContent = `Show in ${here}`;
  zone.hidden = false;
}

function start() {
  added = { shown: 0, skipped: 0 };
  prepare();
  markOpened();
  startLive();
}

function move(by) {
  const names = [...document.querySelectorAll("#rows .event-name")];
  const current = $("#rows tr:focus-within .event-name") ?? $("#rows tr.opened .event-name");
  const next = names[current ? names.indexOf(current) + by : 0];
  next?.focus();
  if (next && !$("#drawer").hidden) open(next, { focus: false });
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  g: () => $("#live")?.click(),
  "/": () => $("#filter-q")?.select(),
};
const ACTS = {
  "[data-copy]": copy,
  "[data-swap]": (link) => show(link.getAttribute("href")),
  "[data-append]": append,
  "[data-open]": open,
  "[data-keys]": () => { localStorage.shortcuts = localStorage.shortcuts === "off" ? "on" : "off"; prepare(); },
  "#drawer-close": close,
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const menu = $("details.menu[open]");
  const bar = event.target.closest?.(".bar");
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const quiet = localStorage.shortcuts === "off" || event.target.closest?.("input, select, textarea");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    $("summary", menu).focus();
  } else if (event.key === "Escape") close();
  else if (bar && sideways) step(bar, sideways);
  else if (KEYS[event.key] && !quiet) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const row = getSelection().isCollapsed ? event.target.closest("#rows > tr") : null;
  const target = event.target.closest("a, button") ?? (row && $(".event-name", row));
  const act = target && Object.keys(ACTS).find((selector) => target.matches(selector));
  if (!act) return;
  event.preventDefault();
  ACTS[act](target);
});

addEventListener("submit", (event) => {
  if (!event.target.matches("[data-swap]")) return;
  event.preventDefault();
  show(addressOf(event.target));
});
addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
addEventListener("popstate", () => show(location.href, { push: false }));
document.addEventListener("visibilitychange", () => (document.hidden ? stopLive() : startLive()));
addEventListener("pointerdown", dragFrom);
addEventListener("pointermove", dragTo);
addEventListener("pointerup", dragEnd);
addEventListener("dragstart", (event) => { if (drag) event.preventDefault(); });
for (const [name, bar] of Object.entries({ pointerover: true, focusin: true, pointerout: false, focusout: false })) {
  addEventListener(name, (event) => {
    const found = event.target.closest?.(".bar");
    if (found) showReadout(bar ? found : null);
  });
}

start();
if ($("[data-first-event]")) firstEvent($("[data-first-event]"));
if ($("[data-refresh]")) setInterval(refreshOverview, 1000 * $("[data-refresh]").dataset.refresh);
