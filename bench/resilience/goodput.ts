import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { startProgram } from '../program.ts';
import type { Figures } from '../report.ts';

interface GoodputOptions {
  readonly sheds: boolean;
  /** For each rate. */
  readonly seconds: number;
}

const BUSY_MS = 4;
const DEADLINE_MS = 1_000;
const TIMES = [1, 2, 5, 10] as const;

/**
 * Responses in time a second, at 1 to 10 times of what one core can do. Requests come at their time whatever became of those
 * before them.
 */
export async function measureGoodput({ sheds, seconds }: GoodputOptions): Promise<Figures> {
  const host = await startProgram(join(import.meta.dirname, 'our-host.ts'), {
    settings: { sheds, busyMs: BUSY_MS },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 2_000 });
  try {
    const port = await host.ask<number>('port');
    const capacity = await closedLoop(port, agent, seconds);
    const figures: Record<string, number> = { 'capacity /s': capacity };
    for (const times of TIMES)
      figures[`${times} × /s`] = await openLoop(port, agent, capacity * times, seconds);
    return figures;
  } finally {
    agent.destroy();
    await host.stop();
  }
}

/** `true` when the response was good and in time. */
function ask(port: number, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const startedAtMs = performance.now();
    const headers = { 'x-request-deadline': String(DEADLINE_MS) };
    const request = get({ host: '127.0.0.1', port, path: '/work', agent, headers }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve(response.statusCode === 200 && performance.now() - startedAtMs <= DEADLINE_MS),
      );
      response.once('error', () => resolve(false));
    });
    request.once('error', () => resolve(false));
  });
}

async function closedLoop(port: number, agent: Agent, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1_000;
  let done = 0;
  const caller = async () => {
    while (performance.now() < endMs) if (await ask(port, agent)) done += 1;
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  return done / seconds;
}

async function openLoop(port: number, agent: Agent, perSecond: number, seconds: number): Promise<number> {
  const startedAtMs = performance.now();
  const running: Promise<boolean>[] = [];
  for (let passedMs = 0; passedMs < seconds * 1_000; passedMs = performance.now() - startedAtMs) {
    while (running.length < (passedMs * perSecond) / 1_000) running.push(ask(port, agent));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const good = (await Promise.all(running)).filter(Boolean).length;
  return good / seconds;
}
