// The chart: a read-out of the bar under the pointer, dragging a range, and arrow keys.

import { $, changed } from "./dom.js";
import { show, whenShown } from "./pages.js";

let drag = null;

function showReadout(bar) {
  const readout = $("#readout");
  readout.dataset.idle ??= readout.textContent;
  readout.classList.toggle("active", Boolean(bar));
  readout.textContent = bar ? bar.getAttribute("aria-label") : readout.dataset.idle;
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
  const [from, to] = wholeBars(done);
  show(changed(location.href, { from, to, range: null, at: null, after: null, open: null, live: null }));
}

// Return the range of the dragged bars: at least the shortest range, at most the shown one.
function wholeBars({ chart, box, from, to }) {
  const [start, end, interval, shortest] = ["start", "end", "interval", "shortest"].map((name) => Number(chart.dataset[name]));
  const times = [from, to].map((x) => start + (x / box.width) * (end - start));
  const first = Math.max(Math.floor(Math.min(...times) / interval) * interval, start);
  const last = Math.max(Math.ceil(Math.max(...times) / interval) * interval, first + shortest);
  return [first, Math.max(Math.min(last, end), first + 1)];
}

export function step(bar, by) {
  const bars = [...bar.parentNode.querySelectorAll(".bar")];
  const next = bars[bars.indexOf(bar) + by];
  if (next) bar.tabIndex = -1;
  if (next) next.tabIndex = 0;
  next?.focus();
}

// The chart is one tab stop. Arrow keys move between bars.
const prepare = () => document.querySelectorAll(".bar").forEach((bar, n) => { bar.tabIndex = n ? -1 : 0; });

whenShown(prepare);
document.addEventListener("refreshed", prepare);
addEventListener("pointerdown", dragFrom);
addEventListener("pointermove", dragTo);
addEventListener("pointerup", dragEnd);
addEventListener("dragstart", (event) => { if (drag) event.preventDefault(); });
for (const [name, shown] of Object.entries({ pointerover: true, focusin: true, pointerout: false, focusout: false })) {
  addEventListener(name, (event) => {
    const bar = event.target.closest?.(".bar");
    if (bar) showReadout(shown ? bar : null);
  });
}
