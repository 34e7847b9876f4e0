/* The total of the chosen quantities, in the button. The server counts again. */
const form = document.getElementById("tickets");
const code = form.dataset.currency;
const currency = new Intl.NumberFormat(document.documentElement.lang, {
  style: "currency", currency: code, currencyDisplay: ["EUR", "USD", "GBP", "JPY"].includes(code) ? "narrowSymbol" : "code",
});
const total = form.querySelector("[data-total]");
const count = () => {
  let sum = 0, tickets = 0;
  for (const choice of form.querySelectorAll('select[name="quantity"]')) {
    tickets += Number(choice.value);
    sum += Number(choice.value) * Number(choice.dataset.price);
  }
  if (total) total.textContent = tickets ? ` · ${currency.format(sum / 10 ** currency.resolvedOptions().maximumFractionDigits)}` : "";
};
form.addEventListener("change", count);
addEventListener("pageshow", count);
document.getElementById("refusal")?.focus();
