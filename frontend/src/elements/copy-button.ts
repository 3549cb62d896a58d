import { say } from "../text";

/** <copy-button text="run_00a8c"><button>…</button></copy-button>: copies, and says that it did. */
class CopyButton extends HTMLElement {
  private timer = 0;

  connectedCallback(): void {
    this.addEventListener("click", this.clicked);
  }

  disconnectedCallback(): void {
    this.removeEventListener("click", this.clicked);
    clearTimeout(this.timer);
  }

  private readonly clicked = async (): Promise<void> => {
    const worked = await navigator.clipboard?.writeText(this.getAttribute("text") ?? "").then(
      () => true,
      () => false,
    );
    this.dataset.copied = worked ? "yes" : "no";
    this.dataset.said = say(worked ? "copy.done" : "copy.failed");
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      delete this.dataset.copied;
      delete this.dataset.said;
    }, 1500);
  };
}

customElements.define("copy-button", CopyButton);
