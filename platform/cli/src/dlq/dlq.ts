import { createDeadLetters, type DeadLetter, type DeadLetters, inboxMigrations } from '@flotilla/messaging';
import { flag, type Invocation, text } from '../commands/command.ts';
import { inDatabaseOf, operatorOf } from '../commands/operator.ts';
import { cliError } from '../errors.ts';
import { findRoot, loadSystem } from '../load-system.ts';
import { filterOf, parseId, selectionOf } from './dead-letter-filter.ts';
import { letterDetails, lettersTable, type ServiceLetters } from './dead-letter-view.ts';

/** `flotilla dlq`: the dead letters lie in the database of the service that could not handle them. */
export async function runDlq(invocation: Invocation): Promise<number> {
  const [verb = '', service, id] = invocation.positionals;
  if (verb === 'list' && id === undefined) return await list(invocation, service);
  if (service === undefined) throw cliError('CLI_USAGE', `dlq ${verb} needs a service`);
  switch (verb) {
    case 'show':
      return await show(invocation, service, id);
    case 'redrive':
    case 'discard':
      return await change(invocation, verb, service, id);
    default:
      throw cliError('CLI_USAGE', `dlq knows list, show, redrive and discard, not ${verb}`);
  }
}

async function list(invocation: Invocation, service: string | undefined): Promise<number> {
  const { values } = invocation;
  const consumers = await consumersOf(invocation);
  const services = service === undefined ? consumers : [service];
  const filter = filterOf(values, new Date());
  const after = text(values, 'after');
  const page = { limit: limitOf(invocation), ...(after !== undefined && { after: parseId(after) }) };
  const found: ServiceLetters[] = [];
  for (const name of services) {
    const letters = await inDeadLettersOf(invocation, name, (dead) => dead.list(filter, page));
    found.push({ service: name, ...letters });
  }
  console.log(flag(values, 'json') ? JSON.stringify(found, null, 2) : lettersTable(found));
  return 0;
}

async function show(invocation: Invocation, service: string, id: string | undefined): Promise<number> {
  if (id === undefined) throw cliError('CLI_USAGE', 'dlq show needs the id of a dead letter');
  const letter = await inDeadLettersOf(invocation, service, (dead) => dead.find(parseId(id)));
  if (letter === undefined) throw notFound(service, id);
  console.log(flag(invocation.values, 'json') ? JSON.stringify(letter, null, 2) : letterDetails(letter));
  return 0;
}

async function change(
  invocation: Invocation,
  verb: 'redrive' | 'discard',
  service: string,
  id: string | undefined,
): Promise<number> {
  const { values } = invocation;
  const which = selectionOf(values, id === undefined ? undefined : parseId(id), new Date());
  const operator = operatorOf(values);
  const count = await inDeadLettersOf(invocation, service, (dead) =>
    verb === 'redrive'
      ? dead.redrive(which, { ...operator, force: flag(values, 'force') })
      : dead.discard(which, operator),
  );
  if (count === 0 && id !== undefined) throw notFound(service, id);
  const done = verb === 'redrive' ? `handed to ${service} again` : 'forgotten';
  console.log(flag(values, 'json') ? JSON.stringify({ count }) : `${messagesOf(count)} ${done}.`);
  return 0;
}

function inDeadLettersOf<T>(
  invocation: Invocation,
  service: string,
  work: (dead: DeadLetters) => Promise<T>,
): Promise<T> {
  return inDatabaseOf(invocation, service, async (db) => {
    const [found] = await db.query<{ exists: boolean }>(
      `SELECT to_regclass('inbox_dead_letter') IS NOT NULL AS exists`,
    );
    if (!found?.exists) throw cliError('CLI_UNKNOWN_SERVICE', `${service} consumes no messages`);
    return await work(createDeadLetters(db));
  });
}

/** The services that have an inbox. */
async function consumersOf({ cwd }: Invocation): Promise<readonly string[]> {
  const { services } = await loadSystem(findRoot(cwd));
  return Object.entries(services)
    .filter(([, { database }]) => database?.migrations.some(({ name }) => name === inboxMigrations.name))
    .map(([name]) => name);
}

function limitOf({ values }: Invocation): number {
  const limit = Number(text(values, 'limit') ?? '50');
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw cliError('CLI_USAGE', '--limit is a number from 1 to 10000');
  return limit;
}

function notFound(service: string, id: DeadLetter['id']) {
  return cliError('CLI_NOT_FOUND', `${service} has no dead letter ${id}: flotilla dlq list ${service}`);
}

function messagesOf(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
