/** Whether a key press belongs to something being typed in, to a chord, or to a reader who switched
 *  single-key shortcuts off (`data-keys="off"` on <html>). */
export function typing(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.documentElement.dataset.keys === "off") return true;
  const target = event.target as HTMLElement;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest("dialog") !== null;
}
