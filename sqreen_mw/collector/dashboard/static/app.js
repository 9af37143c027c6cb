// Only live tail and suggestions need JavaScript. The other modules replace page loads and add
// shortcuts.

import { step } from "./chart.js";
import { $ } from "./dom.js";
import { close, open, travel } from "./drawer.js";
import "./live.js";
import "./overview.js";
import { append, clearSearch, show, submit, tryAgain, whenShown } from "./pages.js";
import "./suggestions.js";

// --- what only works with JavaScript --------------------------------------------------------

function prepare() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  for (const button of document.querySelectorAll("[data-legend]")) button.hidden = false;
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.textContent = `Turn shortcuts ${localStorage.shortcuts === "off" ? "on" : "off"}`;
  }
  // A row is one tab stop. Arrow keys reach its filters.
  for (const link of document.querySelectorAll("#rows .filter-links a")) link.tabIndex = -1;
  offerZone($("[data-zone]"));
}

function offerZone(button) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  if (!button) return;
  const other = button.dataset.zone === here ? "UTC" : here;
  button.hidden = other === button.dataset.zone;
  button.value = other;
  button.textContent = `Show in ${other}`;
}

// --- keys ----------------------------------------------------------------------------------

function move(by) {
  const names = [...document.querySelectorAll("#rows .event-name")];
  const current = $("#rows tr:focus-within .event-name") ?? $("#rows tr.opened .event-name");
  const next = names[current ? names.indexOf(current) + by : 0];
  next?.focus();
  if (next && !$("#drawer").hidden) open(next, { focus: false });
}

function sideways(target, by) {
  if (target.matches(".bar")) return step(target, by);
  const links = [...target.closest("tr").querySelectorAll(".event-name, .filter-links a")];
  links[links.indexOf(target) + by]?.focus();
}

function escape(target) {
  const menu = $("details.menu[open]");
  if (menu) {
    menu.open = false;
    $("summary", menu).focus();
  } else if (target.id === "filter-q" && target.value) clearSearch(target);
  else close();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  g: () => $("#live")?.click(),
  "/": () => $("#filter-q")?.select(),
  "?": () => $("#legend")?.showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const isTyping = event.target.closest?.("input, select, textarea");
  if (event.key === "Escape") escape(event.target);
  else if (by && event.target.matches?.(".bar, #rows a")) sideways(event.target, by);
  else if (KEYS[event.key] && !isTyping && localStorage.shortcuts !== "off") KEYS[event.key]();
  else return;
  event.preventDefault();
});

// --- clicks and forms ----------------------------------------------------------------------

// Browsers offer the clipboard only over HTTPS and on this machine.
function copyWithoutClipboard(text) {
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

async function copy(button) {
  await (navigator.clipboard?.writeText(button.dataset.copy) ?? copyWithoutClipboard(button.dataset.copy));
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

function toggleShortcuts() {
  localStorage.shortcuts = localStorage.shortcuts === "off" ? "on" : "off";
  prepare();
}

const ACTS = {
  "[data-copy]": copy,
  "[data-swap]": (link) => show(link.getAttribute("href")),
  "[data-append]": append,
  "[data-open]": (link) => open(link),
  "[data-keys]": toggleShortcuts,
  "[data-legend]": () => $("#legend").showModal(),
  "[data-retry]": tryAgain,
  "#drawer-close": close,
};

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
  submit(event.target);
});
addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
addEventListener("popstate", travel);
document.addEventListener("refreshed", prepare);
// The list of zones is long, so the page does not contain it.
addEventListener("focusin", (event) => {
  const zones = $("#zones");
  if (event.target.id !== "zone" || zones.children.length) return;
  zones.append(...["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => new Option("", zone)));
});
whenShown(prepare);
