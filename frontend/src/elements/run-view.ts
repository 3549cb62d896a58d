/**
 * <run-view>: the run page's two halves. A click on a step (`[data-step-filter="2"]`) shows only its
 * lines in the log named by `log` and opens its details (`[data-step-more]`), a second click undoes it; `[data-tab]` buttons choose the half on a
 * narrow page; the grip (`[role=separator]`) moves the border and the width is kept.
 */
class RunView extends HTMLElement {
  private static readonly key = "nomaflow.run-split";
  private stop = new AbortController();

  connectedCallback(): void {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.grip?.addEventListener("pointerdown", (event) => this.drag(event), { signal });
    this.grip?.addEventListener("keydown", (event) => this.nudge(event), { signal });
    document.body.addEventListener("htmx:afterSettle", () => this.reflect(), { signal });
    this.log?.addEventListener("log-change", () => this.reflect(), { signal });
    this.resize(Number(localStorage.getItem(RunView.key)) || 0);
  }

  disconnectedCallback(): void {
    this.stop.abort();
  }

  private get grip(): HTMLElement | null {
    return this.querySelector("[role=separator]");
  }

  private get log(): HTMLElement | null {
    return document.getElementById(this.getAttribute("log") ?? "");
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const tab = target.closest<HTMLElement>("[data-tab]");
    if (tab) this.dataset.shown = tab.dataset.tab!;
    const step = target.closest<HTMLElement>("[data-step-filter]")?.dataset.stepFilter;
    if (step !== undefined && this.log) {
      const again = this.log.getAttribute("step") === step;
      if (again || step === "") this.log.removeAttribute("step");
      else this.log.setAttribute("step", step);
    }
    this.reflect();
  }

  private reflect(): void {
    const step = this.log?.getAttribute("step") ?? "";
    for (const button of this.querySelectorAll<HTMLElement>("[data-step-filter]")) {
      const pressed = `${button.dataset.stepFilter === step}`;
      if (button.ariaPressed !== pressed) button.ariaPressed = pressed;
    }
    for (const more of this.querySelectorAll<HTMLDetailsElement>("[data-step-more]")) {
      const open = more.dataset.stepMore === step;
      if (more.open !== open) more.open = open;
    }
    for (const tab of this.querySelectorAll<HTMLElement>("[data-tab]")) {
      tab.ariaPressed = `${tab.dataset.tab === (this.dataset.shown ?? "steps")}`;
    }
  }

  private drag(event: PointerEvent): void {
    const grip = event.currentTarget as HTMLElement;
    grip.setPointerCapture(event.pointerId);
    const follow = new AbortController();
    const { signal } = follow;
    const box = this.getBoundingClientRect();
    const rtl = getComputedStyle(this).direction === "rtl";
    grip.addEventListener(
      "pointermove",
      (move) => this.resize((rtl ? box.right - move.clientX : move.clientX - box.left) / box.width),
      { signal },
    );
    grip.addEventListener("lostpointercapture", () => follow.abort(), { signal });
  }

  private nudge(event: KeyboardEvent): void {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.resize((Number(this.grip?.ariaValueNow) || 40) / 100 + step);
  }

  /** `share` of the width for the steps; 0 leaves the style sheet's own. */
  private resize(share: number): void {
    if (!share) return;
    const kept = Math.min(0.7, Math.max(0.2, share));
    this.style.setProperty("--split", `${(kept * 100).toFixed(1)}%`);
    if (this.grip) this.grip.ariaValueNow = `${Math.round(kept * 100)}`;
    localStorage.setItem(RunView.key, kept.toFixed(3));
  }
}

customElements.define("run-view", RunView);
