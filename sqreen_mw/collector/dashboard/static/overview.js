// Reload the Overview's content, unless the reader uses it. Open sections stay open.

import { $, fetchPage } from "./dom.js";
import { refreshed } from "./pages.js";

async function refresh() {
  const old = $("[data-refresh]");
  if (document.hidden || old.matches(":focus-within") || !getSelection().isCollapsed) return;
  try {
    const { page } = await fetchPage(location.href);
    const updated = $("[data-refresh]", page);
    if (!updated) return void location.reload();
    for (const past of old.querySelectorAll("details")) {
      const same = $(`#${past.id}`, page);
      if (same) same.open = past.open;
    }
    old.replaceWith(updated);
    refreshed();
  } catch { /* The collector is unavailable: try again next time. */ }
}

if ($("[data-refresh]")) setInterval(refresh, 1000 * $("[data-refresh]").dataset.refresh);
