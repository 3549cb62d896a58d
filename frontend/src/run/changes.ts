/** What the run dialog's fields hold, and what of it is sent: only what differs from the saved values. */
export type Kind = "bool" | "int" | "float" | "text" | "lines" | "json" | "choice";
export type Problem = "run.notWhole" | "run.notNumber" | "run.notJson" | "run.tooLarge";
export type Value = { value: unknown } | { problem: Problem };
export type Change = { path: readonly string[]; value: unknown };

/** What an input says: its text, or for a checkbox whether it is checked. */
export function read(kind: Kind, raw: string | boolean): Value {
  if (typeof raw === "boolean") return { value: raw };
  if (kind === "int") return whole(raw.trim());
  if (kind === "float") return decimal(raw.trim());
  if (kind === "json") return json(raw);
  return { value: raw };
}

function whole(text: string): Value {
  if (!/^[+-]?\d+$/.test(text)) return { problem: "run.notWhole" };
  return Number.isSafeInteger(Number(text)) ? { value: Number(text) } : { problem: "run.tooLarge" };
}

function decimal(text: string): Value {
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? { value } : { problem: "run.notNumber" };
}

function json(text: string): Value {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { problem: "run.notJson" };
  }
}

/** Whether two JSON values say the same; the order of an object's keys does not count. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** The request's body: each change at its place, nothing else. */
export function body(changes: readonly Change[]): Record<string, unknown> {
  const whole: Record<string, unknown> = Object.create(null);
  for (const { path, value } of changes) {
    let place = whole;
    for (const name of path.slice(0, -1)) {
      place = (place[name] ??= Object.create(null)) as Record<string, unknown>;
    }
    place[path[path.length - 1]!] = value;
  }
  return whole;
}
