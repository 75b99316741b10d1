import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { collect } from '@flotilla/kernel';

export interface ConsulRequest {
  readonly method: 'GET' | 'PUT';
  /** Below `/v1/`, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Held by the server until something changes: it does not take a connection from other calls. */
  readonly isBlocking?: boolean;
}

export interface ConsulResponse {
  readonly status: number;
  readonly text: string;
  /** `X-Consul-Index`, 0 when there is none or it is no index. */
  readonly index: bigint;
}

/** Consul's HTTP API over a bounded number of kept connections. */
export interface ConsulHttp {
  send(request: ConsulRequest): Promise<ConsulResponse>;
  close(): void;
}

export interface ConsulAddress {
  /** Base of the HTTP API, for example `http://127.0.0.1:8500`. */
  readonly url: string;
  /** For a registry with access control: `CONSUL_HTTP_TOKEN` for Consul's own clients. */
  readonly token?: string;
}

/** Calls that are not held: heartbeats, registrations, first questions. */
const MAX_CALLS = 4;
/** A service with ten thousand instances is about so large; more is no answer of a registry. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024;

export function createConsulHttp({ url, token }: ConsulAddress, maxWatches: number): ConsulHttp {
  const base = new URL('/v1/', url);
  const isSecure = base.protocol === 'https:';
  const newAgent = (maxSockets: number) =>
    isSecure ? new SecureAgent({ keepAlive: true, maxSockets }) : new Agent({ keepAlive: true, maxSockets });
  const calls = newAgent(MAX_CALLS);
  const watches = newAgent(maxWatches);

  function once(options: ConsulRequest): Promise<ConsulResponse> {
    const { method, path, body, timeoutMs, signal, isBlocking = false } = options;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? requestHttps : requestHttp)(new URL(path, base), {
        method,
        agent: isBlocking ? watches : calls,
        headers: {
          ...(token && { 'x-consul-token': token }),
          ...(payload !== undefined && { 'content-type': 'application/json' }),
          ...(method === 'PUT' && { 'content-length': Buffer.byteLength(payload ?? '') }),
        },
      });
      const abort = () => outgoing.destroy(signal?.reason as Error);
      const late = setTimeout(
        () => outgoing.destroy(new Error(`the registry gave no response within ${timeoutMs} ms`)),
        timeoutMs,
      );
      let isAnswered = false;
      outgoing.on('response', (incoming) => {
        isAnswered = true;
        readResponse(incoming).then(resolve, (error: unknown) => {
          outgoing.destroy();
          reject(error as Error);
        });
      });
      outgoing.on('error', (error) => reject(outgoing.reusedSocket ? new ReusedSocketError(error) : error));
      outgoing.on('close', () => {
        clearTimeout(late);
        signal?.removeEventListener('abort', abort);
        if (!isAnswered) reject(new Error('the registry closed the connection'));
      });
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
      outgoing.end(payload);
    });
  }

  return {
    send: async (options) => {
      try {
        return await once(options);
      } catch (error) {
        if (!(error instanceof ReusedSocketError)) throw error;
        // A kept connection that the server had closed: all that is asked here may be asked twice.
        if (!isClosedByServer(error.cause) || options.signal?.aborted) throw error.cause;
      }
      return await once(options);
    },
    close: () => {
      calls.destroy();
      watches.destroy();
    },
  };
}

class ReusedSocketError extends Error {
  override readonly cause: Error;
  constructor(cause: Error) {
    super(cause.message);
    this.cause = cause;
  }
}

function isClosedByServer(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

async function readResponse(incoming: IncomingMessage): Promise<ConsulResponse> {
  const body = await collect(incoming, MAX_RESPONSE_BYTES);
  if (body === undefined) throw new RangeError(`the registry sent more than ${MAX_RESPONSE_BYTES} bytes`);
  return {
    status: incoming.statusCode ?? 0,
    text: body.toString(),
    index: readIndex(incoming.headers['x-consul-index']),
  };
}

function readIndex(header: string | readonly string[] | undefined): bigint {
  return typeof header === 'string' && /^\d{1,20}$/.test(header) ? BigInt(header) : 0n;
}
