/** <run-dialog><dialog>…: shows the dialog htmx has fetched into it, and empties itself when it closes,
 *  giving the focus back to what opened it. */
class RunDialog extends HTMLElement {
  private opener: HTMLElement | null = null;
  private readonly observer = new MutationObserver(() => this.show());

  connectedCallback(): void {
    this.observer.observe(this, { childList: true });
    this.addEventListener("click", this.clicked);
    this.addEventListener("nf:close", this.closed);
    this.show();
  }

  disconnectedCallback(): void {
    this.observer.disconnect();
    this.removeEventListener("click", this.clicked);
    this.removeEventListener("nf:close", this.closed);
  }

  private show(): void {
    const dialog = this.querySelector("dialog");
    if (!dialog || dialog.open) return;
    this.opener = document.activeElement as HTMLElement | null;
    dialog.showModal();
    dialog.addEventListener("close", () => {
      this.replaceChildren();
      this.opener?.focus();
    });
  }

  /** The server's word that what the dialog asked for is done. */
  private readonly closed = (): void => this.querySelector("dialog")?.close();

  private readonly clicked = (event: Event): void => {
    const target = event.target as HTMLElement;
    if (target.closest("[data-close]") || target instanceof HTMLDialogElement) this.querySelector("dialog")?.close();
  };
}

customElements.define("run-dialog", RunDialog);
