// The drawer shows one event beside the list. The event is part of the address.

import { $, changed } from "./dom.js";
import { load, refreshed, show, whenShown } from "./pages.js";

const withoutEvent = (address) => changed(address, { open: null }).split("#")[0];
const openedKey = () => new URL(location.href).searchParams.get("open");
let list = "";

whenShown(() => {
  list = withoutEvent(location.href);
  markOpened();
});

function markOpened() {
  for (const row of document.querySelectorAll("#rows > tr")) {
    row.classList.toggle("opened", row.dataset.key === openedKey());
  }
}

// The drawer narrows the list, so rows move. Keep the opened row where it is.
function inPlace(row, act) {
  const before = row?.getBoundingClientRect().top;
  act();
  if (!row) return;
  scrollBy({ top: row.getBoundingClientRect().top - before, behavior: "instant" });
  row.scrollIntoView({ block: "nearest", behavior: "instant" });
  // After Back the browser restores its own scroll position first.
  requestAnimationFrame(() => row.scrollIntoView({ block: "nearest", behavior: "instant" }));
}

const fill = (link, use) => load(link.href, (page) => {
  const event = $("#event", page);
  if (!event) return false;
  $("#drawer-body").replaceChildren(event);
  $("#drawer-page").href = link.href;
  $("#drawer-close").href = list;
  const opens = $("#drawer").hidden;
  inPlace(link.closest("tr"), () => { $("#drawer").hidden = false; });
  $("#drawer").scrollTop = 0;
  use(opens);
  markOpened();
  refreshed();
});

export const open = (link, { focus = true } = {}) => fill(link, (opens) => {
  const address = changed(location.href, { open: link.dataset.open });
  // Back closes the drawer, however many events it has shown.
  if (opens) history.pushState({ drawer: true }, "", address);
  else history.replaceState(history.state, "", address);
  if (focus) $("#drawer .event-title").focus();
});

function hide() {
  const row = $("tr.opened .event-name");
  inPlace($("tr.opened"), () => { $("#drawer").hidden = true; });
  $("#drawer-body").replaceChildren();
  markOpened();
  (row ?? $("#main")).focus({ preventScroll: true });
}

export function close() {
  if (!$("#drawer") || $("#drawer").hidden) return;
  if (history.state?.drawer) return void history.back();
  history.replaceState(null, "", withoutEvent(location.href));
  hide();
}

// Follow the back and forward buttons. Only another list is fetched again.
export function travel() {
  const link = [...document.querySelectorAll("#rows [data-open]")].find((each) => each.dataset.open === openedKey());
  if (withoutEvent(location.href) !== list || (openedKey() && !link)) show(location.href, { push: false });
  else if (link) fill(link, () => {});
  else if ($("#drawer")?.hidden === false) hide();
}
