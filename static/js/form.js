/* A form is sent once: a second click or Enter while the first is on its way does nothing. */
const busy = new WeakSet();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (busy.has(form)) return event.preventDefault();
  busy.add(form);
  const button = event.submitter;
  // Not `disabled`: that would take the button's own name and value out of what is sent.
  if (button?.classList.contains("btn")) button.setAttribute("aria-busy", "true");
});

// Back from the page that followed: the browser may show this one as it was left.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) busy.delete(form);
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});
