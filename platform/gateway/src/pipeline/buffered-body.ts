import type { BodyFraming, RequestBody } from '../wire/rules/request.ts';

/** A body that is in memory already, with the framing it came with. Read as often as it was made. */
export function bytesAsBody(bytes: Buffer, framing: BodyFraming): RequestBody {
  let state: RequestBody['state'] = framing.kind === 'none' ? 'complete' : 'unread';
  return {
    framing,
    lastByteAtMs: 0,
    get state() {
      return state;
    },
    read: (sink) => {
      if (state !== 'unread') throw new TypeError(`the body is ${state}`);
      state = 'reading';
      queueMicrotask(() => {
        if (bytes.length > 0) sink.data(bytes);
        state = 'complete';
        sink.end();
      });
    },
    pause: () => undefined,
    resume: () => undefined,
    discard: () => {
      state = 'complete';
    },
  };
}
