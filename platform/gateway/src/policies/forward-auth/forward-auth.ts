import type { Exchange, Step } from '../../exchange.ts';
import type { Timers } from '../../time/timers.ts';
import type { BackendClient, Origin } from '../../wire/backend/backend-call.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, type Fields, fieldValue, noFields, removeField } from '../../wire/rules/fields.ts';
import { CLIENT_GONE, type Refusal } from '../../wire/rules/refusal.ts';
import { isPreflight } from '../cors/cors.ts';
import type { ForwardAuthConfig } from './config.ts';

export interface ForwardAuthDeps {
  readonly backendClient: BackendClient;
  readonly timers: Timers;
}

/** Nobody knows whether the client may come in: it may not. */
const UNDECIDED: Refusal = {
  status: 503,
  code: 'authorization-unavailable',
  headers: [['retry-after', '1']],
};
const REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307]);
/** For what is no redirect and no 401 the client learns nothing of the service. */
const PASSED_ON = ['www-authenticate', 'set-cookie', 'location'] as const;
/** As other gateways tell it. */
const TOLD = {
  method: fieldName('X-Forwarded-Method'),
  uri: fieldName('X-Forwarded-Uri'),
  host: fieldName('X-Forwarded-Host'),
  proto: fieldName('X-Forwarded-Proto'),
  for: fieldName('X-Forwarded-For'),
};
const TRACEPARENT = 'traceparent';

/**
 * Asks the service with the method, the URI and some fields of the request, never with its body. 2xx lets it pass, with the fields of the
 * answer that the route names in place of those of the client; 401, 403 and redirects are the client's answer; all else, and no
 * answer in time, is 503. It is asked for each request.
 */
export function compileForwardAuth(
  config: ForwardAuthConfig | undefined,
  { backendClient, timers }: ForwardAuthDeps,
): Step | undefined {
  if (config === undefined) return undefined;
  const origin = originOf(config);
  const answerHeaders = config.answerHeaders.map(fieldName);

  function ask(exchange: Exchange): Promise<Refusal | undefined> {
    const { promise, resolve } = Promise.withResolvers<Refusal | undefined>();
    const end = (refusal: Refusal | undefined): void => {
      deadline.cancel();
      exchange.onGone = undefined;
      resolve(refusal);
    };
    const giveUp = (refusal: Refusal): void => {
      call.abort();
      end(refusal);
    };
    const deadline = timers.after(config?.timeoutMs ?? 0, () => giveUp(UNDECIDED));
    exchange.onGone = () => giveUp(CLIENT_GONE);
    const call = backendClient.send(
      origin,
      {
        method: 'GET',
        target: config?.target ?? '/',
        authority: config?.authority ?? '',
        fields: questionOf(exchange, config?.requestHeaders ?? []),
        body: undefined,
        maxBodyBytes: 0,
        silenceMs: Number.POSITIVE_INFINITY, // the deadline is the limit
        upgrade: false,
        requestId: undefined,
      },
      {
        head: ({ status, fields }) => {
          // What it has to say is in the head; a body would be read for nothing.
          if (status !== 204) call.abort();
          end(judge(exchange, status, fields));
        },
        data: () => undefined,
        end: () => undefined,
        error: () => end(UNDECIDED),
        switched: (_head, socket) => {
          socket.destroy();
          end(UNDECIDED);
        },
      },
    );
    return promise;
  }

  function judge(exchange: Exchange, status: number, answer: Fields): Refusal | undefined {
    if (status >= 200 && status < 300) {
      for (const name of answerHeaders) takeOver(exchange.outgoing.fields, name, answer);
      exchange.isPersonal = true;
      return undefined;
    }
    if (status === 401) return { status, code: 'unauthorized', headers: passedOn(answer) };
    if (status === 403) return { status, code: 'forbidden', headers: passedOn(answer) };
    if (!REDIRECTS.has(status) || fieldValue(answer, 'location') === undefined) return UNDECIDED;
    return { status, code: 'redirect', text: '', headers: passedOn(answer) };
  }

  return (exchange) => (isPreflight(exchange.request) ? undefined : ask(exchange));
}

/** Each line for itself: cookies cannot be joined. */
function passedOn({ names, values }: Fields): readonly (readonly [string, string])[] {
  return names.flatMap(({ lower }, index) =>
    PASSED_ON.some((name) => name === lower) ? [[lower, values[index] ?? ''] as const] : [],
  );
}

/** The back end has the word of the service, or none. */
function takeOver(fields: Fields, name: ReturnType<typeof fieldName>, answer: Fields): void {
  for (const { lower, dashed } of [...fields.names]) if (dashed === name.dashed) removeField(fields, lower);
  const value = fieldValue(answer, name.lower);
  if (value !== undefined) appendField(fields, name, value);
}

function questionOf(exchange: Exchange, wanted: readonly string[]): Fields {
  const { request, outgoing, secure, clientAddress } = exchange;
  const fields = noFields();
  for (const lower of wanted) {
    const value = fieldValue(request.fields, lower);
    if (value !== undefined) appendField(fields, fieldName(lower), value);
  }
  const trace = fieldValue(outgoing.fields, TRACEPARENT);
  if (trace !== undefined) appendField(fields, fieldName(TRACEPARENT), trace);
  const proto = fieldValue(outgoing.fields, TOLD.proto.lower) ?? (secure ? 'https' : 'http');
  for (const [name, value] of [
    [TOLD.method, request.method],
    [TOLD.uri, request.target.path + request.target.query],
    [TOLD.host, request.host],
    [TOLD.proto, proto],
    [TOLD.for, clientAddress],
  ] as const) {
    removeField(fields, name.lower);
    appendField(fields, name, value);
  }
  return fields;
}

function originOf({ secure, host, port, timeoutMs }: ForwardAuthConfig): Origin {
  return {
    key: `forward-auth ${secure ? 'https' : 'http'}://${host}:${port} ${timeoutMs}`,
    ...{ secure, host, port },
    protocol: '1.1',
    verifyCertificate: true,
    connectTimeoutMs: timeoutMs,
    maxConnections: Number.POSITIVE_INFINITY,
    connectionLifetimeMs: 120_000,
  };
}
