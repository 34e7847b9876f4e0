"""What a buyer sees there: a form for a card, a bank's question, and the end of a session."""

from html import escape
from typing import Any

Thing = dict[str, Any]

STYLE = """
body { font: 1.0625rem/1.5 system-ui, sans-serif; margin: 0; background: #f2f3f7; color: #1a1f36 }
main { max-width: 26rem; margin: 2rem auto; padding: 1.5rem; background: #fff; border-radius: .5rem }
label, button, input { display: block; width: 100%; box-sizing: border-box; font: inherit }
label { margin-top: 1rem } input, button { min-height: 2.75rem; padding: .5rem } button { margin-top: 1rem }
.error { color: #a00 } .note { color: #555b76 }
"""
CARDS = """4242 4242 4242 4242 works, 4000 0000 0000 0002 is declined, 4000 0000 0000 9995 has no money,
4000 0000 0000 3220 asks the bank."""


def pay_page(session: Thing, *, name: str, error: str = "") -> str:
    wrong = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    back = f'<p><a href="{escape(session["cancel_url"])}">Back to the shop</a></p>' if session["cancel_url"] else ""
    return page(
        "Checkout",
        f"""<h1>Pay {money(session)}</h1><p>{escape(name)}</p>
<p class="note">A local stand-in for Stripe, no money moves. {CARDS}</p>
{wrong}<form method="post">
<label>Card number<input name="card" inputmode="numeric" autocomplete="cc-number" required></label>
<label>Expiry (MM / YY)<input name="expiry" autocomplete="cc-exp" value="12 / 34"></label>
<label>Security code<input name="cvc" inputmode="numeric" autocomplete="cc-csc" value="123"></label>
<button>Pay</button></form>{back}""",
    )


def challenge_page(intent: Thing) -> str:
    return page(
        "3-D Secure",
        f"""<h1>Your bank asks</h1><p>Do you want to pay {money(intent)}?</p><form method="post">
<button name="passed" value="yes">Complete authentication</button>
<button name="passed" value="no">Fail authentication</button></form>""",
    )


def closed_page(session: Thing) -> str:
    back = f'<p><a href="{escape(session["cancel_url"])}">Back to the shop</a></p>' if session["cancel_url"] else ""
    return page("Checkout", f"<h1>This checkout session is {escape(session['status'])}</h1>{back}")


def money(thing: Thing) -> str:
    return f"{thing.get('amount_total', thing.get('amount'))} {escape(thing['currency']).upper()} (minor units)"


def page(title: str, content: str) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body><main>{content}</main></body></html>'
