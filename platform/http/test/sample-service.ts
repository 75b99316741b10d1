import { setTimeout as delay } from 'node:timers/promises';
import { crashPoint } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { defineRoute, handle, ok, readEnvironment, runService, secret, text } from '../src/index.ts';

const hello = defineRoute({
  method: 'GET',
  path: '/hello',
  summary: 'x',
  access: 'public',
  query: s.object({ ms: s.optional(s.integer()) }),
  responses: { 200: s.object({ greeting: s.string() }) },
});

await runService({
  name: 'sample',
  readConfig: (env) => readEnvironment(env, { GREETING: text(), API_KEY: secret() }),
  start: ({ config, logger, defer, background }) => {
    logger.info({ config }, 'starting');
    defer('a', () => logger.info({}, 'disposed a'));
    defer('b', () => logger.info({}, 'disposed b'));
    background('idle', async (signal) => {
      await delay(1e6, undefined, { signal });
    });
    return {
      handlers: [
        handle(hello, async ({ query }) => {
          await delay(query.ms ?? 0);
          crashPoint('sample.before-answer');
          return ok({ greeting: config.GREETING });
        }),
      ],
    };
  },
});
