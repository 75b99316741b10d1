import type { ConsoleDeps, IdentityDesk } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { oneOf, reasonOf, textOf } from './input.ts';
import { part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

/** Each is a process of its own, which has to start first. */
const TASK_MS = 15_000;

function deskOf({ identity }: ConsoleDeps): IdentityDesk {
  if (identity === undefined) throw consoleError('CONSOLE_NOT_FOUND', 'nobody here issues tokens');
  return identity;
}

/** Accounts, applications and signing keys. */
export async function readIdentity(deps: ConsoleDeps, { query }: Pick<ApiRequest, 'query'>): Promise<object> {
  const { ask, keys } = deskOf(deps);
  const search = textOf(query, 'search');
  const [users, clients, signing] = await Promise.all([
    part(() => (search === undefined ? ask('users', 'list') : ask('users', 'find', search)), TASK_MS),
    part(() => ask('clients', 'list'), TASK_MS),
    part(keys),
  ]);
  return { users, clients, keys: signing };
}

/** One account, and where it is signed in. */
export async function findUser(deps: ConsoleDeps, id: string): Promise<object> {
  const { ask } = deskOf(deps);
  const [user, sessions] = await Promise.all([
    ask('users', 'show', id),
    part(() => ask('sessions', 'list', id), TASK_MS),
  ]);
  return { user, sessions };
}

/** What each is called on the command line. What shows a secret is done there alone. */
const CHANGES = {
  'end-session': ['sessions', 'end'],
  'end-all-sessions': ['sessions', 'end-all'],
  'disable-user': ['users', 'disable'],
  'enable-user': ['users', 'enable'],
  'rotate-keys': ['rotate-keys'],
} as const;

/** Recorded by the service that issues tokens, too, in the transaction of the change. */
export async function changeIdentity(deps: ConsoleDeps, body: ApiRequest['body']): Promise<object> {
  const { change } = deskOf(deps);
  const reason = reasonOf(body);
  const action = oneOf(body['action'], Object.keys(CHANGES) as (keyof typeof CHANGES)[], 'action');
  const [task, ...verb] = CHANGES[action];
  const { subject = '' } = body;
  if (typeof subject !== 'string' || subject.length > 320)
    throw consoleError('CONSOLE_BAD_REQUEST', 'subject: a user or a session');
  if ((subject === '') !== (action === 'rotate-keys'))
    throw consoleError('CONSOLE_BAD_REQUEST', 'subject: a user or a session, and nothing for keys');
  const given = subject === '' ? verb : [...verb, subject];
  const answer = await change(task, { by: deps.operator, reason }, ...given);
  const outcome = JSON.stringify(answer).slice(0, 500);
  await recordChange(deps, { what: action, subject: subject || 'signing keys', reason, outcome });
  return { done: true };
}
