import type { Refusal } from '../../rules/refusal.ts';
import type { BodySink } from '../../rules/request.ts';
import type { BackendCall, BackendFailure, BackendRequest, ResponseSink } from '../backend-call.ts';

/** What an exchange asks of the connection that carries it. */
export interface Carrier {
  pause(): void;
  resume(): void;
  abort(exchange: Http1Exchange): void;
  bodyData(chunk: Buffer): void;
  bodyEnd(): void;
  bodyError(refusal: Refusal | undefined): void;
}

/**
 * One request on its way. It ends with its response or its abort: what comes later, from the caller or from the
 * client's body, would reach a connection that has been handed to another request, and is dropped here. A class, because
 * closures for all of this would be made anew for each request.
 */
export class Http1Exchange implements BackendCall, BodySink {
  readonly request: BackendRequest;
  readonly sink: ResponseSink;
  /** Of the request, ready to be written. */
  readonly head: string;
  /** A connection, or who will find one. `undefined` = over. */
  carrier: Carrier | undefined;

  constructor(request: BackendRequest, sink: ResponseSink, head: string, carrier: Carrier) {
    this.request = request;
    this.sink = sink;
    this.head = head;
    this.carrier = carrier;
  }

  pause(): void {
    this.carrier?.pause();
  }

  resume(): void {
    this.carrier?.resume();
  }

  abort(): void {
    const { carrier } = this;
    this.over();
    carrier?.abort(this);
  }

  fail(failure: BackendFailure): void {
    if (this.carrier === undefined) return;
    this.over();
    this.sink.error(failure);
  }

  /** Nothing more is asked of the connection; a body that is still arriving has nowhere to go. */
  over(): void {
    this.carrier = undefined;
    const { body } = this.request;
    if (body !== undefined && !(body instanceof Uint8Array) && body.state === 'reading') body.discard();
  }

  data(chunk: Buffer): void {
    this.carrier?.bodyData(chunk);
  }

  end(): void {
    this.carrier?.bodyEnd();
  }

  error(refusal: Refusal | undefined): void {
    this.carrier?.bodyError(refusal);
  }
}
