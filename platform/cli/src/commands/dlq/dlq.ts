import { createDeadLetters, type DeadLetter, type DeadLetters, inboxMigrations } from '@flotilla/messaging';
import { flag, type Invocation, number, text } from '../../command-line/command.ts';
import { cliError } from '../../errors.ts';
import { type Belongings, inDatabaseOf, operatorOf, servicesWith } from '../operator.ts';
import { filterOf, parseId, selectionOf } from './dead-letter-filter.ts';
import { letterDetails, lettersTable, type ServiceLetters } from './dead-letter-view.ts';

const INBOX: Belongings = {
  table: 'inbox_dead_letter',
  migrations: inboxMigrations.name,
  without: 'consumes no messages',
};

/** `flotilla dlq`: the dead letters lie in the database of the service that could not handle them. */
export async function runDlq(
  verb: 'list' | 'show' | 'redrive' | 'discard',
  invocation: Invocation,
): Promise<number> {
  const [service, id] = invocation.positionals;
  if (verb === 'list') return await list(invocation, service);
  if (service === undefined) throw new TypeError(`dlq ${verb} is declared with a service`);
  if (verb === 'show') return await show(invocation, service, id ?? '');
  return await change(invocation, verb, service, id);
}

async function list(invocation: Invocation, service: string | undefined): Promise<number> {
  const { values } = invocation;
  const services = service === undefined ? await servicesWith(invocation, INBOX) : [service];
  const filter = filterOf(values, new Date());
  const after = text(values, 'after');
  const page = {
    limit: number(values, 'limit') ?? 50,
    ...(after !== undefined && { after: parseId(after) }),
  };
  const found: ServiceLetters[] = [];
  for (const name of services) {
    const letters = await inDeadLettersOf(invocation, name, (dead) => dead.list(filter, page));
    found.push({ service: name, ...letters });
  }
  console.log(flag(values, 'json') ? JSON.stringify(found, null, 2) : lettersTable(found));
  return 0;
}

async function show(invocation: Invocation, service: string, id: string): Promise<number> {
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
  if (flag(values, 'dry-run')) {
    const count = await inDeadLettersOf(invocation, service, (dead) => dead.count(which));
    console.log(
      flag(values, 'json') ? JSON.stringify({ count, isDryRun: true }) : `It would be ${messagesOf(count)}.`,
    );
    return 0;
  }
  const operator = operatorOf(values);
  const perSecond = number(values, 'rate');
  const count = await inDeadLettersOf(invocation, service, (dead) =>
    verb === 'redrive'
      ? dead.redrive(which, {
          ...operator,
          force: flag(values, 'force'),
          ...(perSecond !== undefined && { perSecond }),
        })
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
  return inDatabaseOf(invocation, service, INBOX, (db) => work(createDeadLetters(db)));
}

function notFound(service: string, id: DeadLetter['id']) {
  return cliError('CLI_NOT_FOUND', `${service} has no dead letter ${id}: flotilla dlq list ${service}`);
}

function messagesOf(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
