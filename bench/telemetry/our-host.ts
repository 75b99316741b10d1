/** A service whose requests do what most do, as far as telemetry sees it: each is a span with two operations in it. */
import { createHttpHost, defineRoute, handle, ok } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import {
  createMetrics,
  readTelemetrySettings,
  silentLogger,
  startTelemetry,
  withSpan,
} from '@flotilla/telemetry';
import { runProgram } from '../program.ts';

const show = defineRoute({
  method: 'GET',
  path: '/orders/:id',
  summary: 'Shows an order',
  access: 'public',
  params: s.object({ id: s.string() }),
  responses: { 200: s.object({ id: s.string() }) },
});

const STATEMENT = {
  'db.system.name': 'postgresql',
  'db.namespace': 'order',
  'db.operation.name': 'SELECT',
  'db.query.summary': 'SELECT orders',
};
const IS_CLIENT = { kind: 'client' } as const;

await runProgram(async ({ env }: { readonly env: Readonly<Record<string, string>> }) => {
  const metrics = createMetrics();
  const settings = readTelemetrySettings(env, (problems) => {
    throw new TypeError(problems.join('\n'));
  });
  const facts = { service: 'bench', version: '1.0.0', instance: 'bench-1', logsSpans: false };
  const telemetry = await startTelemetry({ ...facts, metrics, logger: silentLogger, settings });
  const host = createHttpHost({
    service: 'bench',
    logger: silentLogger,
    metrics,
    readiness: {},
    handlers: [
      handle(show, async ({ params }) => {
        for (let index = 0; index < 2; index += 1)
          await withSpan('SELECT orders', STATEMENT, work, IS_CLIENT);
        return ok({ id: params.id });
      }),
    ],
  });
  const { url } = await host.listen();
  return {
    commands: { url: async () => url, cpu: async () => process.cpuUsage() },
    close: async () => {
      await host.close();
      await telemetry.close();
    },
  };
});

async function work(): Promise<void> {
  await Promise.resolve();
}
