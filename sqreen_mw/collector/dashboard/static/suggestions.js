// Suggest users that begin with the typed text.

const PAUSE = 150;
let timer = 0;

async function suggest(input) {
  const text = input.value.trim();
  if (!text || text.includes("*") || text.startsWith('"')) return;
  try {
    const address = `${input.dataset.suggest}?${new URLSearchParams({ text, app: input.form.elements.app.value })}`;
    const response = await fetch(address, { headers: { accept: "application/json" } });
    if (response.ok) input.list?.replaceChildren(...(await response.json()).map((user) => new Option("", user)));
  } catch { /* The form works without suggestions. */ }
}

addEventListener("input", (event) => {
  if (!event.target.matches("[data-suggest]")) return;
  clearTimeout(timer);
  timer = setTimeout(suggest, PAUSE, event.target);
});
