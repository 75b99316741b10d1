import type { Duplex } from 'node:stream';
import type { Answer, AnswerHead } from './http/answer.ts';

/** An answer that is kept instead of sent: of a part of an aggregate, of a copy that nobody sees. */
export interface CollectedAnswer extends Answer {
  readonly head: AnswerHead | undefined;
  /** What came of the body, at most `maxBytes`. */
  body(): Buffer;
  /** Did the body go beyond `maxBytes`? The rest was dropped. */
  readonly truncated: boolean;
}

export function createCollectedAnswer(maxBytes: number): CollectedAnswer {
  const chunks: Buffer[] = [];
  let head: AnswerHead | undefined;
  let state: Answer['state'] = 'open';
  let bytes = 0;
  const close = (last: Answer['state']) => {
    if (state === 'ended' || state === 'gone') return;
    state = last;
    answer.onClose?.();
  };
  const answer: CollectedAnswer = {
    get state() {
      return state;
    },
    get status() {
      return head?.status ?? 0;
    },
    get bytesSent() {
      return Math.min(bytes, maxBytes);
    },
    get head() {
      return head;
    },
    get truncated() {
      return bytes > maxBytes;
    },
    onClose: undefined,
    onDrain: undefined,
    start: (given) => {
      head = given;
      state = 'started';
    },
    write: (chunk) => {
      const room = maxBytes - bytes;
      bytes += chunk.length;
      if (room > 0) chunks.push(room >= chunk.length ? chunk : chunk.subarray(0, room));
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
