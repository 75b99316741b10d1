import type { Duplex } from 'node:stream';
import type { ClientResponse, ResponseHead } from '../wire/rules/response.ts';

/** A response that is kept instead of sent: of a part of an aggregate, of a copy that nobody sees. */
export interface CollectedResponse extends ClientResponse {
  readonly head: ResponseHead | undefined;
  /** What came of the body, as far as there was room. */
  body(): Buffer;
  /** Did the body go beyond the room? The rest was dropped. */
  readonly truncated: boolean;
}

/** Says how many of these bytes may be kept, and counts them. */
export type TakeBytes = (bytes: number) => number;

/** `onFull` is called once, when more comes than may be kept. */
export function createCollectedResponse(take: TakeBytes, onFull?: () => void): CollectedResponse {
  const chunks: Buffer[] = [];
  let head: ResponseHead | undefined;
  let state: ClientResponse['state'] = 'open';
  let bytes = 0;
  let truncated = false;
  const close = (last: ClientResponse['state']) => {
    if (state === 'ended' || state === 'gone') return;
    state = last;
    answer.onClose?.();
  };
  const answer: CollectedResponse = {
    get state() {
      return state;
    },
    get status() {
      return head?.status ?? 0;
    },
    get bytesSent() {
      return bytes;
    },
    get head() {
      return head;
    },
    get truncated() {
      return truncated;
    },
    onClose: undefined,
    onDrain: undefined,
    start: (given) => {
      head = given;
      state = 'started';
    },
    write: (chunk) => {
      if (truncated || state !== 'started') return true;
      const kept = take(chunk.length);
      bytes += kept;
      if (kept > 0) chunks.push(chunk.subarray(0, kept));
      if (kept === chunk.length) return true;
      truncated = true;
      onFull?.();
      return true;
    },
    end: () => close('ended'),
    send: (given, body) => {
      answer.start(given);
      answer.write(Buffer.from(body));
      close('ended');
    },
    abort: () => close('gone'),
    closeAfter: () => undefined,
    switchProtocols: (): Duplex => {
      throw new TypeError('a collected answer has no connection to hand over');
    },
    body: () => Buffer.concat(chunks),
  };
  return answer;
}
