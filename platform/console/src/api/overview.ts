import type { Desk } from '../deps.ts';
import { readMessages } from './messages.ts';
import { part } from './partial.ts';
import { listSagas } from './sagas.ts';

/** The map looks back so far. */
const WINDOW_MS = 300_000;

/** What somebody sees first: what needs a hand, who runs, and who talks to whom. */
export async function readOverview(deps: Desk): Promise<object> {
  const nowMs = deps.now();
  const [processes, sagas, messages, edges] = await Promise.all([
    part(deps.processes),
    part(() => listSagas(deps, { query: new URLSearchParams({ status: 'stuck' }) })),
    part(() => readMessages(deps)),
    part(() => deps.telemetry()?.edges.list(nowMs - WINDOW_MS, nowMs) ?? []),
  ]);
  const burning = await part(async () =>
    (await deps.slos()).filter(({ alert }) => alert !== null).map(({ name }) => name),
  );
  const losses = await part(() => deps.telemetry()?.losses() ?? []);
  return {
    nowMs,
    windowMs: WINDOW_MS,
    system: deps.system,
    processes,
    sagas,
    messages,
    edges,
    burning,
    losses,
  };
}
