import { taskError } from '@flotilla/process';
import { accountChanged } from '@shop/contracts';
import type { StoredAccount } from '../account-store.ts';
import { emailKey } from '../domain/account.ts';
import { tellOfSecondFactor } from '../features/second-factor.ts';
import { sendLink } from '../features/send-link.ts';
import { type Operator, recordOperation } from '../operator-audit.ts';
import { removeSecondFactorsOf } from '../second-factor/second-factor-store.ts';
import type { Desk } from './desk.ts';
import { type Actions, columns, type Outcome } from './operator-task.ts';

export const USERS: Actions = {
  list: { takes: [], look: (desk) => list(desk, '') },
  find: { takes: ['part of address or name'], look: list },
  show: { takes: ['user'], look: show },
  disable: { takes: ['user'], change: (desk, operator, who = '') => setDisabled(desk, operator, who, true) },
  enable: { takes: ['user'], change: (desk, operator, who = '') => setDisabled(desk, operator, who, false) },
  'send-reset': { takes: ['user'], change: sendReset },
  'remove-second-factor': { takes: ['user'], change: removeSecondFactor },
};

const MOST = 200;

const LIST = `
  SELECT id, email, name, role, disabled_at IS NOT NULL AS disabled, created_at FROM account
  WHERE strpos(email_key, $1) > 0 OR strpos(lower(name), $1) > 0
  ORDER BY created_at DESC, id LIMIT ${MOST}`;

interface Listed {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly disabled: boolean;
  readonly created_at: Date;
}

async function list({ db }: Desk, part = ''): Promise<Outcome> {
  const rows = await db.query<Listed>(LIST, [emailKey(part)]);
  const json = rows.map(({ id, email, name, role, disabled, created_at: createdAt }) => ({
    ...{ id, email, name, role, isDisabled: disabled, createdAt },
  }));
  const lines = json.map((user) => [
    user.id,
    user.email,
    user.role,
    user.isDisabled ? 'disabled' : '',
    user.name,
  ]);
  const more =
    rows.length === MOST ? `\nThe newest ${MOST}: look for the others by a part of their address.` : '';
  return { json, text: lines.length === 0 ? 'Nobody.' : columns(lines) + more };
}

/** By id or address. Throws `TASK_REFUSED` when there is nobody. */
export async function userOf({ accounts }: Desk, who: string): Promise<StoredAccount> {
  const user = (await accounts.find(who)) ?? (await accounts.findByEmail(who));
  if (user === undefined) throw taskError('TASK_REFUSED', `there is no user ${who}; nothing was changed`);
  return user;
}

async function show(desk: Desk, who = ''): Promise<Outcome> {
  const { passwordHash: _hash, version: _version, ...user } = await userOf(desk, who);
  const sessions = await desk.sessions.list(user.id);
  const json = { ...user, sessions: sessions.length };
  const lines = Object.entries(json).map(([name, value]) => [name, valueText(value)]);
  return { json, text: columns(lines) };
}

function valueText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(' ') : String(value ?? '-');
}

const OTHER_ADMINS = `
  SELECT 1 FROM account WHERE role = 'Admin' AND disabled_at IS NULL AND id <> $1 FOR SHARE`;

/** Sessions end with it, and tokens from before are refused; whoever has the password is told when they sign in. */
async function setDisabled(
  desk: Desk,
  operator: Operator,
  who: string,
  isDisabled: boolean,
): Promise<Outcome> {
  const { db, clock, accounts, sessions, outbox } = desk;
  const user = await userOf(desk, who);
  const { id: userId, email } = user;
  const change = isDisabled ? 'disabled' : 'enabled';
  const now = clock.now();
  const ended = await db.transaction(async (tx) => {
    if (isDisabled && user.role === 'Admin' && (await tx.query(OTHER_ADMINS, [userId])).length === 0)
      throw taskError('TASK_REFUSED', `${email} is the last administrator; nothing was changed`);
    if (!(await accounts.setDisabled(tx, userId, isDisabled ? now : null))) return undefined;
    const count = isDisabled ? await sessions.endAll(tx, userId, 'account-disabled') : 0;
    await outbox.publish(tx, accountChanged, { userId, changedAt: now.toISOString(), change });
    const details = { userId, sessionsEnded: count };
    await recordOperation(desk, tx, operator, {
      action: `users.${isDisabled ? 'disable' : 'enable'}`,
      details,
    });
    return count;
  });
  const json = { userId, email, isDisabled, isChanged: ended !== undefined, sessionsEnded: ended ?? 0 };
  if (ended === undefined) return { json, text: `${email} is ${change} already; nothing was changed.` };
  return { json, text: `${email} is ${change}${isDisabled ? `, and ${ended} sessions have ended` : ''}.` };
}

/** The mail that the owner would have asked for. */
async function sendReset(desk: Desk, operator: Operator, who = ''): Promise<Outcome> {
  const user = await userOf(desk, who);
  if (user.isDisabled) throw taskError('TASK_REFUSED', `${user.email} is disabled; nothing was changed`);
  await desk.db.transaction(async (tx) => {
    await sendLink(desk, tx, user, 'reset-password');
    const details = { userId: user.id };
    await recordOperation(desk, tx, operator, { action: 'users.send-reset', details });
  });
  const json = { userId: user.id, email: user.email };
  return { json, text: `${user.email} gets a mail with a link to choose a new password.` };
}

/** For whoever has lost phone and recovery codes: who asks for it has to show otherwise who they are. */
async function removeSecondFactor(desk: Desk, operator: Operator, who = ''): Promise<Outcome> {
  const user = await userOf(desk, who);
  const { id: userId, email } = user;
  const isRemoved = await desk.db.transaction(async (tx) => {
    const removed = await removeSecondFactorsOf(tx, userId);
    const operation = { action: 'users.remove-second-factor', details: { userId } };
    if (!removed) return false;
    await recordOperation(desk, tx, operator, operation);
    await tellOfSecondFactor(desk, tx, user, false);
    return true;
  });
  const text = isRemoved ? 'signs in with the password alone' : 'has no second factor; nothing was changed';
  return { json: { userId, email, isRemoved }, text: `${email} ${text}.` };
}
