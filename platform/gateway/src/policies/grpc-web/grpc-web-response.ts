import { fieldName } from '../../wire/rules/field-names.ts';
import { copyFields, type Fields, fieldValue, hasField, setField } from '../../wire/rules/fields.ts';
import { isGrpc } from '../../wire/rules/grpc.ts';
import { PassingResponse } from '../../wire/rules/passing-response.ts';
import type { ClientResponse, ResponseHead } from '../../wire/rules/response.ts';

const CONTENT_TYPE = fieldName('Content-Type');
const EXPOSE = fieldName('Access-Control-Expose-Headers');
const STATUS_FIELDS = 'grpc-status, grpc-message, grpc-status-details-bin';
/** Of a frame that has trailers in the place of a message. */
const TRAILERS = 0x80;
/** A back end that ends without a status: the client must not take the call for a good one. */
const NO_STATUS = 'grpc-status: 2\r\ngrpc-message: the back end gave no status\r\n';

/** The answer of a call as browsers can read it: trailers are the last frame of the body, the text form is base64. */
export class GrpcWebResponse extends PassingResponse {
  readonly #isText: boolean;
  /** Of the answer; the client's own. */
  readonly #type: string;
  /** `unframed`: it is no answer of gRPC, or its status is in the head. */
  #form: 'framed' | 'unframed' = 'unframed';

  constructor(inner: ClientResponse, type: string, isText: boolean) {
    super(inner);
    this.#type = type;
    this.#isText = isText;
  }

  get onDrain(): (() => void) | undefined {
    return this.inner.onDrain;
  }

  set onDrain(listener: (() => void) | undefined) {
    this.inner.onDrain = listener;
  }

  start(head: ResponseHead): void {
    const shaped = this.#shape(head);
    if (this.#form === 'unframed') this.inner.start(shaped);
    else this.inner.start({ ...shaped, bodyBytes: undefined });
  }

  write(chunk: Buffer): boolean {
    return this.inner.write(this.#form === 'framed' ? this.#coded(chunk) : chunk);
  }

  end(trailers?: Fields): void {
    if (this.#form === 'framed' && this.state === 'started')
      this.inner.write(this.#coded(trailersFrame(trailers)));
    this.inner.end();
  }

  /** Of the gateway itself: a refusal, whose status is in the head. */
  send(head: ResponseHead, body: Buffer | string): void {
    this.inner.send(this.#shape(head), body);
  }

  #shape(head: ResponseHead): ResponseHead {
    const fields = copyFields(head.fields);
    const isCall = isGrpc(fields);
    if (isCall) setField(fields, CONTENT_TYPE, this.#type);
    if (isCall && !hasField(fields, 'grpc-status')) this.#form = 'framed';
    // Otherwise a page of another origin sees no status.
    if (hasField(fields, 'access-control-allow-origin')) {
      const exposed = fieldValue(fields, EXPOSE.lower);
      setField(fields, EXPOSE, exposed === undefined ? STATUS_FIELDS : `${exposed}, ${STATUS_FIELDS}`);
    }
    return { ...head, fields };
  }

  #coded(bytes: Buffer): Buffer {
    return this.#isText ? Buffer.from(bytes.toString('base64'), 'latin1') : bytes;
  }
}

function trailersFrame(trailers: Fields | undefined): Buffer {
  const { names, values } = trailers ?? { names: [], values: [] };
  const lines = names.map(({ lower }, index) => `${lower}: ${values[index]}\r\n`);
  const hasStatus = names.some(({ lower }) => lower === 'grpc-status');
  const text = Buffer.from(lines.join('') + (hasStatus ? '' : NO_STATUS), 'latin1');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(TRAILERS);
  prefix.writeUInt32BE(text.length, 1);
  return Buffer.concat([prefix, text]);
}
