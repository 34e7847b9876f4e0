/* The minutes left of a hold: `<… data-clock data-expires="ISO" data-now="ISO">` around `[data-left]` (and a `.go` ring).
   The sentence “Held until 20:14” comes from the server and is the truth; this only counts beside it. */
const WARN_AT = [300, 120, 60]; // seconds left at which it is said aloud
const RING = 600;
/* A deadline in days stays in the server's words. */

for (const clock of document.querySelectorAll("[data-clock]")) {
  const { expires, now } = clock.dataset;
  // The server's clock, not the visitor's: what counts is the difference of its two times and how long the page is open.
  const seconds = (Date.parse(expires) - Date.parse(now)) / 1000;
  const opened = Date.now();
  const text = clock.querySelector("[data-left]"), ring = clock.querySelector(".go"), said = clock.querySelector("[data-said]");
  let before = Infinity;
  const tick = () => {
    const left = Math.max(0, Math.round(seconds - (Date.now() - opened) / 1000));
    if (text && left < 6000) text.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    ring?.setAttribute("stroke-dasharray", `${Math.min(100, (left / RING) * 100)} 100`);
    clock.classList.toggle("clock--low", left <= 120);
    if (said && WARN_AT.some((at) => left <= at && before > at)) said.textContent = text?.textContent ?? "";
    before = left;
    if (left === 0) {
      clearInterval(timer);
      clock.dispatchEvent(new CustomEvent("clock:ended", { bubbles: true }));
    }
  };
  const timer = setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  tick();
}
