/** What the reader asked to see. */
export type Filter = { levels: number; step: number; text: string };

/** All four levels as a bit mask. */
export const ALL_LEVELS = 0b1111;
export const ANY_STEP = -1;
export const NO_FILTER: Readonly<Filter> = { levels: ALL_LEVELS, step: ANY_STEP, text: "" };

export const isOff = (filter: Filter): boolean =>
  filter.levels === ALL_LEVELS && filter.step === ANY_STEP && filter.text === "";

/** Whether a line passes; `message` is asked for only when the cheaper tests let it through. */
export function passes(filter: Filter, level: number, step: number, message: () => string): boolean {
  if (!((filter.levels >> level) & 1)) return false;
  if (filter.step !== ANY_STEP && filter.step !== step) return false;
  return filter.text === "" || message().toLowerCase().includes(filter.text);
}
