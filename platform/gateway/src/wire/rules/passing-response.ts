import type { Duplex } from 'node:stream';
import type { Fields } from './fields.ts';
import type { ClientResponse, ResponseHead } from './response.ts';

/** A way back to the client that stands in front of another one and changes what passes. */
export abstract class PassingResponse implements ClientResponse {
  abstract onDrain: (() => void) | undefined;
  protected readonly inner: ClientResponse;

  constructor(inner: ClientResponse) {
    this.inner = inner;
  }

  get state(): ClientResponse['state'] {
    return this.inner.state;
  }

  get status(): number {
    return this.inner.status;
  }

  /** As they left, not as they came. */
  get bytesSent(): number {
    return this.inner.bytesSent;
  }

  get onClose(): (() => void) | undefined {
    return this.inner.onClose;
  }

  set onClose(listener: (() => void) | undefined) {
    this.inner.onClose = listener;
  }

  abstract start(head: ResponseHead): void;
  abstract write(chunk: Buffer): boolean;
  abstract end(trailers?: Fields): void;
  abstract send(head: ResponseHead, body: Buffer | string): void;

  abort(): void {
    this.inner.abort();
  }

  closeAfter(): void {
    this.inner.closeAfter();
  }

  switchProtocols(head: ResponseHead): Duplex {
    return this.inner.switchProtocols(head);
  }
}
