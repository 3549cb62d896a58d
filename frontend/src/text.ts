/** The words scripts show. The shell may carry translations in <script type="application/json" id="strings">. */
const ENGLISH = {
  "away.run": "Nomaflow does not answer; nothing was started.",
  "away.cancel": "Nomaflow does not answer; nothing was canceled.",
  "ago.now": "just now",
  "copy.done": "Copied",
  "copy.failed": "Copying was refused by the browser",
  "live.live": "Live",
  "live.reconnecting": "Reconnecting…",
  "live.offline": "Offline since {time}",
  "live.paused": "Paused while hidden",
  "live.ended": "Complete",
  "live.refused": "Signed out: sign in again to see changes",
  "log.streaming": "Live log · streaming",
  "log.reconnecting": "Live log · reconnecting…",
  "log.offline": "Live log · offline since {time}",
  "log.paused": "Live log · paused while hidden",
  "log.ended": "Log · complete",
  "log.refused": "Live log · no longer allowed",
  "log.loading": "Loading…",
  "log.waiting": "Waiting for the first line…",
  "log.nothing": "This run wrote nothing.",
  "log.stepNothing": "This step wrote nothing.",
  "log.noMatch": "No line matches.",
  "log.noMatchYet": "No line matches so far; older lines are still being loaded.",
  "log.count": "{shown} of {total} lines",
  "log.all": "{total} lines",
  "log.window": "Showing lines {from}–{to} of {total}. The whole log is in the download.",
  "log.failed": "The log could not be loaded ({reason}).",
  "log.retry": "Try again",
  "log.announce": "{lines} new lines, {errors} errors",
  "log.noErrors": "There is no error among the lines shown.",
  "log.lineGone": "Line {line} is not among the lines kept.",
  "run.plain": "Run",
  "run.with.one": "Run with {n} change",
  "run.with.many": "Run with {n} changes",
  "run.changes.one": "{n} change",
  "run.changes.many": "{n} changes",
  "run.notWhole": "This must be a whole number.",
  "run.notNumber": "This must be a number.",
  "run.notJson": "This is not valid JSON.",
  "run.tooLarge": "Browsers can't send whole numbers this large exactly; use the command line.",
  "runs.newOne": "{count} new run",
  "runs.new": "{count} new runs",
  "switch.failed": "Not saved: {reason}",
  "switch.unreachable": "the server could not be reached",
  "theme.system": "Theme: as the system",
  "theme.light": "Theme: light",
  "theme.dark": "Theme: dark",
} as const;

export type TextKey = keyof typeof ENGLISH;

let translations: Partial<Record<TextKey, string>> | undefined;

function table(): Partial<Record<TextKey, string>> {
  if (!translations) {
    const carrier = document.getElementById("strings");
    translations = carrier?.textContent ? JSON.parse(carrier.textContent) : {};
  }
  return translations!;
}

/** The sentence for a key, with `{name}` places filled; numbers are grouped as the reader writes them. */
export function say(key: TextKey, values: Record<string, string | number> = {}): string {
  const sentence = table()[key] ?? ENGLISH[key];
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString() : (value ?? "");
  });
}
