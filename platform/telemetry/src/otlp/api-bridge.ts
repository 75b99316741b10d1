import type {
  Span as ApiSpan,
  Attributes,
  Context,
  ContextManager,
  Exception,
  Link,
  SpanContext,
  SpanOptions,
  TimeInput,
  Tracer,
} from '@opentelemetry/api';
import { currentContext, runInContext } from '../context.ts';
import type { RecordSpan, SpanAttribute, SpanEvent, SpanKind, SpanLink } from '../trace/span.ts';
import { epochMs, errorName } from '../trace/span.ts';
import {
  childOf,
  formatTraceparent,
  newTrace,
  parseTraceparent,
  type TraceContext,
} from '../trace/trace-context.ts';

type Api = typeof import('@opentelemetry/api');

/** In the order of OpenTelemetry's `SpanKind`. */
const KINDS: readonly SpanKind[] = ['internal', 'server', 'client', 'producer', 'consumer'];
const STATUS_ERROR = 2;
const SAMPLED = 1;

/**
 * Registers this platform as what `@opentelemetry/api` speaks to: libraries that are instrumented with it join our traces, and ours theirs.
 * Whatever is registered before stays. Returns what takes it back.
 */
export async function registerOpenTelemetry(record: RecordSpan): Promise<() => void> {
  const api = await import('@opentelemetry/api');
  const contexts = createContextManager(api);
  const isOurs =
    api.trace.setGlobalTracerProvider({ getTracer: (name) => createTracer(api, name, record) }) &&
    api.context.setGlobalContextManager(contexts);
  api.propagation.setGlobalPropagator({
    inject: (context, carrier, setter) => {
      const span = api.trace.getSpanContext(context);
      if (span !== undefined && api.isSpanContextValid(span))
        setter.set(carrier, 'traceparent', formatTraceparent(toTrace(span)));
    },
    extract: (context, carrier, getter) => {
      const header = getter.get(carrier, 'traceparent');
      const trace = parseTraceparent(typeof header === 'string' ? header : header?.[0]);
      return trace === undefined
        ? context
        : api.trace.setSpanContext(context, { ...toSpanContext(trace), isRemote: true });
    },
    fields: () => ['traceparent'],
  });
  return () => {
    if (!isOurs) return;
    api.trace.disable();
    api.context.disable();
    api.propagation.disable();
  };
}

/** Their context is kept in ours, and the span in it is always the one of ours that runs. */
function createContextManager(api: Api): ContextManager {
  const active = (): Context => {
    const ours = currentContext();
    if (ours === undefined) return api.ROOT_CONTEXT;
    const theirs = (ours.foreign as Context | undefined) ?? api.ROOT_CONTEXT;
    if (api.trace.getSpanContext(theirs)?.spanId === ours.trace.spanId) return theirs;
    return api.trace.setSpanContext(theirs, toSpanContext(ours.trace));
  };
  const run = <A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> => {
    const span = api.trace.getSpanContext(context);
    const call = () => work.call(thisArg as ThisParameterType<F>, ...args);
    const ours = currentContext();
    const trace = span === undefined ? (ours?.trace ?? newTrace()) : toTrace(span);
    return runInContext({ ...ours, trace, foreign: context }, call);
  };
  const manager: ContextManager = {
    active,
    with: run,
    bind: (context, target) =>
      typeof target === 'function'
        ? (function bound(this: unknown, ...args: unknown[]) {
            return run(context, () => target.apply(this, args));
          } as typeof target)
        : target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

function createTracer(api: Api, scope: string, record: RecordSpan): Tracer {
  const startSpan = (name: string, options: SpanOptions = {}, context = api.context.active()): ApiSpan => {
    const parent = options.root === true ? undefined : api.trace.getSpanContext(context);
    const isChild = parent !== undefined && api.isSpanContextValid(parent);
    const trace = isChild ? childOf(toTrace(parent)) : newTrace();
    return createSpan(name, trace, isChild ? parent.spanId : undefined, options, scope, record);
  };
  return {
    startSpan,
    startActiveSpan: (name: string, ...rest: readonly unknown[]) => {
      const work = rest.at(-1) as (span: ApiSpan) => unknown;
      const [options, context] = rest.slice(0, -1) as [SpanOptions?, Context?];
      const parent = context ?? api.context.active();
      const span = startSpan(name, options, parent);
      return api.context.with(api.trace.setSpan(parent, span), () => work(span)) as never;
    },
  };
}

/** A span that foreign code fills and ends; what comes after its end is ignored. */
function createSpan(
  firstName: string,
  trace: TraceContext,
  parentSpanId: string | undefined,
  options: SpanOptions,
  scope: string,
  record: RecordSpan,
): ApiSpan {
  const startedAtMs = options.startTime === undefined ? epochMs() : toMs(options.startTime);
  const attributes: Record<string, SpanAttribute | undefined> = {};
  const events: SpanEvent[] = [];
  const links: SpanLink[] = (options.links ?? []).map(toLink);
  let name = firstName;
  let error: string | undefined;
  let isOpen = true;
  const add = (more: Attributes = {}) => {
    for (const [key, value] of Object.entries(more)) attributes[key] = plain(value);
  };
  add(options.attributes);
  const span: ApiSpan = {
    spanContext: () => toSpanContext(trace),
    setAttribute: (key, value) => {
      if (isOpen) attributes[key] = plain(value);
      return span;
    },
    setAttributes: (more) => {
      if (isOpen) add(more);
      return span;
    },
    addEvent: (event, given, at) => {
      const hasAttributes = given !== undefined && !isTime(given);
      const time = hasAttributes ? at : ((given as TimeInput | undefined) ?? at);
      if (isOpen)
        events.push({
          name: event,
          atMs: time === undefined ? epochMs() : toMs(time),
          ...(hasAttributes && { attributes: plainAll(given as Attributes) }),
        });
      return span;
    },
    addLink: (link) => {
      if (isOpen) links.push(toLink(link));
      return span;
    },
    addLinks: (more) => {
      if (isOpen) links.push(...more.map(toLink));
      return span;
    },
    setStatus: ({ code, message }) => {
      if (isOpen) error = code === STATUS_ERROR ? (message ?? error ?? 'error') : undefined;
      return span;
    },
    updateName: (next) => {
      if (isOpen) name = next;
      return span;
    },
    isRecording: () => isOpen,
    recordException: (exception, at) => {
      if (isOpen) events.push(exceptionEvent(exception, at));
    },
    end: (at) => {
      if (!isOpen) return;
      isOpen = false;
      const durationMs = (at === undefined ? epochMs() : toMs(at)) - startedAtMs;
      record({
        ...{ name, trace, startedAtMs, durationMs, attributes, scope },
        kind: KINDS[options.kind ?? 0] ?? 'internal',
        ...(parentSpanId !== undefined && { parentSpanId }),
        ...(links.length > 0 && { links }),
        ...(events.length > 0 && { events }),
        ...(error !== undefined && { error }),
      });
    },
  };
  return span;
}

function exceptionEvent(exception: Exception, at: TimeInput | undefined): SpanEvent {
  const isText = typeof exception === 'string';
  return {
    name: 'exception',
    atMs: at === undefined ? epochMs() : toMs(at),
    attributes: {
      'exception.type': isText ? 'Error' : (exception.name ?? errorName(exception)),
      'exception.message': isText ? exception : exception.message,
      'exception.stacktrace': isText ? undefined : exception.stack,
    },
  };
}

function toTrace({ traceId, spanId, traceFlags }: SpanContext): TraceContext {
  return { traceId, spanId, sampled: (traceFlags & SAMPLED) === SAMPLED };
}

function toSpanContext({ traceId, spanId, sampled }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: sampled ? SAMPLED : 0 };
}

function toLink({ context }: Link): SpanLink {
  return { traceId: context.traceId, spanId: context.spanId };
}

/** Lists become text: attributes here are single values. */
function plain(value: unknown): SpanAttribute | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

function plainAll(attributes: Attributes): Record<string, SpanAttribute | undefined> {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, plain(value)]));
}

function isTime(value: unknown): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || Array.isArray(value);
}

/** A date, seconds with nanoseconds, or a number: since the epoch, or of the monotonic clock when it is too small for that. */
function toMs(time: TimeInput): number {
  if (time instanceof Date) return time.getTime();
  if (typeof time === 'number') return time < performance.timeOrigin ? epochMs(time) : time;
  return time[0] * 1_000 + time[1] / 1e6;
}
