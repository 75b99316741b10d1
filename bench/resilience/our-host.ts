/** A host whose only route uses the processor for a while, as a service does that is asked for more than it can. */
import { createHttpHost, defineRoute, handle, ok } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { runProgram } from '../program.ts';

const work = defineRoute({
  method: 'GET',
  path: '/work',
  summary: 'Takes a while',
  access: 'public',
  responses: { 200: s.object({}) },
});

await runProgram(async ({ sheds, busyMs }: { readonly sheds: boolean; readonly busyMs: number }) => {
  const host = createHttpHost({
    service: 'bench',
    logger: silentLogger,
    metrics: createMetrics(),
    readiness: {},
    ...(!sheds && { load: false }),
    handlers: [
      handle(work, async () => {
        await new Promise(setImmediate); // others come in between, as with any request that asks a database
        const endMs = performance.now() + busyMs;
        while (performance.now() < endMs);
        return ok({});
      }),
    ],
  });
  const { port } = await host.listen();
  return { commands: { port: async () => port }, close: () => host.close() };
});
