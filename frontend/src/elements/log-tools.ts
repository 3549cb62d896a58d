import { ALL_LEVELS } from "../log/filter";
import { typing } from "./keys";
import { LogView } from "./log-view";

const KEYS: Record<string, string> = {
  f: "follow",
  w: "wrap",
  n: "next-error",
  p: "previous-error",
  G: "end",
};

const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/**
 * <log-tools for="ID">: the bar above a <log-view>. Its buttons are the server's markup:
 * `data-level="0…3"` chips, `data-do="follow|wrap|next-error|previous-error"`, one search
 * input.
 */
class LogTools extends HTMLElement {
  private stop = new AbortController();
  private typingTimer = 0;

  connectedCallback(): void {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const view = this.view;
    if (!view) return;
    view.addEventListener("log-change", () => this.reflect(view), { signal });
    this.addEventListener("click", (event) => this.clicked(event, view), { signal });
    this.search?.addEventListener("input", () => this.typed(view), { signal });
    document.addEventListener("keydown", (event) => this.key(event, view), { signal });
    this.reflect(view);
  }

  disconnectedCallback(): void {
    this.stop.abort();
    clearTimeout(this.typingTimer);
  }

  private get view(): LogView | null {
    const element = document.getElementById(this.getAttribute("for") ?? "");
    return element instanceof LogView ? element : null;
  }

  private get search(): HTMLInputElement | null {
    return this.querySelector("input[type=search]");
  }

  private clicked(event: MouseEvent, view: LogView): void {
    const button = (event.target as HTMLElement).closest<HTMLButtonElement>("button");
    if (!button) return;
    if (button.dataset.level) this.toggleLevel(view, Number(button.dataset.level));
    else if (button.dataset.do) this.act(button.dataset.do, view);
  }

  /** A chip shows or hides its level; hiding the last one shows all again. */
  private toggleLevel(view: LogView, level: number): void {
    const levels = view.model.filter.levels ^ (1 << level);
    view.show({ levels: levels || ALL_LEVELS });
  }

  private act(action: string, view: LogView): void {
    if (action === "follow") view.setFollow(!view.following);
    else if (action === "end") view.setFollow(true);
    else if (action === "wrap") view.setWrap(!view.wrapping);
    else if (action === "next-error") view.nextError(1);
    else if (action === "previous-error") view.nextError(-1);
  }

  private typed(view: LogView): void {
    clearTimeout(this.typingTimer);
    this.typingTimer = window.setTimeout(() => view.show({ text: this.search?.value ?? "" }), 120);
  }

  private key(event: KeyboardEvent, view: LogView): void {
    const action = KEYS[event.key];
    if (!action || typing(event)) return;
    event.preventDefault();
    this.act(action, view);
  }

  private reflect(view: LogView): void {
    const { counts, filter } = view.model;
    for (const chip of this.querySelectorAll<HTMLElement>("[data-level]")) {
      const level = Number(chip.dataset.level);
      press(chip, Boolean((filter.levels >> level) & 1));
      put(chip.querySelector("[data-level-count]"), compact.format(counts[level]!));
    }
    press(this.querySelector('[data-do="follow"]'), view.following);
    press(this.querySelector('[data-do="wrap"]'), view.wrapping);
    if (this.search && document.activeElement !== this.search && !filter.text) this.search.value = "";
  }
}

// This runs on every frame while lines arrive: what has not changed is not written.
function press(button: Element | null, on: boolean): void {
  if (button && button.ariaPressed !== `${on}`) button.ariaPressed = `${on}`;
}

function put(place: Element | null, text: string): void {
  if (place && place.textContent !== text) place.textContent = text;
}

customElements.define("log-tools", LogTools);
