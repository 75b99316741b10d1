import { noFields } from '../wire/rules/fields.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import type { CapturedResponse } from './compare-responses.ts';

/** Takes down one response as it passes, up to a limit. */
export interface Capture {
  readonly state: 'open' | 'complete' | 'lost';
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  end(): void;
  lost(): void;
  answer(): CapturedResponse;
}

const MAX_BODY_BYTES = 262_144;

/** `onSettled` is called once, when the response is complete or lost. */
export function createCapture(onSettled: () => void): Capture {
  let state: Capture['state'] = 'open';
  let head: ResponseHead | undefined;
  let chunks: Buffer[] | undefined = [];
  let bytes = 0;

  function settle(next: 'complete' | 'lost'): void {
    if (state !== 'open') return;
    state = next;
    onSettled();
  }

  return {
    get state() {
      return state;
    },
    head: (given) => {
      head = given;
    },
    data: (chunk) => {
      if (chunks === undefined) return;
      bytes += chunk.length;
      // A copy: the chunk may be a view of a buffer that is read into again.
      if (bytes <= MAX_BODY_BYTES) chunks.push(Buffer.from(chunk));
      else chunks = undefined;
    },
    end: () => settle(head === undefined ? 'lost' : 'complete'),
    lost: () => settle('lost'),
    answer: () => ({
      status: head?.status ?? 0,
      fields: head?.fields ?? noFields(),
      body: chunks && Buffer.concat(chunks),
    }),
  };
}
