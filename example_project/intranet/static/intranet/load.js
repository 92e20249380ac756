// Loads a part of the page after the page itself: <div id="x" data-load="address"> receives
// what the element with the same id holds on the page at that address. Without this script
// the link that stands in the element leads there.

async function load(element) {
  const link = element.innerHTML;
  element.innerHTML = "<p>Asking Webex …</p>";
  element.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(element.dataset.load);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.getElementById(element.id);
    // Whoever has been signed out meanwhile gets another page: the link leads to it.
    if (!part) throw new Error("the part is missing");
    element.replaceChildren(...part.childNodes);
  } catch {
    element.innerHTML = `<p class="note warning">This part could not be loaded.</p>${link}`;
  } finally {
    element.removeAttribute("aria-busy");
  }
}

document.querySelectorAll("[data-load]").forEach(load);
