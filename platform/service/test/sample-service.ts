import { setTimeout as delay } from 'node:timers/promises';
import { requireScope } from '@flotilla/auth';
import { createHttpClient, defineRoute, handle, noContent, ok } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { readEnvironment, secret, text } from '@flotilla/process';
import { runService } from '../src/index.ts';

// A service for the tests of `runService`: they start it as a process of its own.

const hello = defineRoute({
  method: 'GET',
  path: '/hello',
  summary: 'Answers after a while',
  access: 'public',
  query: s.object({ afterMs: s.optional(s.integer()) }),
  responses: { 200: s.object({ greeting: s.string() }) },
});
const guarded = defineRoute({
  method: 'GET',
  path: '/guarded',
  summary: 'Needs a token',
  access: requireScope('orders.read'),
  responses: { 200: s.object({ greeting: s.string() }) },
});
const relay = defineRoute({ ...guarded, path: '/relay', access: 'public' });
const named = defineRoute({ ...guarded, path: '/named' });
const relayNamed = defineRoute({ ...guarded, path: '/relay-named' });
const fault = defineRoute({
  method: 'POST',
  path: '/fault/:kind',
  summary: 'Goes wrong',
  access: 'public',
  params: s.object({ kind: s.oneOf(['exception', 'rejection', 'background']) }),
  responses: { 204: null },
});

await runService({
  name: 'sample',
  version: '1.2.3',
  readConfig: (env) => readEnvironment(env, { GREETING: text(), API_KEY: secret() }),
  start: ({ config, logger, metrics, pick, tokens, exchange, defer, background }) => {
    const failing = Promise.withResolvers<void>();
    const self = createHttpClient({
      ...{ service: 'sample', pick, logger, metrics },
      ...{ token: tokens('orders.read'), exchange: exchange('sample') },
    });
    logger.info({ config }, 'starting');
    defer('first', () => logger.info({}, 'disposed first'));
    defer('client', self.close);
    defer('second', () => logger.info({}, 'disposed second'));
    background('ticker', async (signal) => {
      await Promise.race([failing.promise, new Promise((end) => signal.addEventListener('abort', end))]);
      logger.info({}, 'ticker ended');
    });
    const faults = {
      exception: () => setImmediate(() => JSON.parse('{')),
      rejection: () => void Promise.reject(new Error('nobody listens')),
      background: () => failing.reject(new Error('the ticker broke')),
    };
    return {
      handlers: [
        handle(hello, async ({ query }) => {
          logger.info({}, 'greeting soon');
          await delay(query.afterMs ?? 0);
          crashPoint('sample.before-answer');
          return ok({ greeting: config.GREETING });
        }),
        handle(guarded, async ({ principal }) => ok({ greeting: principal.clientId ?? principal.subject })),
        handle(named, async ({ principal: { subject, service } }) =>
          ok({ greeting: `${subject} by ${service}` }),
        ),
        handle(relayNamed, async ({ principal, signal }) =>
          ok((await self.call(named, { onBehalfOf: principal.token }, { signal })).body),
        ),
        handle(relay, async ({ signal }) => ok((await self.call(guarded, {}, { signal })).body)),
        handle(fault, async ({ params }) => {
          faults[params.kind]();
          return noContent();
        }),
      ],
    };
  },
});
