import { say } from "../text";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** <theme-switch><button>: system → light → dark, kept in a cookie so that the server paints it at once. */
class ThemeSwitch extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("click", this.clicked);
    this.reflect();
  }

  disconnectedCallback(): void {
    this.removeEventListener("click", this.clicked);
  }

  private get theme(): Theme {
    const found = document.documentElement.dataset.theme as Theme | undefined;
    return found && THEMES.includes(found) ? found : "system";
  }

  private readonly clicked = (): void => {
    const next = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length]!;
    document.documentElement.dataset.theme = next;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax${secure}`;
    this.reflect();
  };

  private reflect(): void {
    this.dataset.theme = this.theme;
    const button = this.querySelector("button");
    if (!button) return;
    button.title = say(`theme.${this.theme}`);
    button.ariaLabel = button.title;
  }
}

customElements.define("theme-switch", ThemeSwitch);
