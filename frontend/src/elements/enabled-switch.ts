import { say } from "../text";

/**
 * <enabled-switch url="/admin/jobs/x" field="enabled"><button role="switch" aria-checked="true">…</button>
 * <span data-error></span></enabled-switch>: an honest switch.
 *
 * It never shows what the server has not said: while saving it spins and takes no click, and when the
 * save fails it stays as it was and says why. Fires `nf:switched` after a save.
 */
class EnabledSwitch extends HTMLElement {
  private saving = false;

  connectedCallback(): void {
    this.addEventListener("click", this.clicked);
  }

  disconnectedCallback(): void {
    this.removeEventListener("click", this.clicked);
  }

  private readonly clicked = (event: Event): void => {
    const button = (event.target as HTMLElement).closest<HTMLElement>("[role=switch]");
    if (button && button.ariaDisabled !== "true" && !this.saving) void this.save(button);
  };

  private async save(button: HTMLElement): Promise<void> {
    const wanted = button.ariaChecked !== "true";
    this.busy(button, true);
    try {
      const answer = await this.send(wanted);
      const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
      if (answer.ok) {
        button.ariaChecked = `${body[this.field] ?? wanted}`;
        this.tell("");
        this.dispatchEvent(new CustomEvent("nf:switched", { bubbles: true, detail: body }));
      } else this.tell(say("switch.failed", { reason: String(body["detail"] ?? `HTTP ${answer.status}`) }));
    } catch {
      this.tell(say("switch.failed", { reason: say("switch.unreachable") }));
    } finally {
      this.busy(button, false);
    }
  }

  private get field(): string {
    return this.getAttribute("field") ?? "enabled";
  }

  private send(wanted: boolean): Promise<Response> {
    return fetch(this.getAttribute("url") ?? "", {
      method: this.getAttribute("method") ?? "PATCH",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRFToken": csrfToken(),
      },
      body: JSON.stringify({ [this.field]: wanted }),
    });
  }

  private busy(button: HTMLElement, on: boolean): void {
    this.saving = on;
    this.toggleAttribute("data-saving", on);
    button.ariaBusy = `${on}`;
  }

  private tell(sentence: string): void {
    const place = this.querySelector("[data-error]");
    if (place) place.textContent = sentence;
  }
}

/** The token the shell carries for scripts' requests, as htmx sends it too. */
function csrfToken(): string {
  const headers = document.body.getAttribute("hx-headers");
  return headers ? ((JSON.parse(headers) as Record<string, string>)["X-CSRFToken"] ?? "") : "";
}

customElements.define("enabled-switch", EnabledSwitch);
