const FIRST = 500;
const LONGEST = 15_000;

/** Milliseconds before the next try: doubling, ± 30 % so that a restarted server is not stormed. */
export function delay(attempt: number, random: () => number = Math.random): number {
  return Math.min(FIRST * 2 ** attempt, LONGEST) * (0.7 + random() * 0.6);
}

/** Call `work` now, then at most once per `every` ms; calls in between become one at the end. */
export function coalesce(work: () => void, every: number): () => void {
  let waiting = false;
  let again = false;
  const run = (): void => {
    work();
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (!again) return;
      again = false;
      run();
    }, every);
  };
  return () => {
    if (waiting) again = true;
    else run();
  };
}
