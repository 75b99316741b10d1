import { createExchange, type Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import { bytesAsBody } from '../pipeline/buffered-body.ts';
import { type CollectedResponse, createCollectedResponse } from '../pipeline/collected-response.ts';
import { addOwnFields } from '../pipeline/refuse.ts';
import type { RouteRuntime } from '../pipeline/route-runtime.ts';
import { readWhole } from '../pipeline/whole-body.ts';
import type { Cors } from '../policies/cors/cors.ts';
import { type JsonPath, select } from '../templates/json-path.ts';
import type { Timers } from '../time/timers.ts';
import type { ClientFieldRules } from '../wire/rules/client-fields.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { appendField, noFields } from '../wire/rules/fields.ts';
import { BAD_GATEWAY, CLIENT_GONE, type Refusal, SERVICE_UNAVAILABLE } from '../wire/rules/refusal.ts';
import { type ByteBudget, createByteBudget } from './byte-budget.ts';
import { decodePart } from './decode-part.ts';
import { mergeParts, type PartResponse, statusSummary } from './merge.ts';
import { partRequest } from './part-request.ts';

/** A part of an aggregate made ready: the route that answers it, and for what values it is called. */
export interface Part {
  readonly key: string;
  readonly route: RouteRuntime;
  /** Called once for each distinct value found in the body of the first part. */
  readonly expansion: { readonly path: JsonPath; readonly parameter: string } | undefined;
}

export interface Aggregate {
  readonly name: string;
  readonly cors: Cors | undefined;
  readonly parts: readonly Part[];
  readonly maxBodyBytes: number;
  readonly strict: boolean;
  /** Of answers that wait for the others, over all aggregates of the process. */
  readonly room: ByteBudget;
  readonly clientFields: ClientFieldRules;
  /** Of code; replaces the merge. */
  readonly merge: AggregateMerge | undefined;
  /** The response to a client whose part was not complete in time. */
  readonly timeoutOf: (route: RouteConfig) => Refusal;
  readonly timers: Timers;
}

/** Makes one response of the parts' answers. */
export type AggregateMerge = (
  parts: readonly PartResponse[],
) => Promise<{ readonly status?: number; readonly contentType?: string; readonly body: string | Buffer }>;

/** Runs the whole chain of a route for one part; resolves with the refusal that ended it. */
export type ServePart = (exchange: Exchange, route: RouteRuntime) => Promise<Refusal | undefined>;

/** Of all parts of one aggregate together. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_CALLS = 100;
const PARALLEL_CALLS = 8;
const CONTENT_TYPE = fieldName('Content-Type');
const AGGREGATE_STATUS = fieldName('X-Aggregate-Status');
const NOT_JSON: Refusal = { status: 500, code: 'aggregate-not-json' };
const TOO_LARGE: Refusal = { status: 502, code: 'aggregate-part-too-large' };
const UNREADABLE: Refusal = { status: 502, code: 'aggregate-part-unreadable' };
const BUSY: Refusal = { ...SERVICE_UNAVAILABLE, code: 'overloaded' };
const TOO_MANY: Refusal = { status: 502, code: 'aggregate-too-many-values' };

/**
 * Asks all parts with the client's request and joins their responses. A part that the gateway refuses ends the whole with that error: the
 * first such part in the order of the keys.
 */
export async function serveAggregate(
  exchange: Exchange,
  aggregate: Aggregate,
  serve: ServePart,
): Promise<Refusal | undefined> {
  const body = await readWhole(exchange.body, aggregate.maxBodyBytes);
  if (!Buffer.isBuffer(body)) return body;
  const running = new Set<() => void>();
  exchange.onGone = () => {
    for (const end of running) end();
  };
  const room = createByteBudget(MAX_BYTES, aggregate.room);
  try {
    return await answerWhole(exchange, aggregate, (part, value) =>
      callPart({ exchange, aggregate, part, body, value, serve, running, room }),
    );
  } finally {
    exchange.onGone = undefined;
    room.giveBack();
  }
}

async function answerWhole(
  exchange: Exchange,
  aggregate: Aggregate,
  call: (part: Part, value?: string) => Promise<CallResponse>,
): Promise<Refusal | undefined> {
  const answers: (PartResponse | Refusal)[] = [];
  let rest = aggregate.parts;
  let document: unknown;
  if (aggregate.parts.some(({ expansion }) => expansion !== undefined)) {
    const [first, ...others] = aggregate.parts;
    if (first === undefined) return NOT_JSON;
    const answer = await call(first);
    if ('code' in answer) return answer;
    document = parse(answer.body);
    if (document === undefined) return NOT_JSON;
    answers.push({ key: first.key, calls: [answer], isList: false });
    rest = others;
  }
  const limited = createLimiter(PARALLEL_CALLS);
  const found = await Promise.all(
    rest.map((part) => responseOf(part, document, (value) => limited(() => call(part, value)))),
  );
  answers.push(...found.filter((answer) => answer !== undefined));

  const parts: PartResponse[] = [];
  for (const answer of answers) {
    if ('code' in answer) return answer;
    parts.push(answer);
  }
  await send(exchange, aggregate, parts);
  return undefined;
}

type CallResponse = PartResponse['calls'][number] | Refusal;

/** `undefined` = the member is absent, because no value was found for it. */
async function responseOf(
  { key, expansion }: Part,
  document: unknown,
  call: (value?: string) => Promise<CallResponse>,
): Promise<PartResponse | Refusal | undefined> {
  const values = expansion && distinctTexts(select(document, expansion.path));
  if (values?.length === 0) return undefined;
  if (values !== undefined && values.length > MAX_CALLS) return TOO_MANY;
  const outcomes = await Promise.all(values === undefined ? [call()] : values.map((value) => call(value)));
  const calls: PartResponse['calls'][number][] = [];
  for (const outcome of outcomes) {
    if ('code' in outcome) return outcome;
    calls.push(outcome);
  }
  return { key, calls, isList: calls.length > 1 };
}

interface Call {
  readonly exchange: Exchange;
  readonly aggregate: Aggregate;
  readonly part: Part;
  readonly body: Buffer;
  readonly value: string | undefined;
  readonly serve: ServePart;
  /** Ended together when the client goes away. */
  readonly running: Set<() => void>;
  readonly room: ByteBudget;
}

async function callPart({
  exchange,
  aggregate,
  part: { route, expansion },
  body,
  value,
  serve,
  running,
  room,
}: Call): Promise<CallResponse> {
  if (exchange.answer.state === 'gone') return CLIENT_GONE;
  let why: Refusal = CLIENT_GONE;
  const end = (refusal: Refusal) => {
    why = refusal;
    answer.abort();
    part.onGone?.();
  };
  const answer = createCollectedResponse(room.take, () => end(room.isFull ? TOO_LARGE : BUSY));
  const { peerAddress, secure, clientCertificate } = exchange;
  const request = partRequest(exchange.request);
  const part = createExchange(
    { request, peerAddress, secure, clientCertificate, answer, body: bytesAsBody(body, request.framing) },
    aggregate.clientFields,
    exchange.trace,
  );
  part.clientAddress = exchange.clientAddress;
  part.values = new Map(exchange.values);
  if (expansion !== undefined && value !== undefined)
    part.values.set(expansion.parameter, encodeURIComponent(value));
  const onGone = () => end(CLIENT_GONE);
  running.add(onGone);
  // Of the whole response, not of its head alone: the other parts wait for it.
  const { timeoutMs } = route.config;
  const deadline = aggregate.timers.after(timeoutMs, () => end(aggregate.timeoutOf(route.config)));
  const refusal = await serve(part, route);
  deadline.cancel();
  running.delete(onGone);
  if (answer.state === 'gone' && why !== CLIENT_GONE) return why;
  return refusal ?? (await outcomeOf(answer, room));
}

async function outcomeOf(answer: CollectedResponse, room: ByteBudget): Promise<CallResponse> {
  if (answer.state !== 'ended') return BAD_GATEWAY;
  const body = await decodePart(answer, MAX_BYTES, room.take);
  if (body === 'unreadable') return UNREADABLE;
  if (body === 'too-large' || (body === 'no-room' && room.isFull)) return TOO_LARGE;
  if (body === 'no-room') return BUSY;
  return { status: answer.status, body };
}

async function send(
  exchange: Exchange,
  { strict, merge }: Aggregate,
  parts: readonly PartResponse[],
): Promise<void> {
  const fields = noFields();
  addOwnFields(fields, exchange, strict);
  const made = merge && (await merge(parts));
  const body = Buffer.from(made?.body ?? mergeParts(parts, strict));
  appendField(fields, CONTENT_TYPE, made?.contentType ?? 'application/json');
  if (!strict) appendField(fields, AGGREGATE_STATUS, statusSummary(parts));
  exchange.answer.send({ status: made?.status ?? 200, reason: '', fields, bodyBytes: body.length }, body);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined; // no JSON document is `undefined`
  }
}

function distinctTexts(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))))];
}

/** Lets `limit` calls run at once, the others wait their turn. */
function createLimiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < limit) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift(); // it takes this one's place
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
