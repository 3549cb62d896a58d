import { say } from "./text";

/** What a request without an answer looks like: none at all, or a proxy's word that nobody is behind it. */
const AWAY = [0, 502, 504];

export function away(status: number): boolean {
  return AWAY.includes(status);
}

/** Why a click came to nothing, for the button that was clicked. */
export function unanswered(button: Element | null): string {
  return say(button?.matches(".button-danger") ? "away.cancel" : "away.run");
}

type Asked = { elt: Element; xhr: XMLHttpRequest };

// The buttons that fetch a dialog, and the dialogs' own forms, are htmx's: it says nothing of a failure.
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = (event as CustomEvent<Asked>).detail;
  if (elt.getAttribute("hx-target") !== "#dialog" && !elt.closest("run-dialog")) return;
  const button = elt.matches("button") ? elt : elt.querySelector("[type=submit]");
  if (button) tell(button, away(xhr.status) ? unanswered(button) : "");
});

/** Says it before the button, in a place made when it is first needed. */
function tell(button: Element, sentence: string): void {
  let place = button.previousElementSibling;
  if (!place?.matches("[data-away]")) {
    if (!sentence) return;
    place = document.createElement("span");
    place.setAttribute("data-away", "");
    place.setAttribute("role", "alert");
    button.before(place);
  }
  place.textContent = sentence;
}
