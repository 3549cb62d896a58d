import { say } from "./text";

/** What the API answered; `status` is 0 when it could not be reached. */
export type Answer = { ok: boolean; status: number; body: Record<string, unknown> };

/** Why a request was refused: a sentence, and the field at fault when there is one. */
export type Refusal = { message: string; field: string | null; code: string };

/** Posts JSON as the signed-in user. Never throws. */
export async function send(url: string, body: unknown): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify(body),
    });
    const read = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    return { ok: answer.ok, status: answer.status, body: read };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

/** The refusal in an answer that is not ok. */
export function refusal(answer: Answer): Refusal {
  const error = (answer.body["error"] ?? {}) as Partial<Refusal>;
  const unknown = answer.status ? `HTTP ${answer.status}` : say("switch.unreachable");
  return { message: error.message || unknown, field: error.field ?? null, code: error.code ?? "" };
}

/** The token the shell carries for scripts' requests, as htmx sends it too. */
function csrfToken(): string {
  const headers = document.body.getAttribute("hx-headers");
  return headers ? ((JSON.parse(headers) as Record<string, string>)["X-CSRFToken"] ?? "") : "";
}
