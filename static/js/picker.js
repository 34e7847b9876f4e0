/* Picks seats on the map. The check boxes of the list are the truth and are what is sent; the map shows and moves them.
   Without this script the list alone does everything. */
const form = document.getElementById("picker");
const hall = form.querySelector(".hall");
const words = form.dataset;
const STATES = { f: "free", h: "held", s: "sold", m: "mine", x: "blocked" };
const SVG = "http://www.w3.org/2000/svg";
const EVERY = 4000, AT_MOST = 60000;
const most = Number(words.most);
const fill = (text, value) => text.replace("%s", value);

const currency = new Intl.NumberFormat(document.documentElement.lang, {
  style: "currency", currency: words.currency,
  currencyDisplay: ["EUR", "USD", "GBP", "JPY"].includes(words.currency) ? "narrowSymbol" : "code",
});
const money = (minor) => currency.format(minor / 10 ** currency.resolvedOptions().maximumFractionDigits);

/* Seats by their index, as the line of states counts them. */
const seats = [];
for (const row of form.querySelectorAll("fieldset.list-row")) {
  const section = row.parentElement, line = [];
  for (const box of row.querySelectorAll('input[name="seat"]')) {
    const number = box.nextElementSibling.firstChild.textContent.trim();
    const seat = {
      index: Number(box.id.slice(1)), box, line, number, gap: "gap" in box.dataset, colour: section.dataset.colour, price: Number(section.dataset.price),
      kind: section.dataset.name, row: row.dataset.row, place: [row.dataset.row, fill(words.saySeat, number)].filter(Boolean).join(", "),
      shape: document.getElementById(`m${box.id.slice(1)}`), note: box.nextElementSibling.children[0]?.textContent,
    };
    line.push(seat);
    seats[seat.index] = seat;
  }
}
let states = [...words.states];
const stateOf = (seat) => seat.box.checked ? "mine" : states[seat.index] === "m" ? "free" : STATES[states[seat.index]];
const chosen = () => seats.filter((seat) => seat?.box.checked);
const say = (() => { // one polite voice, at most one sentence in two seconds, the last one wins
  const voice = form.querySelector("[data-say]");
  let timer, last = 0;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => { voice.textContent = text; last = Date.now(); }, Math.max(0, 2000 - (Date.now() - last)));
  };
})();

/* The map */
const nameOf = (seat) => [seat.kind, seat.place, seat.note, money(seat.price), words[`say${{ free: "FreeState", mine: "MineState", held: "HeldState", sold: "SoldState" }[stateOf(seat)]}`]].filter(Boolean).join(", ");
const mark = (seat, icon, kind) => {
  const box = seat.shape.getBBox(), use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${words.icons}#${icon}`);
  use.setAttribute("class", kind);
  for (const [name, value] of Object.entries({ x: box.x + box.width / 2 - 8, y: box.y + box.height / 2 - 8, width: 16, height: 16 })) use.setAttribute(name, value);
  hall.append(use);
  return use;
};
const draw = (seat) => {
  if (!seat.shape) return;
  const state = stateOf(seat);
  seat.shape.dataset.s = state;
  if (seat.label) seat.label.dataset.s = state;
  seat.shape.setAttribute("aria-label", nameOf(seat));
  seat.shape.setAttribute("aria-selected", String(state === "mine"));
  seat.shape.setAttribute("aria-disabled", String(state === "held" || state === "sold"));
  seat.glyph?.remove();
  seat.glyph = state === "mine" ? mark(seat, "i-check", "glyph glyph--mine") : state === "free" && seat.shape.localName === "rect" ? mark(seat, "i-chair", "glyph") : null;
};
const numberSeats = () => { // once, when somebody goes closer: a thousand words less to begin with
  if (hall.querySelector(".numbers")) return;
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("class", "numbers");
  group.setAttribute("aria-hidden", "true");
  for (const seat of seats) {
    if (!seat?.shape || seat.shape.localName === "rect") continue;
    seat.label = document.createElementNS(SVG, "text");
    seat.label.setAttribute("class", `seat-no cat-${seat.colour}`);
    seat.label.setAttribute("x", seat.shape.getAttribute("cx"));
    seat.label.setAttribute("y", Number(seat.shape.getAttribute("cy")) + 3.4);
    seat.label.dataset.s = stateOf(seat);
    seat.label.textContent = seat.number;
    group.append(seat.label);
  }
  hall.append(group);
};

/* Choosing */
const showBasket = () => {
  const mine = chosen();
  form.querySelector("[data-seats]").replaceChildren(...mine.map((seat) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const icon = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
    item.className = "basket__seat";
    button.type = "button";
    button.setAttribute("aria-label", fill(words.sayRemove, seat.place));
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${words.icons}#i-x`);
    icon.append(use);
    button.append(icon);
    button.addEventListener("click", () => { put([seat], false); form.querySelector(".pick-bar .btn")?.focus(); });
    item.append(seat.place, button);
    return item;
  }));
  const total = money(mine.reduce((sum, seat) => sum + seat.price, 0));
  const sum = form.querySelector("[data-total]");
  if (sum) sum.textContent = mine.length ? ` · ${total}` : "";
  form.querySelector("[data-each]").hidden = mine.length > 0;
  return total;
};
const put = (some, wanted) => {
  for (const seat of some) { seat.box.checked = wanted; draw(seat); }
  const total = showBasket(), places = some.map((seat) => seat.place).join(", ");
  say(`${fill(wanted ? words.sayChosen : words.sayRemoved, places)}. ${fill(words.sayTotal, total)}`);
};
// As many neighbours as the party has, from this seat to the right or, failing that, further to the left.
const block = (seat, size) => {
  const at = seat.line.indexOf(seat);
  for (let first = at; first > at - size && first >= 0; first--) {
    const some = seat.line.slice(first, first + size);
    if (some.length === size && some.every((one, n) => (n === 0 || !one.gap) && ["free", "mine"].includes(stateOf(one)))) return some;
  }
  return null;
};
const choose = (seat) => {
  const state = stateOf(seat), mine = chosen();
  if (state === "mine") return put([seat], false);
  if (state !== "free") return say(fill(words.sayFree, seat.place));
  const party = Number(document.querySelector('[name="quantity"]:checked')?.value ?? 1);
  const together = party > 1 && (mine.length === 0 || mine.length >= party) ? block(seat, Math.min(party, most)) : null;
  if (together) {
    for (const one of mine) { one.box.checked = false; draw(one); }
    return put(together, true);
  }
  if (mine.length >= most) return say(fill(words.sayMost, most));
  put([seat], true);
};
form.addEventListener("change", (event) => {
  const seat = event.target.name === "seat" && seats[Number(event.target.id.slice(1))];
  if (!seat) return;
  if (chosen().length > most) { seat.box.checked = false; return say(fill(words.sayMost, most)); }
  put([seat], seat.box.checked);
});

/* Going closer, towards a point when there is one */
const scroll = form.querySelector(".map-scroll");
const SCALE = [0, 1, 2, 3.6, 6.2];
const level = () => Number(scroll.dataset.zoom);
const zoomTo = (wished, point) => {
  const before = level(), next = Math.min(4, Math.max(1, wished));
  const old = hall.getBoundingClientRect(), box = scroll.getBoundingClientRect();
  const { clientX, clientY } = point ?? { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const across = (clientX - old.left) / old.width, down = (clientY - old.top) / old.height;
  if (next > 1) numberSeats();
  scroll.dataset.zoom = String(next);
  const now = hall.getBoundingClientRect();
  scroll.scrollTo(across * now.width - box.width / 2, down * now.height - box.height / 2);
  for (const button of form.querySelectorAll("button[data-zoom]")) {
    button.setAttribute("aria-disabled", String(button.dataset.zoom === "in" ? next === 4 : next === 1));
  }
  if (next !== before) say(next === 1 ? words.sayWhole : fill(words.sayZoom, next));
};
// A seat may be hit once places are 24 px (mouse) or 40 px (finger) apart; before that a tap goes closer.
const roomy = () => {
  const need = matchMedia("(pointer: coarse)").matches ? 40 : 24;
  const { width, height } = hall.viewBox.baseVal;
  const pitch = 25 * Math.min(scroll.clientWidth / width, scroll.clientHeight / height);
  return [1, 2, 3, 4].find((n) => pitch * SCALE[n] >= need) ?? 4;
};

/* Keyboard: one tab stop, arrows go to the nearest seat in their direction */
const bySeat = (event) => { const shape = event.target.closest?.(".seat"); return shape && seats[Number(shape.id.slice(1))]; };
const focusOn = (from, to) => {
  from.shape.setAttribute("tabindex", "-1");
  to.shape.setAttribute("tabindex", "0");
  to.shape.focus();
  to.shape.scrollIntoView({ block: "nearest", inline: "nearest" });
};
const middle = (seat) => { const box = seat.shape.getBBox(); return [box.x + box.width / 2, box.y + box.height / 2]; };
const move = (from, right, down) => {
  const [x, y] = middle(from);
  let best, least = Infinity;
  for (const seat of seats) {
    if (!seat?.shape || seat === from) continue;
    const [a, b] = middle(seat), along = (a - x) * right + (b - y) * down, aside = Math.abs((a - x) * down) + Math.abs((b - y) * right);
    if (along >= 2 && along + aside * 3 < least) { least = along + aside * 3; best = seat; }
  }
  if (best) focusOn(from, best);
};

const openMap = () => {
  hall.removeAttribute("aria-hidden");
  hall.setAttribute("role", "grid");
  hall.setAttribute("aria-multiselectable", "true");
  hall.setAttribute("aria-label", form.querySelector("#map").getAttribute("aria-label"));
  hall.querySelector(".seats").setAttribute("role", "presentation");
  for (const row of hall.querySelectorAll(".seats > g")) row.setAttribute("role", "row");
  let entry;
  for (const seat of seats) {
    if (!seat?.shape) continue;
    seat.shape.setAttribute("role", "gridcell");
    seat.shape.setAttribute("tabindex", "-1");
    seat.shape.parentElement.setAttribute("aria-label", [seat.kind, seat.row].filter(Boolean).join(", "));
    draw(seat);
    if (!entry || (seat.box.checked && !entry.box.checked)) entry = seat;
  }
  entry?.shape.setAttribute("tabindex", "0");

  const tip = form.querySelector("[data-tip]"); // for the eye; assistive tech reads the seat's own name
  const show = (event) => { const seat = bySeat(event); tip.hidden = !seat; if (seat) tip.textContent = nameOf(seat); };
  hall.addEventListener("click", (event) => {
    const wished = roomy(), seat = bySeat(event);
    if (level() < wished) return zoomTo(wished, event);
    if (seat) { choose(seat); show(event); }
  });
  hall.addEventListener("keydown", (event) => {
    const seat = bySeat(event);
    if (!seat || event.ctrlKey || event.metaKey || event.altKey) return;
    const line = seat.line.filter((one) => one.shape);
    const act = {
      ArrowLeft: () => move(seat, -1, 0), ArrowRight: () => move(seat, 1, 0), ArrowUp: () => move(seat, 0, -1), ArrowDown: () => move(seat, 0, 1),
      PageUp: () => move(seat, 0, -1), PageDown: () => move(seat, 0, 1), Home: () => focusOn(seat, line[0]), End: () => focusOn(seat, line.at(-1)),
      " ": () => choose(seat), Enter: () => choose(seat), "+": () => zoomTo(level() + 1), "-": () => zoomTo(level() - 1),
    }[event.key];
    if (act) { event.preventDefault(); act(); show({ target: document.activeElement }); }
  });
  for (const button of form.querySelectorAll("button[data-zoom]")) {
    button.addEventListener("click", () => {
      const mine = chosen()[0]?.shape?.getBoundingClientRect();
      const point = level() === 1 && mine ? { clientX: mine.left, clientY: mine.top } : undefined;
      zoomTo({ in: level() + 1, out: level() - 1, fit: 1 }[button.dataset.zoom], point);
    });
  }
  for (const name of ["pointerover", "focusin"]) hall.addEventListener(name, show);
  for (const name of ["pointerleave", "focusout"]) hall.addEventListener(name, () => { tip.hidden = true; });
};
if (hall) openMap();
showBasket();

/* The legend filters by price, in the map and in the list */
for (const button of form.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    const off = [...form.querySelectorAll('[data-filter][aria-pressed="false"]')].map((one) => one.dataset.filter);
    if (hall) hall.dataset.off = off.join(" ");
    for (const section of form.querySelectorAll("details.sect")) section.hidden = off.includes(section.dataset.colour);
  });
}

/* List or map: plain links; here only the current mark */
const view = () => {
  for (const link of form.querySelectorAll("[data-view]")) {
    if ((location.hash === "#list") === (link.dataset.view === "list")) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};
addEventListener("hashchange", view);
view();

/* What others do meanwhile. The browser asks with its ETag by itself; an unchanged hall costs a 304. */
let wait = EVERY;
const look = async () => {
  if (!document.hidden) {
    try {
      const answer = await fetch(words.statesUrl, { cache: "no-cache", credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.text());
      wait = EVERY;
    } catch {
      wait = Math.min(AT_MOST, wait * 2);
    }
  }
  setTimeout(look, wait * (0.9 + Math.random() * 0.2));
};
const take = (text) => {
  if (text.length !== states.length) return;
  const before = states, gone = [];
  states = [...text];
  for (const seat of seats) {
    if (!seat || before[seat.index] === states[seat.index]) continue;
    const open = "fm".includes(states[seat.index]);
    if (!open && seat.box.checked) { seat.box.checked = false; gone.push(seat.place); }
    seat.box.disabled = !open;
    draw(seat);
  }
  if (text === before.join("")) return;
  for (const button of form.querySelectorAll("[data-filter]")) {
    const free = seats.filter((seat) => seat?.colour === button.dataset.filter && "fm".includes(states[seat.index])).length;
    const said = button.querySelector(".free");
    said.textContent = said.textContent.replace(/\d+/, free);
  }
  showBasket();
  if (gone.length) say(fill(words.sayGone, gone.join("; ")));
};
setTimeout(look, EVERY);

form.addEventListener("clock:ended", (event) => { event.target.hidden = true; });
document.getElementById("refusal")?.focus();
