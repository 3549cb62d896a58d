import { refusal, send } from "../api";
import { say } from "../text";

/**
 * <enabled-switch on="…/enable" off="…/disable"><button role="switch" aria-checked="true">…</button>
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
    const answer = await send(this.getAttribute(wanted ? "on" : "off") ?? "", {});
    this.busy(button, false);
    if (answer.ok) {
      const job = answer.body["job"] as { enabled: boolean };
      button.ariaChecked = `${job.enabled}`;
      this.tell("");
      this.dispatchEvent(new CustomEvent("nf:switched", { bubbles: true, detail: job }));
    } else this.tell(say("switch.failed", { reason: refusal(answer).message }));
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

customElements.define("enabled-switch", EnabledSwitch);
