import { newTrace } from '@flotilla/telemetry';
import type { Exchange } from '../src/exchange.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { appendField, type Fields, noFields } from '../src/wire/rules/fields.ts';
import type { Method, RequestBody, RequestHead } from '../src/wire/rules/request.ts';
import type { ClientResponse } from '../src/wire/rules/response.ts';

/** What a test of a step says about its request; everything else is that of a plain GET. */
export interface TestRequest {
  readonly method?: Method;
  readonly path?: string;
  readonly query?: string;
  readonly host?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly handshake?: RequestHead['handshake'];
  readonly framing?: RequestHead['framing'];
  readonly version?: RequestHead['version'];
  readonly peerAddress?: string;
  readonly secure?: boolean;
  readonly values?: Readonly<Record<string, string>>;
  readonly claims?: Readonly<Record<string, readonly string[]>>;
}

/** An exchange for steps: what goes to the back end starts as the client's fields that it may forward. */
export function testExchange(test: TestRequest = {}): Exchange {
  const {
    method = 'GET',
    path = '/',
    query = '',
    peerAddress = '192.0.2.1',
    framing = { kind: 'none' },
  } = test;
  const fields = fieldsOf(test.fields ?? []);
  const forwarded = fieldsOf((test.fields ?? []).filter(([name]) => fieldName(name).reserved === 'no'));
  return {
    request: {
      method,
      version: test.version ?? '1.1',
      target: { path, query, withoutParameters: path },
      host: test.host ?? 'shop.test',
      fields,
      connectionNames: [],
      framing,
      handshake: test.handshake ?? 'none',
    },
    body: {} as RequestBody, // no step reads it
    answer: {} as ClientResponse, // no step answers
    peerAddress,
    secure: test.secure ?? false,
    clientCertificate: undefined,
    trace: newTrace(),
    traceparent: undefined,
    startedAtMs: 0,
    clientAddress: peerAddress,
    values: new Map(Object.entries(test.values ?? {})),
    claims: test.claims && new Map(Object.entries(test.claims)),
    isPersonal: false,
    requestId: undefined,
    outgoing: { method, fields: forwarded, query: new Map() },
    answerFields: noFields(),
    route: '',
    onGone: undefined,
    backend: undefined,
    refusal: undefined,
    callerSpanId: undefined,
  };
}

export function fieldsOf(pairs: readonly (readonly [name: string, value: string])[]): Fields {
  const fields = noFields();
  for (const [name, value] of pairs) appendField(fields, fieldName(name), value);
  return fields;
}

/** `['name: value', …]`, in order. */
export function linesOf({ names, values }: Fields): readonly string[] {
  return names.map(({ text }, index) => `${text}: ${values[index]}`);
}
