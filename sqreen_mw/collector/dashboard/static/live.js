// Live tail: add the rows that the collector streams, and keep chart and count up to date.

import { $, changed, fetchPage } from "./dom.js";
import { refreshed, whenShown } from "./pages.js";

// Above this number each new row replaces the oldest.
const MAX_ROWS = 1000;
const REFRESH_AFTER = 2000;
let stream = null;
let refresh = 0;
let added = { listed: 0, older: 0, skipped: 0 };
let left = 0;

function showStatus(text) {
  const count = added.listed + added.older + added.skipped;
  if (!text) {
    text = count ? `${count} since you opened this page` : "Waiting for new events";
    if (added.older) text += `, ${added.older} below this list`;
    if (added.skipped) text += `, ${added.skipped} not shown: reload the page to see them`;
  }
  if ($("#tail").textContent !== text) $("#tail").textContent = text;
}

function addRow({ key, html }) {
  const rows = [...$("#rows").children];
  if (rows.some((row) => row.dataset.key === key)) return;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const row = holder.content.firstElementChild;
  const next = rows.find((other) => isNewer(row.dataset, other.dataset));
  // Without a next row it belongs to the older events, which are not loaded yet.
  if (!next && ($("#older") || left)) return void (added.older += 1);
  row.classList.add("fresh");
  for (const link of row.querySelectorAll(".filter-links a")) link.tabIndex = -1;
  $("#rows").insertBefore(row, next ?? null);
  $("#table").hidden = false;
  $("#empty")?.remove();
  added.listed += 1;
  if (rows.length >= MAX_ROWS) dropOldest(rows);
}

// The opened row and the row with the focus stay.
function dropOldest(rows) {
  rows.findLast((row) => !row.matches(".opened, :focus-within")).remove();
  left += 1;
  const text = `${left} older ${left === 1 ? "row" : "rows"} left the view. `;
  const link = Object.assign(document.createElement("a"), { href: $("#live").href, textContent: "Pause and list them" });
  link.dataset.swap = "";
  const label = document.createElement("p");
  label.append(text, link);
  $("#foot").replaceChildren(label);
}

function isNewer(row, other) {
  const [at, otherAt] = [Number(row.at), Number(other.at)];
  return at > otherAt || (at === otherAt && Number(row.seq) > Number(other.seq));
}

// Update chart and count, unless the pointer or the focus is on the chart.
async function refreshChart() {
  refresh = 0;
  showStatus();
  if ($("#chart:hover, #chart:focus-within")) return refreshLater();
  try {
    const { page } = await fetchPage(location.href);
    if (!stream || !$("#chart", page)) return;
    for (const id of ["#scope", "#chart"]) $(id).replaceWith($(id, page));
    refreshed();
  } catch {
    refreshLater();
  }
}

const refreshLater = () => { refresh ||= setTimeout(refreshChart, REFRESH_AFTER); };

function stop() {
  stream?.close();
  clearTimeout(refresh);
  stream = null;
  refresh = 0;
}

function start() {
  stop();
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
    showStatus(over ? "Live tail has stopped: reload the page, or close another live tail" : "Connection lost, trying again");
  };
}

function firstEvent(page) {
  const source = new EventSource(page.dataset.firstEvent);
  source.addEventListener("ready", () => { page.dataset.state = "open"; });
  source.addEventListener("row", () => location.assign(page.dataset.then));
}

whenShown(() => {
  added = { listed: 0, older: 0, skipped: 0 };
  left = 0;
  start();
});
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
if ($("[data-first-event]")) firstEvent($("[data-first-event]"));
