import { createServer, type Socket } from 'node:net';
import { newTrace } from '@flotilla/telemetry';
import type { Origin } from '../src/wire/backend/backend-call.ts';
import { createHttp2Listener } from '../src/wire/client/http2/listener.ts';
import type { Incoming } from '../src/wire/client/incoming.ts';
import type { Listener } from '../src/wire/client/listener.ts';
import type { Http2Limits } from '../src/wire/client/options.ts';
import { BAD_GATEWAY, type Refusal, refusalResponse } from '../src/wire/rules/refusal.ts';
import { type BackendBed, testRequest } from './backend-rig.ts';

export interface TestProxy {
  readonly port: number;
  readonly listener: Listener;
  readonly refusals: Refusal[];
  readonly faults: unknown[];
  readonly sockets: Socket[];
}

/** Listens in the clear and hands each request to `onRequest`. */
export async function listenHttp2(
  bed: BackendBed,
  onRequest: (incoming: Incoming) => void,
  limits: Partial<Http2Limits> = {},
  errorBodies: 'problem' | 'empty' = 'problem',
): Promise<TestProxy> {
  const refusals: Refusal[] = [];
  const faults: unknown[] = [];
  const sockets: Socket[] = [];
  const listener = createHttp2Listener({
    timers: bed.timers,
    limits: () => limits,
    errorBodies,
    onRequest,
    onRefused: (refusal) => refusals.push(refusal),
    onFault: (fault) => faults.push(fault),
  });
  const port = await bed.listen(
    createServer((socket) => {
      sockets.push(socket);
      listener.accept(socket);
    }),
  );
  return { port, listener, refusals, faults, sockets };
}

/** Passes a request on, unchanged, and its answer back. */
export function passTo(bed: BackendBed, origin: Origin): (incoming: Incoming) => void {
  return ({ request, body, answer }) => {
    const { method, host, target, fields } = request;
    const outgoing = { method, target: `${target.path}${target.query}`, authority: host, fields, body };
    const call = bed.backendClient.send(origin, testRequest(outgoing), {
      head: (head) => answer.start(head),
      data: (chunk) => {
        if (!answer.write(chunk)) call.pause();
      },
      end: (trailers) => answer.end(trailers),
      error: () => {
        const { head, body } = refusalResponse(BAD_GATEWAY, newTrace().traceId, 'problem');
        if (answer.state === 'open') answer.send(head, body);
        else answer.abort();
      },
      switched: () => answer.abort(),
    });
    answer.onDrain = () => call.resume();
    answer.onClose = () => {
      if (answer.state === 'gone') call.abort();
    };
  };
}
