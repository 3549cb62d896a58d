import { refusal, send } from "../api";
import { away, unanswered } from "../away";
import { body, type Change } from "../run/changes";
import { RunField } from "../run/field";
import { say } from "../text";

/**
 * <run-form url="/admin/jobs/x/run"><form>rows of data-field …</form></run-form>: the run dialog's inside.
 *
 * Sends only what was changed and shows it before; a refusal is told at the field it names. Afterwards the page
 * goes to the run.
 */
class RunForm extends HTMLElement {
  private fields: RunField[] = [];
  private sending = false;

  connectedCallback(): void {
    this.fields = [...this.querySelectorAll<HTMLElement>("[data-field]")].map((row) => new RunField(row));
    this.addEventListener("input", this.edited);
    this.addEventListener("click", this.clicked);
    this.addEventListener("keydown", this.pressed);
    this.addEventListener("submit", this.submitted);
    this.reflect();
    // Before the dialog opens: it would focus its close button, and Enter would close it.
    (this.fields[0]?.input ?? this.querySelector<HTMLElement>("[type=submit]"))!.autofocus = true;
  }

  disconnectedCallback(): void {
    this.removeEventListener("input", this.edited);
    this.removeEventListener("click", this.clicked);
    this.removeEventListener("keydown", this.pressed);
    this.removeEventListener("submit", this.submitted);
  }

  private get changes(): Change[] {
    return this.fields.flatMap((field) => field.change ?? []);
  }

  private readonly edited = (): void => this.reflect();

  private readonly clicked = (event: Event): void => {
    const button = (event.target as HTMLElement).closest<HTMLElement>("[data-undo], [data-steps]");
    if (!button) return;
    const wanted = button.dataset.steps;
    if (wanted) for (const field of this.fields) field.step && field.set(wanted === "all");
    const row = button.closest("[data-field]");
    const field = row && this.fields.find((each) => each.row === row);
    field?.undo();
    this.reflect();
    field?.input.focus();
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.querySelector("form")?.requestSubmit();
    }
  };

  private readonly submitted = (event: Event): void => {
    event.preventDefault();
    if (!this.sending && !this.faulty) void this.start();
  };

  private get faulty(): boolean {
    return this.fields.some((field) => field.faulty);
  }

  private reflect(): void {
    for (const field of this.fields) field.reflect();
    for (const field of this.fields) this.reflectStep(field);
    const changes = this.changes;
    this.write("[data-count]", changes.length ? count("run.changes", changes.length) : "");
    this.write("[data-run-word]", changes.length ? count("run.with", changes.length) : say("run.plain"));
    this.write("[data-preview]", JSON.stringify(body(changes), null, 2));
    this.toggleAttribute("data-none-left", this.fields.every((field) => !field.step || !field.checked));
    this.busy(this.sending);
  }

  private reflectStep(field: RunField): void {
    if (field.step) field.row.closest(".run-step")?.toggleAttribute("data-skipped", !field.checked);
  }

  private async start(): Promise<void> {
    this.busy(true);
    this.write("[data-refused]", "");
    const answer = await send(this.getAttribute("url") ?? "", body(this.changes));
    if (answer.ok) return location.assign(String(answer.body["url"]));
    this.busy(false);
    if (away(answer.status)) return this.write("[data-refused]", unanswered(null));
    this.refused(refusal(answer));
  }

  private refused({ message, field }: { message: string; field: string | null }): void {
    const named = this.fields.find((each) => each.path.join(".") === field);
    named?.reflect(message);
    named?.input.focus();
    if (!named) this.write("[data-refused]", message);
  }

  private busy(on: boolean): void {
    this.sending = on;
    const button = this.querySelector<HTMLButtonElement>("[type=submit]");
    if (!button) return;
    button.ariaBusy = `${on}`;
    button.disabled = this.faulty;
  }

  private write(selector: string, text: string): void {
    const place = this.querySelector<HTMLElement>(selector);
    if (!place) return;
    place.textContent = text;
    place.hidden = text === "";
  }
}

function count(key: "run.changes" | "run.with", n: number): string {
  return say(n === 1 ? `${key}.one` : `${key}.many`, { n });
}

customElements.define("run-form", RunForm);
