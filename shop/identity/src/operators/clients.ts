import { taskError } from '@flotilla/process';
import { type Client, hasSecret } from '../oidc/clients.ts';
import { type Operator, recordOperation } from '../operator-audit.ts';
import type { Desk } from './desk.ts';
import { type Actions, columns, type Outcome } from './operator-task.ts';

export const CLIENTS: Actions = {
  list: { takes: [], look: list },
  show: { takes: ['client'], look: show },
  'rotate-secret': {
    takes: ['client'],
    change: (desk, operator, id = '') => rotate(desk, operator, id, DAY_SECONDS),
  },
  // Somebody else has it: those before end at once.
  'replace-secret': { takes: ['client'], change: (desk, operator, id = '') => rotate(desk, operator, id, 0) },
};

/** Long enough to bring the new secret to where the old one is used. */
const DAY_SECONDS = 24 * 3_600;

interface Secret {
  readonly client_id: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

async function secretsOf({ db, clock }: Desk): Promise<readonly Secret[]> {
  return await db.query<Secret>(
    `SELECT client_id, created_at, expires_at FROM auth_client_secret
     WHERE expires_at IS NULL OR expires_at > $1 ORDER BY client_id, created_at`,
    [clock.now()],
  );
}

async function list(desk: Desk): Promise<Outcome> {
  const secrets = await secretsOf(desk);
  const json = desk.clients.map(({ id, name, kind, scopes }) => ({
    ...{ id, name, kind, scopes },
    secrets: secrets.filter((secret) => secret.client_id === id).length,
  }));
  const lines = json.map(({ id, kind, secrets: count, scopes }) => [
    id,
    kind,
    String(count),
    scopes.join(' '),
  ]);
  return { json, text: columns([['client', 'kind', 'secrets', 'scopes'], ...lines]) };
}

function clientOf({ clients }: Desk, id: string): Client {
  const client = clients.find((one) => one.id === id);
  if (client !== undefined) return client;
  const known = clients.map((one) => one.id).join(', ');
  throw taskError('TASK_REFUSED', `there is no client ${id}; there are ${known}. Nothing was changed`);
}

async function show(desk: Desk, id = ''): Promise<Outcome> {
  const client = clientOf(desk, id);
  const secrets = (await secretsOf(desk))
    .filter((secret) => secret.client_id === id)
    .map(({ created_at: createdAt, expires_at: expiresAt }) => ({ createdAt, expiresAt }));
  const json = { ...client, secrets };
  const lines = [
    ...Object.entries(client).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(' ') : String(value),
    ]),
    ...secrets.map(({ createdAt, expiresAt }) => [
      'secret',
      `of ${createdAt.toISOString()}${expiresAt === null ? '' : `, until ${expiresAt.toISOString()}`}`,
    ]),
  ];
  return { json, text: columns(lines) };
}

/** Shown this once. Those before it hold on for so long. */
async function rotate(
  desk: Desk,
  operator: Operator,
  clientId: string,
  overlapSeconds: number,
): Promise<Outcome> {
  const { db, clock, clients, secrets } = desk;
  if (!hasSecret(clientOf(desk, clientId))) {
    const known = clients.filter(hasSecret).map(({ id }) => id);
    const text = `${clientId} is no client with a secret; there are ${known.join(', ')}. Nothing was changed`;
    throw taskError('TASK_REFUSED', text);
  }
  const action = overlapSeconds > 0 ? 'clients.rotate-secret' : 'clients.replace-secret';
  const secret = await db.transaction(async (tx) => {
    await recordOperation(desk, tx, operator, { action, details: { clientId, overlapSeconds } });
    return await secrets.rotate(tx, clientId, overlapSeconds);
  });
  const oldHoldsUntil = new Date(clock.now().getTime() + overlapSeconds * 1_000).toISOString();
  const text = `${secret}\nThis is shown once. Secrets before it hold until ${oldHoldsUntil}.`;
  return { json: { clientId, secret, oldHoldsUntil }, text };
}
