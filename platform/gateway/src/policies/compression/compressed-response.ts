import {
  type BrotliCompress,
  brotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  type Gzip,
  gzip,
} from 'node:zlib';
import type { Exchange } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import {
  appendField,
  copyFields,
  type Fields,
  fieldValue,
  removeField,
  setField,
} from '../../wire/rules/fields.ts';
import { PassingResponse } from '../../wire/rules/passing-response.ts';
import type { ResponseHead } from '../../wire/rules/response.ts';
import { chooseCoding, isCompressible, mediaType } from './coding.ts';
import type { Coding, CompressionConfig } from './config.ts';

const VARY = fieldName('Vary');
const CONTENT_ENCODING = fieldName('Content-Encoding');
const ETAG = fieldName('ETag');
const ACCEPT_ENCODING = 'accept-encoding';

/** In the middle between time and size; a window of 256 KiB keeps the memory of one answer below 1 MiB. */
const GZIP = { level: 5 };
const BROTLI = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
};
/** What comes piece by piece is of use piece by piece. */
const STREAMS: ReadonlySet<string> = new Set(['text/event-stream', 'application/x-ndjson']);

type Encoder = Gzip | BrotliCompress;

/** The way back to the client, with compression where the answer and the client are for it. As fast as the client, whatever the back end does. */
export class CompressedResponse extends PassingResponse {
  onDrain: (() => void) | undefined = undefined;
  readonly #exchange: Exchange;
  readonly #config: CompressionConfig;
  #encoder: Encoder | undefined;
  #flushes: boolean = false;

  constructor(exchange: Exchange, config: CompressionConfig) {
    super(exchange.answer);
    this.#exchange = exchange;
    this.#config = config;
  }

  start(head: ResponseHead): void {
    const { shaped, coding } = this.#shape(head);
    this.inner.onDrain = () => this.onDrain?.();
    this.inner.start(shaped);
    if (coding === undefined || this.#exchange.request.method === 'HEAD' || this.state !== 'started') return;
    this.#flushes = STREAMS.has(mediaType(head.fields));
    this.#encode(coding === 'br' ? createBrotliCompress(BROTLI) : createGzip(GZIP));
  }

  write(chunk: Buffer): boolean {
    if (this.#encoder === undefined) return this.inner.write(chunk);
    const takesMore = this.#encoder.write(chunk);
    if (this.#flushes) this.#encoder.flush();
    return takesMore;
  }

  end(trailers?: Fields): void {
    if (this.#encoder === undefined) {
      this.inner.end(trailers);
      return;
    }
    this.#encoder.on('end', () => this.inner.end(trailers));
    this.#encoder.end();
  }

  send(head: ResponseHead, body: Buffer | string): void {
    const { shaped, coding } = this.#shape({ ...head, bodyBytes: Buffer.byteLength(body) });
    if (coding === undefined || this.#exchange.request.method === 'HEAD') {
      this.inner.send(shaped, body);
      return;
    }
    const compressed = (error: Error | null, coded: Buffer) => {
      if (this.state !== 'open') return;
      if (error === null) this.inner.send({ ...shaped, bodyBytes: coded.length }, coded);
      else this.inner.abort();
    };
    if (coding === 'br') brotliCompress(body, BROTLI, compressed);
    else gzip(body, GZIP, compressed);
  }

  override abort(): void {
    this.#encoder?.destroy();
    this.inner.abort();
  }

  #encode(encoder: Encoder): void {
    const inner = this.inner;
    this.#encoder = encoder;
    encoder.on('data', (chunk: Buffer) => {
      if (!inner.write(chunk)) encoder.pause();
    });
    encoder.on('drain', () => this.onDrain?.());
    encoder.on('error', () => inner.abort());
    inner.onDrain = () => encoder.resume();
    const { onClose } = inner;
    inner.onClose = () => {
      encoder.destroy();
      onClose?.();
    };
  }

  /** The head as the client gets it, and the coding of its body. */
  #shape(head: ResponseHead): { readonly shaped: ResponseHead; readonly coding: Coding | undefined } {
    const isUnchanged = head.status === 304;
    if (!isUnchanged && !isCompressible(head, this.#config)) return { shaped: head, coding: undefined };
    const fields = copyFields(head.fields);
    addVary(fields);
    const coding = this.#chooseCoding(fields);
    if (coding === undefined) return { shaped: { ...head, fields }, coding };
    weaken(fields);
    if (isUnchanged) return { shaped: { ...head, fields }, coding: undefined };
    setField(fields, CONTENT_ENCODING, coding);
    removeField(fields, 'accept-ranges'); // of the answer as it was
    return { shaped: { ...head, fields, bodyBytes: undefined }, coding };
  }

  /** A secret beside what others make the client send can be found out by the length of the two together. */
  #chooseCoding(answer: Fields): Coding | undefined {
    const { request, claims, isPersonal } = this.#exchange;
    const accepted = fieldValue(request.fields, ACCEPT_ENCODING);
    if (this.#config.withCredentials) return chooseCoding(accepted, this.#config.codings);
    if (claims !== undefined || isPersonal) return undefined;
    for (const { lower } of request.fields.names)
      if (lower === 'authorization' || lower === 'cookie') return undefined;
    if (answer.names.some(({ lower }) => lower === 'set-cookie')) return undefined;
    return chooseCoding(accepted, this.#config.codings);
  }
}

function addVary(fields: Fields): void {
  const vary = fieldValue(fields, VARY.lower);
  if (vary === undefined) appendField(fields, VARY, 'Accept-Encoding');
  else if (!/(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i.test(vary))
    setField(fields, VARY, `${vary}, Accept-Encoding`);
}

/** RFC 9110 §8.8.1: two codings of one thing are not the same bytes. */
function weaken(fields: Fields): void {
  const tag = fieldValue(fields, ETAG.lower);
  if (tag?.startsWith('"')) setField(fields, ETAG, `W/${tag}`);
}
