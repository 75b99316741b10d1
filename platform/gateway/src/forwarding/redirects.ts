import type { AnswerHead } from '../http/answer.ts';
import { fieldValue } from '../http/fields.ts';

export interface Redirect {
  readonly url: URL;
  readonly method: string;
  /** 303 and friends turn a POST into a GET without a body. */
  readonly dropsBody: boolean;
}

export const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where an answer sends the gateway, `undefined` when it is for the client as it is. */
export function redirectOf(
  head: AnswerHead,
  from: URL,
  method: string,
  hasBody: boolean,
): Redirect | undefined {
  if (!REDIRECTS.has(head.status)) return undefined;
  const location = fieldValue(head.fields, 'location');
  if (location === undefined || !URL.canParse(location, from.href)) return undefined;
  const url = new URL(location, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  const becomesGet = head.status <= 303 && method === 'POST';
  if (!becomesGet && hasBody) return undefined;
  return { url, method: becomesGet ? 'GET' : method, dropsBody: becomesGet };
}
