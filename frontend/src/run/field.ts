import { say } from "../text";
import { read, same, type Change, type Kind, type Value } from "./changes";

/** One row of the run dialog: `<div data-field='["params","days"]' data-kind="int" data-saved="3">` with an
 *  input, and places for the saved value (`data-was`), its undo (`data-undo`) and a problem (`data-problem`). */
export class RunField {
  readonly path: string[];
  private readonly kind: Kind;
  private readonly saved: unknown;
  private readonly first: string | boolean;

  constructor(readonly row: HTMLElement) {
    this.path = JSON.parse(row.dataset.field!) as string[];
    this.kind = row.dataset.kind as Kind;
    this.saved = JSON.parse(row.dataset.saved!) as unknown;
    this.first = this.raw;
  }

  get input(): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
    return this.row.querySelector("input, select, textarea")!;
  }

  /** The step this field switches on and off, if it is such a switch. */
  get step(): string | null {
    return this.path[0] === "step_enabled" ? this.path[1]! : null;
  }

  get checked(): boolean {
    return this.raw === true;
  }

  private get raw(): string | boolean {
    const input = this.input;
    return input instanceof HTMLInputElement && input.type === "checkbox" ? input.checked : input.value;
  }

  private get value(): Value {
    return this.raw === this.first ? { value: this.saved } : read(this.kind, this.raw);
  }

  /** What to send of it: nothing while it says what is saved, or says nothing that could be read. */
  get change(): Change | null {
    const value = this.value;
    return "value" in value && !same(value.value, this.saved) ? { path: this.path, value: value.value } : null;
  }

  get faulty(): boolean {
    return "problem" in this.value;
  }

  set(raw: string | boolean): void {
    if (typeof raw === "boolean") (this.input as HTMLInputElement).checked = raw;
    else this.input.value = raw;
  }

  undo(): void {
    this.set(this.first);
  }

  /** Shows what is so: changed or not, and what is wrong with it. `refused` is the server's sentence. */
  reflect(refused = ""): void {
    const value = this.value;
    const problem = "problem" in value ? say(value.problem) : refused;
    this.row.toggleAttribute("data-changed", this.change !== null || "problem" in value);
    const place = this.row.querySelector<HTMLElement>("[data-problem]");
    if (place) {
      place.textContent = problem;
      place.hidden = problem === "";
    }
    if (problem) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}
