import { malformed } from '../../wire/rules/refusal.ts';
import type { BodyFraming, BodySink, RequestBody } from '../../wire/rules/request.ts';
import { createBase64Decoder } from './base64.ts';

const UNKNOWN_LENGTH: BodyFraming = { kind: 'chunked' };
const NO_BASE64 = malformed('the body is no base64');

/** The body behind its base64, decoded while it arrives. */
export class DecodedBody implements RequestBody {
  readonly #inner: RequestBody;

  constructor(inner: RequestBody) {
    this.#inner = inner;
  }

  get framing(): BodyFraming {
    return this.#inner.framing.kind === 'none' ? this.#inner.framing : UNKNOWN_LENGTH;
  }

  get state(): RequestBody['state'] {
    return this.#inner.state;
  }

  get lastByteAtMs(): number {
    return this.#inner.lastByteAtMs;
  }

  read(sink: BodySink, maxBytes: number): void {
    const decoder = createBase64Decoder();
    let isOver = false;
    const fail = () => {
      isOver = true;
      this.#inner.discard();
      sink.error(NO_BASE64);
    };
    this.#inner.read(
      {
        data: (chunk) => {
          if (isOver) return;
          const bytes = decoder.feed(chunk);
          if (bytes === undefined) fail();
          else if (bytes.length > 0) sink.data(bytes);
        },
        end: () => {
          if (isOver) return;
          if (decoder.isOpen) fail();
          else sink.end();
        },
        error: (refusal) => {
          if (!isOver) sink.error(refusal);
        },
      },
      Math.ceil((maxBytes / 3) * 4) + 4,
    );
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  discard(): void {
    this.#inner.discard();
  }
}
