import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { runInContext } from './context.ts';
import { createLogger, type LoggerOptions } from './logger.ts';
import { newTrace } from './trace/trace-context.ts';

type Line = Record<string, unknown>;

function capture(options: Partial<LoggerOptions> = {}) {
  const texts: string[] = [];
  const logger = createLogger({
    service: 'order',
    destination: { write: (text) => texts.push(text) },
    ...options,
  });
  return { logger, texts, last: () => JSON.parse(texts.at(-1) ?? '{}') as Line };
}

test('a line is one JSON object with ISO time, textual level, service and message', () => {
  const { logger, texts, last } = capture();
  logger.info({ orderId: 'o-1' }, 'order placed');
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? '', /^\{.*\}\n$/);
  const { time, ...rest } = last();
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: 'info', service: 'order', orderId: 'o-1', msg: 'order placed' });
});

test('lines below the level are dropped', () => {
  const { logger, texts } = capture({ level: 'warn' });
  logger.info({}, 'no');
  logger.debug({}, 'no');
  logger.warn({}, 'yes');
  assert.equal(texts.length, 1);
});

test('lines carry the ids of the current trace', () => {
  const { logger, last } = capture();
  const trace = newTrace();
  runInContext({ trace, correlationId: 'c-1' }, () => logger.child({ part: 'x' }).info({}, 'inside'));
  const { trace_id, span_id, correlation_id, part } = last();
  assert.deepEqual(
    { trace_id, span_id, correlation_id, part },
    { trace_id: trace.traceId, span_id: trace.spanId, correlation_id: 'c-1', part: 'x' },
  );
});

test('no spelling and no level of a secret reaches the log', () => {
  const { logger, texts } = capture();
  const child = logger.child({ headers: { Authorization: 'Bearer hunter2', cookie: 'hunter2' } });
  child.info(
    {
      password: 'hunter2',
      accessToken: 'hunter2',
      'set-cookie': ['hunter2'],
      user: {
        refresh_token: 'hunter2',
        deep: { CLIENT_SECRET: 'hunter2', list: [{ token: { a: 'hunter2' } }] },
      },
      err: new PlatformError('X', 'x', { details: { secret: 'hunter2' } }),
    },
    'secrets',
  );
  const line = texts.join('');
  assert.ok(!line.includes('hunter2'), line);
  assert.equal(line.match(/\[redacted\]/g)?.length, 9);
});

test('an error is logged with code, stack and every cause', () => {
  const { logger, last } = capture();
  const socket = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
  const err = new PlatformError('POSTGRES_UNAVAILABLE', 'no connection', {
    retryable: true,
    cause: socket,
    details: { database: 'order' },
  });
  logger.error({ err }, 'query failed');
  const logged = last()['err'] as Line;
  assert.equal(logged['code'], 'POSTGRES_UNAVAILABLE');
  assert.equal(logged['retryable'], true);
  assert.deepEqual(logged['details'], { database: 'order' });
  assert.match(String(logged['stack']), /logger\.test\.ts/);
  assert.equal((logged['cause'] as Line)['code'], 'ECONNREFUSED');
});

test('what JSON cannot say is logged anyway: bigint, cycles, collections, dates', () => {
  const { logger, last } = capture();
  const cycle: Line = { name: 'cycle' };
  cycle['self'] = cycle;
  const error = new Error('self-caused');
  error.cause = error;
  logger.info({ big: 10n, cycle, seen: new Set([1]), at: new Date(0), err: error }, 'odd');
  const line = last();
  assert.equal(line['big'], '10');
  assert.equal(line['seen'], '[Set of 1]');
  assert.equal(line['at'], '1970-01-01T00:00:00.000Z');
  assert.equal(line['msg'], 'odd');
});
