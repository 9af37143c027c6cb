// Replace page loads: fetch the address of a link and copy the changed parts from the response.

import { $, changed, fetchPage } from "./dom.js";

const listeners = [];
let loading = null;
let retry = null;

// Prepare the new parts of a page.
export const refreshed = () => document.dispatchEvent(new Event("refreshed"));

// Call a function now and after each change of the page.
export function whenShown(act) {
  listeners.push(act);
  act();
}

// Fetch a page and call `use` with it. If it is not the expected page, navigate to it.
export async function load(address, use) {
  loading?.abort();
  const mine = loading = new AbortController();
  document.body.classList.add("busy");
  let found;
  try {
    found = await fetchPage(address, mine.signal);
  } catch (error) {
    if (error.name !== "AbortError") notReached(() => load(address, use));
    return;
  } finally {
    if (loading === mine) document.body.classList.remove("busy");
  }
  $("#offline").hidden = true;
  if (use(found.page, found.address) === false) location.assign(address);
}

function notReached(again) {
  retry = again;
  $("#offline").hidden = false;
}

export const tryAgain = () => retry?.();

export const show = (address, { push = true } = {}) => load(address, (page, final) => {
  if (!$("#drawer", page) || !$("#drawer")) return false;
  const focused = document.activeElement?.id;
  for (const id of ["#main", "#drawer"]) $(id).replaceWith($(id, page));
  document.title = page.title;
  if (push) history.pushState(null, "", final);
  listeners.forEach((act) => act());
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
});

export const append = (link) => load(link.href, (page) => {
  const rows = [...page.querySelectorAll("#rows > tr")];
  if (!rows.length) return false;
  $("#rows").append(...rows);
  $("#foot").replaceWith($("#foot", page));
  refreshed();
  $(".event-name", rows[0]).focus({ preventScroll: true });
});

export function submit(form) {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) address.searchParams.append(name, value);
  show(address.href);
}

// Escape clears the search, and shows the events without it.
export function clearSearch(input) {
  input.value = "";
  if (new URL(location.href).searchParams.has("q")) show(changed(location.href, { q: null, after: null, at: null }));
}
