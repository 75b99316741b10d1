/** Visitors who ask for something and, once it is there, ask again. */
import { Agent, get } from 'node:http';
import { runProgram } from '../program.ts';
import { percentile } from '../statistics.ts';

export interface Visit {
  /** Asked for one after another: together they are what a visitor waits for. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly visits: number;
  readonly visitors: number;
}

export interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

await runProgram(async () => {
  const agent = new Agent({ keepAlive: true });

  async function ask(url: string, headers: Visit['headers']): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const request = get(url, { agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
      response.resume().once('end', resolve).once('error', reject);
    });
    request.once('error', reject);
    await promise;
  }

  return {
    commands: {
      visit: async ({ urls, headers, visits, visitors }: Visit): Promise<Waits> => {
        const waits: number[] = [];
        let begun = 0;
        const visitor = async () => {
          while (begun < visits) {
            begun += 1;
            const from = performance.now();
            for (const url of urls) await ask(url, headers);
            waits.push(performance.now() - from);
          }
        };
        await Promise.all(Array.from({ length: visitors }, visitor));
        return { p50Ms: percentile(waits, 0.5), p99Ms: percentile(waits, 0.99) };
      },
    },
    close: async () => agent.destroy(),
  };
});
