import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Slice } from '../src/kubernetes/slices.ts';

type Object = Slice & { readonly metadata: { readonly name: string } };

export interface KubeStandIn {
  readonly url: string;
  readonly requests: { readonly url: string; readonly token: string | undefined }[];
  readonly watches: ReadonlySet<ServerResponse>;
  /** How the next question goes. */
  mode: 'healthy' | 'old' | 'no-list' | 'html' | 'too-many' | 'unauthorized' | 'stopped' | 'ends-at-once';
  /** A continue token is gone once. */
  expiresPage: boolean;
  put(slice: Object): void;
  remove(name: string): void;
  /** An event to all who watch. */
  tell(type: string, object: object): void;
  /** Ends the watches, in order or not. */
  cut(how: 'in order' | 'reset'): void;
  close(): Promise<void>;
}

/** Behaves as the API server of Kubernetes 1.34 was seen to. */
export async function startKubeStandIn(): Promise<KubeStandIn> {
  const slices = new Map<string, Object>();
  const watches = new Set<ServerResponse>();
  const write = (response: ServerResponse, type: string, object: object) =>
    response.write(`${JSON.stringify({ type, object })}\n`);
  const bookmark = (annotations?: object) => ({
    metadata: { resourceVersion: '9', annotations },
    endpoints: null,
  });

  const server = createServer((request, response) => {
    standIn.requests.push({ url: request.url ?? '', token: request.headers.authorization });
    if (standIn.mode === 'stopped') return;
    if (!refused(request, response)) answer(new URL(request.url ?? '', 'http://x').searchParams, response);
  });

  function refused(_request: IncomingMessage, response: ServerResponse): boolean {
    const status = (code: number, reason: string) =>
      response.writeHead(code).end(JSON.stringify({ kind: 'Status', code, message: reason }));
    if (standIn.mode === 'html') response.writeHead(200).end('<html>\nsign in\n</html>\n');
    else if (standIn.mode === 'too-many')
      response.writeHead(429, { 'retry-after': '1' }).end('Too many requests');
    else if (standIn.mode === 'unauthorized') status(401, 'Unauthorized');
    else return false;
    return true;
  }

  function answer(query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (!query.has('watch')) {
      list(query, response);
      return;
    }
    if (standIn.mode === 'ends-at-once') {
      response.end();
      return;
    }
    if (query.has('sendInitialEvents')) {
      if (standIn.mode === 'old') {
        write(response, 'ERROR', { kind: 'Status', code: 500, message: 'RequestWatchProgress is disabled' });
        response.end();
        return;
      }
      for (const slice of slices.values()) write(response, 'ADDED', slice);
      write(response, 'BOOKMARK', bookmark({ 'k8s.io/initial-events-end': 'true' }));
    } else response.flushHeaders();
    watches.add(response);
    response.on('close', () => watches.delete(response));
  }

  /** In pages of one, so that small tests page too. */
  function list(query: URLSearchParams, response: ServerResponse): void {
    const at = Number(query.get('continue') ?? 0);
    if (at > 0 && standIn.expiresPage) {
      standIn.expiresPage = false;
      response.end(JSON.stringify({ kind: 'Status', code: 410, message: 'the token is gone' }));
      return;
    }
    const items = [...slices.values()];
    const next = at + 1 < items.length ? { continue: String(at + 1) } : {};
    const metadata = { resourceVersion: '7', ...next };
    response.end(JSON.stringify({ metadata, items: items.slice(at, at + 1) }));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const standIn: KubeStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    watches,
    mode: 'healthy',
    expiresPage: false,
    put: (slice) => {
      const isNew = !slices.has(slice.metadata.name);
      slices.set(slice.metadata.name, slice);
      standIn.tell(isNew ? 'ADDED' : 'MODIFIED', slice);
    },
    remove: (name) => {
      const slice = slices.get(name);
      slices.delete(name);
      if (slice !== undefined) standIn.tell('DELETED', slice);
    },
    tell: (type, object) => {
      for (const watch of watches) write(watch, type, object);
    },
    cut: (how) => {
      for (const watch of watches) {
        watches.delete(watch);
        if (how === 'in order') watch.end();
        else watch.destroy();
      }
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
  return standIn;
}
