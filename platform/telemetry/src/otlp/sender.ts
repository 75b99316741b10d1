import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** Where one signal goes, and how. */
export interface SenderOptions {
  readonly url: URL;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** PEM, in place of the system's. */
  readonly ca?: string | undefined;
}

export type SendResult =
  | { readonly is: 'accepted'; readonly rejected: number; readonly message: string }
  /** It can be sent again, after so long if the receiver says so. */
  | { readonly is: 'away'; readonly why: string; readonly afterMs: number | undefined }
  | { readonly is: 'refused'; readonly status: number; readonly message: string };

export interface Sender {
  /** Never throws. */
  send(body: Buffer, signal?: AbortSignal): Promise<SendResult>;
  close(): void;
}

/** Of the answer only so much is looked at. */
const MAX_ANSWER_BYTES = 65_536;
const RETRYABLE: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

const compress = promisify(gzip);

/** Connections stay open between two batches. They are plain sockets: a client that traces itself would never end. */
export function createSender(options: SenderOptions): Sender {
  const { url, timeoutMs, isCompressed } = options;
  const isSecure = url.protocol === 'https:';
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const ask = isSecure ? requestHttps : requestHttp;

  function post(
    body: Buffer,
    signal: AbortSignal,
  ): Promise<{ status: number; answer: Buffer; after?: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...options.headers,
        'content-type': options.contentType,
        'content-length': body.length,
        ...(isCompressed && { 'content-encoding': 'gzip' }),
      };
      const call = ask(url, {
        method: 'POST',
        headers,
        agent,
        signal,
        ...(options.ca && { ca: options.ca }),
      });
      call.once('error', reject);
      call.once('response', (response) => {
        readAnswer(response).then((answer) => {
          const after = response.headers['retry-after'];
          resolve({ status: response.statusCode ?? 0, answer, ...(after !== undefined && { after }) });
        }, reject);
      });
      call.end(body);
    });
  }

  return {
    send: async (body, signal) => {
      const ended = new AbortController();
      const end = () => ended.abort(signal?.reason ?? 'no answer in time');
      const timer = setTimeout(end, timeoutMs);
      signal?.addEventListener('abort', end, { once: true });
      if (signal?.aborted) end();
      try {
        const sent = isCompressed ? await compress(body, { level: 1 }) : body;
        const { status, answer, after } = await post(sent, ended.signal);
        const text = messageOf(answer, options.contentType);
        if (status >= 200 && status < 300) return { is: 'accepted', ...text };
        if (RETRYABLE.has(status)) return { is: 'away', why: `status ${status}`, afterMs: delayOf(after) };
        return { is: 'refused', status, message: text.message };
      } catch (error) {
        const why =
          error instanceof Error ? ((error as { code?: string }).code ?? error.name) : String(error);
        return { is: 'away', why, afterMs: undefined };
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
      }
    },
    close: () => agent.destroy(),
  };
}

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Seconds or a date; nothing else counts. */
function delayOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  const ms = /^\d+$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** What a receiver did not take, and why: of a partial success, of `google.rpc.Status`, or whatever text it wrote. */
export function messageOf(answer: Buffer, contentType: string): { rejected: number; message: string } {
  if (answer.length === 0) return { rejected: 0, message: '' };
  const text = answer.toString('utf8');
  if (contentType !== 'application/json' && answer[0] !== 0x7b) return readProtobuf(answer);
  try {
    const { partialSuccess = {}, message } = JSON.parse(text) as {
      readonly partialSuccess?: Readonly<Record<string, unknown>>;
      readonly message?: unknown;
    };
    const rejected = Object.entries(partialSuccess).find(([name]) => name.startsWith('rejected'))?.[1] ?? 0;
    return { rejected: Number(rejected), message: String(message ?? partialSuccess['errorMessage'] ?? '') };
  } catch {
    return { rejected: 0, message: text.slice(0, 500) };
  }
}

/** Field 1 of a success is the partial one: a number and a text. Field 2 of a status is its text. */
function readProtobuf(bytes: Buffer): { rejected: number; message: string } {
  try {
    const fields = readFields(bytes);
    const partial = fields.get(1);
    const inner = Buffer.isBuffer(partial) ? readFields(partial) : new Map<number, number | Buffer>();
    const message = inner.get(2) ?? fields.get(2);
    return {
      rejected: Number(inner.get(1) ?? 0),
      message: Buffer.isBuffer(message) ? message.toString() : '',
    };
  } catch {
    return { rejected: 0, message: bytes.toString('utf8').slice(0, 500) };
  }
}

function readFields(bytes: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError('the message ends early');
      at += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    const first = varint();
    if (kind === 0) fields.set(Math.floor(tag / 8), first);
    else if (kind === 2) {
      if (at + first > bytes.length) throw new RangeError('the message ends early');
      fields.set(Math.floor(tag / 8), bytes.subarray(at, at + first));
      at += first;
    } else throw new RangeError('not a field of an answer');
  }
  return fields;
}
