import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { collect } from '@flotilla/kernel';

export interface KubeAccess {
  /** Of the API server, for example `https://10.0.0.1:443`. */
  readonly url: string;
  /** Its certificate authority. Default: those of the system. */
  readonly ca?: string;
  /** Read before each connection: a token on disk is replaced while the process runs. */
  readonly readToken: () => Promise<string | undefined>;
}

/** The API server has refused a question. */
export class KubeError extends Error {
  readonly status: number;
  readonly retryAfterMs: number;
  constructor(status: number, text: string, retryAfterMs = 0) {
    super(`the API server responded ${status}: ${text}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface KubeApi {
  /** The whole response, as JSON. */
  get(path: string, signal: AbortSignal): Promise<unknown>;
  /**
   * One line of the response after the other. Ends when the server ends it in order; throws when it does not, or when
   * nothing but silence comes for `silenceMs`.
   */
  lines(path: string, signal: AbortSignal, silenceMs: number): AsyncGenerator<string>;
}

/** Headers of a quiet watch come at once; a server that is stopped sends none. */
const HEADERS_TIMEOUT_MS = 5_000;
const BODY_TIMEOUT_MS = 10_000;
/** A slice has up to a thousand endpoints, some 250 bytes each. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_RETRY_AFTER_MS = 30_000;

export function createKubeApi({ url, ca, readToken }: KubeAccess): KubeApi {
  const base = new URL(url);
  const request = base.protocol === 'https:' ? requestHttps : requestHttp;

  async function open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const token = await readToken();
    return await new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, base), {
        agent: false,
        ...(ca !== undefined && { ca }),
        headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      });
      const stop = () => outgoing.destroy(signal.reason as Error);
      const late = setTimeout(
        () => outgoing.destroy(new Error(`the API server gave no response within ${HEADERS_TIMEOUT_MS} ms`)),
        HEADERS_TIMEOUT_MS,
      );
      signal.addEventListener('abort', stop, { once: true });
      outgoing.on('close', () => signal.removeEventListener('abort', stop));
      outgoing.on('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
      outgoing.on('response', (incoming) => {
        clearTimeout(late);
        resolve(incoming);
      });
      if (signal.aborted) stop();
      else outgoing.end();
    });
  }

  /** A response that is not 200 may be of any type: a proxy's page, a plain 429. */
  async function expectOk(incoming: IncomingMessage): Promise<void> {
    const { statusCode = 0, headers } = incoming;
    if (statusCode === 200) return;
    const text = await readText(incoming, 4_096).catch(() => '');
    const afterMs = Number(headers['retry-after']) * 1_000;
    throw new KubeError(statusCode, messageIn(text), afterMs > 0 ? Math.min(MAX_RETRY_AFTER_MS, afterMs) : 0);
  }

  return {
    get: async (path, signal) => {
      const incoming = await open(path, signal);
      incoming.setTimeout(BODY_TIMEOUT_MS, () => incoming.destroy(new Error('the API server fell silent')));
      await expectOk(incoming);
      return JSON.parse(await readText(incoming, MAX_BODY_BYTES)) as unknown;
    },
    lines: async function* (path, signal, silenceMs) {
      const incoming = await open(path, signal);
      incoming.setTimeout(silenceMs, () => incoming.destroy(new Error('the API server fell silent')));
      await expectOk(incoming);
      incoming.setEncoding('utf8');
      let rest = '';
      for await (const chunk of incoming) {
        const parts = (rest + (chunk as string)).split('\n'); // the encoding is set, so chunks are texts
        rest = parts.pop() ?? '';
        if (rest.length > MAX_LINE_BYTES) throw new RangeError('the API server sent a line without an end');
        for (const line of parts) if (line !== '') yield line;
      }
      if (rest !== '') throw new Error('the API server ended within a line');
    },
  };
}

async function readText(incoming: IncomingMessage, maxBytes: number): Promise<string> {
  const body = await collect(incoming, maxBytes);
  if (body === undefined) throw new RangeError(`the API server sent more than ${maxBytes} bytes`);
  return body.toString();
}

/** The message of a `Status`, else the beginning of whatever it is. */
function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === 'string') return message.slice(0, 200);
  } catch {
    // Not JSON, as a page of a proxy: its beginning says enough.
  }
  return text.slice(0, 200).trim();
}
