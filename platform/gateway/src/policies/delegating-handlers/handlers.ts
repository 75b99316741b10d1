import type { Exchange, Step } from '../../exchange.ts';
import type { ResponseHead } from '../../wire/rules/response.ts';

/** Code of the user's own in the chain of the routes that name it in `DelegatingHandlers`. */
export interface DelegatingHandler {
  /**
   * Runs after all policies, before the request goes out: may edit `exchange.outgoing`, or answer in the gateway's name by returning a
   * refusal. It must not throw.
   */
  readonly request?: Step;
  /** Runs before the head of the back end's response goes to the client; must return at once. */
  readonly answer?: (exchange: Exchange, head: ResponseHead) => ResponseHead;
}

export type DelegatingHandlers = Readonly<Record<string, DelegatingHandler>>;
