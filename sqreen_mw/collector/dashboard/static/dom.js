// Small helpers for elements and addresses.

export const $ = (selector, root = document) => root.querySelector(selector);

// Return an address with other parameters. null removes a parameter.
export function changed(address, changes) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

export async function fetchPage(address, signal) {
  const response = await fetch(address, { signal });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return { page, address: response.url };
}
