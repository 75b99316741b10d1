import {
  type GenerationStatus,
  listCategories,
  listProjectionCommands,
  listProjections,
  listStreams,
  openProjectionVerbs,
  readProjectionCommand,
  readStoredEvents,
  requestProjection,
} from '@flotilla/event-store';
import { systemClock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { ConsoleDeps, Desk } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { oneOf, reasonOf, textOf } from './input.ts';
import { openTo } from './open-actions.ts';
import { missingOf, part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

const VERBS = ['rebuild', 'rollback', 'skip', 'resume'] as const;
const ANSWER_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 100;

/** The read models of every service that has an event store: held ones first. */
export async function listAllProjections(deps: Desk): Promise<object> {
  const found = await Promise.all(
    deps.withEvents.map((service) =>
      part(() => deps.inDatabase(service, (db) => projectionsOf(deps, db, service))),
    ),
  );
  const rows = found.flatMap((one) => (one.ok ? one.value.projections : []));
  return {
    projections: rows.toSorted((a, b) => Number(b.isHeld) - Number(a.isHeld)),
    commands: found.flatMap((one) => (one.ok ? one.value.commands : [])),
    missing: missingOf(deps.withEvents, found),
  };
}

async function projectionsOf(deps: Desk, db: Database, service: string) {
  const byName = Map.groupBy(await listProjections(db), ({ name }) => name);
  const projections = [...byName].map(([name, generations]) => ({
    ...{ service, name, generations },
    isHeld: generations.some(({ isHalted, isWaiting }) => isHalted || isWaiting),
    newest: newestOf(generations),
    open: openTo(deps, openProjectionVerbs(generations)),
  }));
  const commands = (await listProjectionCommands(db)).map((command) => ({ service, ...command }));
  return { projections, commands };
}

/** A request names the generation that was the newest: it does nothing once another one has begun. */
function newestOf(generations: readonly GenerationStatus[]): number {
  return Math.max(...generations.map(({ generation }) => generation));
}

/** Asks the service that runs it, and waits a while for what it says; a rebuild goes on behind the answer. */
export async function changeProjection(
  deps: Desk,
  service: string,
  name: string,
  body: ApiRequest['body'],
): Promise<object> {
  known(deps, service);
  const reason = reasonOf(body);
  const verb = oneOf(body['verb'], VERBS, 'verb');
  const outcome = await deps.inDatabase(service, async (db) => {
    const generations = (await listProjections(db)).filter((one) => one.name === name);
    if (generations.length === 0)
      throw consoleError('CONSOLE_NOT_FOUND', `${service} has no projection ${name}`);
    if (body['newest'] !== newestOf(generations))
      throw consoleError('CONSOLE_BAD_REQUEST', 'newest: another generation has begun since you looked');
    if (!openProjectionVerbs(generations).some((open) => open.verb === verb))
      throw consoleError('CONSOLE_BAD_REQUEST', `${verb} is not open for ${name} now`);
    const held =
      generations.find(({ isHalted }) => isHalted) ?? generations.find(({ isWaiting }) => isWaiting);
    const atPosition = verb === 'skip' ? (held?.failedPosition ?? undefined) : undefined;
    const asked = { name, verb, by: deps.operator, ...(atPosition !== undefined && { atPosition }) };
    return await answerTo(db, await requestProjection(db, asked));
  });
  const said = `${outcome.status}${outcome.outcome ? `: ${outcome.outcome}` : ''}`;
  await recordChange(deps, {
    what: `projection ${verb}`,
    subject: `${service} ${name}`,
    reason,
    outcome: said,
  });
  if (outcome.status === 'refused') return { ok: false, refusal: { message: outcome.outcome } };
  return { ok: true, status: said };
}

async function answerTo(db: Database, id: string) {
  for (const untilMs = performance.now() + ANSWER_WITHIN_MS; ; ) {
    const command = await readProjectionCommand(db, id);
    if (command === undefined) throw consoleError('CONSOLE_UNAVAILABLE', 'the request has vanished');
    if (command.status !== 'pending' || performance.now() >= untilMs) return command;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** Streams of one service, or of all, those with the newest events first. */
export async function listAllStreams(deps: Desk, { query }: Pick<ApiRequest, 'query'>): Promise<object> {
  const wanted = textOf(query, 'service');
  if (wanted !== undefined) known(deps, wanted);
  const id = textOf(query, 'search');
  const category = textOf(query, 'category');
  const services = wanted === undefined ? deps.withEvents : [wanted];
  const found = await Promise.all(
    services.map((service) =>
      part(() =>
        deps.inDatabase(service, async (db) => ({
          categories: await listCategories(db),
          streams: (await listStreams(db, { ...(id && { id }), ...(category && { category }) })).map(
            (stream) => ({
              service,
              ...stream,
            }),
          ),
        })),
      ),
    ),
  );
  const streams = found.flatMap((one) => (one.ok ? one.value.streams : []));
  return {
    services: deps.withEvents,
    categories: [...new Set(found.flatMap((one) => (one.ok ? one.value.categories : [])))],
    streams: streams.toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime()).slice(0, 100),
    missing: missingOf(services, found),
  };
}

export async function findStream(deps: Desk, service: string, id: string): Promise<object> {
  known(deps, service);
  const events = await deps.inDatabase(service, (db) => readStoredEvents(db, id));
  if (events.length === 0) throw consoleError('CONSOLE_NOT_FOUND', `${service} has no stream ${id}`);
  return { service, id, events };
}

function known({ withEvents }: ConsoleDeps, service: string): void {
  if (!withEvents.includes(service)) throw consoleError('CONSOLE_NOT_FOUND', `${service} has no event store`);
}
