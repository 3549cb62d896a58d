import { refusal, send } from "../api";
import { away, unanswered } from "../away";

/**
 * <post-button url="/admin/jobs/x/run" event="nf:job-x"><button>…</button><span data-error></span></post-button>
 *
 * Posts an empty request, takes no second click meanwhile, and says why when it was refused. Afterwards
 * `event` is fired on <body>, on which the card fetches itself; with `follow` the page goes to the answer's `url`.
 */
class PostButton extends HTMLElement {
  private busy = false;

  connectedCallback(): void {
    this.addEventListener("click", this.clicked);
  }

  disconnectedCallback(): void {
    this.removeEventListener("click", this.clicked);
  }

  private readonly clicked = (event: Event): void => {
    const button = (event.target as HTMLElement).closest("button");
    if (button && !this.busy) void this.post(button);
  };

  private async post(button: HTMLButtonElement): Promise<void> {
    this.busy = true;
    button.ariaBusy = "true";
    const answer = await send(this.getAttribute("url") ?? "", {});
    this.busy = false;
    button.ariaBusy = "false";
    if (away(answer.status)) return this.tell(unanswered(button));
    this.tell(answer.ok ? "" : refusal(answer).message);
    if (answer.ok && this.hasAttribute("follow")) location.assign(String(answer.body["url"]));
    const event = this.getAttribute("event");
    if (event) document.body.dispatchEvent(new CustomEvent(event));
  }

  private tell(sentence: string): void {
    const place = this.querySelector("[data-error]");
    if (place) place.textContent = sentence;
  }
}

customElements.define("post-button", PostButton);
