/** One instance of a service that waits a while, asks the service below it if there is one, and answers; or always fails. */
import { createBalancer, createStaticResolver } from '@flotilla/discovery';
import { createHttpClient, createHttpHost, handle, ok } from '@flotilla/http';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { runProgram } from '../program.ts';
import { work } from './work-route.ts';

interface Settings {
  readonly delayMs: number;
  readonly fails?: boolean;
  /** Port of the service below. */
  readonly below?: number;
}

await runProgram(async ({ delayMs, fails = false, below }: Settings) => {
  const observed = { logger: silentLogger, metrics: createMetrics() };
  const resolver = createStaticResolver({ below: below === undefined ? [] : [`127.0.0.1:${below}`] });
  const client = createHttpClient({ service: 'below', pick: createBalancer(resolver).pick, ...observed });
  let requests = 0;
  const host = createHttpHost({
    ...observed,
    service: 'bench',
    readiness: {},
    handlers: [
      handle(work, async () => {
        requests += 1;
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (below !== undefined) await client.call(work, {});
        if (fails) throw new Error('it is broken'); // answered with 500
        return ok({});
      }),
    ],
  });
  const { port } = await host.listen();
  return {
    commands: { port: async () => port, requests: async () => requests },
    close: async () => {
      await host.close();
      await client.close();
    },
  };
});
