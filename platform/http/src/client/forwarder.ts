import { Readable } from 'node:stream';
import type { Balancer } from '@flotilla/discovery';
import { type Attempt, createEdges, DRAINING_FIELD, type Edges, sufferFault } from '@flotilla/resilience';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { createCallObserver, failedResponse, hopFields } from './call.ts';
import { errorsOf, judge } from './client.ts';
import { faultForms } from './fault-forms.ts';
import { createTransport, type OpenResponse, type WireRequest, type WireResponse } from './transport.ts';

export interface ForwarderOptions {
  /** The discovery name of the service that requests go on to. */
  readonly service: string;
  readonly pick: Balancer['pick'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly edges?: Edges;
  /** Longest wait for the head of a response, retries included; the current request's deadline may shorten it. Default 30,000 ms. */
  readonly timeoutMs?: number;
  /** Connections per instance; further requests wait for one. Default 64. */
  readonly maxConnections?: number;
}

export interface ForwardedRequest extends WireRequest {
  /** Names it in metrics: the template of its path. */
  readonly route: string;
}

export type ForwardedResponse = OpenResponse;

/** Sends requests on whose contract is not known here: bytes in, bytes out. */
export interface Forwarder {
  /**
   * Any response, as soon as its head is there; its body is read to the end or destroyed by the caller. GET and HEAD are sent again
   * elsewhere while no instance has responded. Throws `HTTP_UNAVAILABLE`, `HTTP_TIMEOUT`, `HTTP_ABORTED`, and the errors of
   * `ResilienceErrorCode` when nothing was sent.
   */
  forward(request: ForwardedRequest, signal: AbortSignal): Promise<ForwardedResponse>;
  close(): Promise<void>;
}

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { service, pick, logger, metrics } = options;
  const observed = createCallObserver(service, metrics);
  const transport = createTransport({ maxConnections: options.maxConnections ?? 64 });
  const edges = options.edges ?? createEdges({ caller: 'forwarder', logger, metrics });
  const edge = edges.to(service, {
    deadlineMs: options.timeoutMs ?? 30_000,
    judge,
    errors: errorsOf(service),
  });

  async function tryOnce(request: WireRequest, attempt: Attempt, failed: Failed): Promise<OpenResponse> {
    const endpoint = await edge.choose(attempt, (exclude) => pick(service, { exclude }));
    return await edge.at(endpoint, attempt, async () => {
      const send = () =>
        transport.open(`http://${endpoint.host}:${endpoint.port}`, ready(request, attempt), attempt);
      const fault = edge.injected();
      const response = await (fault === undefined
        ? send()
        : sufferFault(fault, attempt, faultForms(send, streamed)));
      if (response.headers[DRAINING_FIELD] !== undefined) edge.drained(endpoint.id);
      if (response.status < 500) return response;
      failed.response?.body.destroy();
      failed.response = response;
      throw failedResponse(service, failed.to, response);
    });
  }

  return {
    forward: async ({ route, ...request }, signal) => {
      const repeatable = request.method === 'GET' || request.method === 'HEAD';
      const failed: Failed = { to: `${request.method} ${route}` };
      try {
        const response = await observed({ method: request.method, route }, () =>
          edge.policy((attempt) => tryOnce(request, attempt, failed), { repeatable, signal }),
        );
        failed.response?.body.destroy();
        return response;
      } catch (error) {
        // What the service itself said about its fault is better than what can be said about it here.
        if (failed.response !== undefined && !signal.aborted) return failed.response;
        failed.response?.body.destroy();
        throw error;
      }
    },
    close: () => transport.close(),
  };
}

interface Failed {
  readonly to: string;
  response?: OpenResponse;
}

function streamed(response: WireResponse): OpenResponse {
  return { ...response, body: Readable.from([Buffer.from(response.body)]) };
}

function ready(request: WireRequest, attempt: Attempt): WireRequest {
  return { ...request, headers: { ...request.headers, ...hopFields(attempt) } };
}
