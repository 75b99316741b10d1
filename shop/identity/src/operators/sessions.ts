import { taskError } from '@flotilla/process';
import { type Operator, recordOperation } from '../operator-audit.ts';
import type { Desk } from './desk.ts';
import { type Actions, columns, type Outcome } from './operator-task.ts';
import { userOf } from './users.ts';

export const SESSIONS: Actions = {
  list: { takes: ['user'], look: list },
  end: { takes: ['session'], change: end },
  'end-all': { takes: ['user'], change: endAll },
};

async function list(desk: Desk, who = ''): Promise<Outcome> {
  const user = await userOf(desk, who);
  const json = await desk.sessions.list(user.id);
  const lines = json.map(({ id, device, address, clientIds, lastUsedAt }) => [
    ...[id, device ?? '-', address ?? '-', clientIds.join(' '), lastUsedAt.toISOString()],
  ]);
  const head = ['session', 'device', 'address', 'clients', 'last used'];
  return {
    json,
    text: lines.length === 0 ? `${user.email} is signed in nowhere.` : columns([head, ...lines]),
  };
}

async function end(desk: Desk, operator: Operator, sessionId = ''): Promise<Outcome> {
  const ended = await desk.db.transaction(async (tx) => {
    const lived = await desk.sessions.end(tx, sessionId, 'revoked');
    const operation = { action: 'sessions.end', details: { sessionId } };
    if (lived) await recordOperation(desk, tx, operator, operation);
    return lived;
  });
  if (!ended)
    throw taskError('TASK_REFUSED', `there is no session ${sessionId} that lives; nothing was changed`);
  return { json: { sessionId, isEnded: true }, text: `${sessionId} has ended, with all that came of it.` };
}

async function endAll(desk: Desk, operator: Operator, who = ''): Promise<Outcome> {
  const { id: userId, email } = await userOf(desk, who);
  const sessionsEnded = await desk.db.transaction(async (tx) => {
    const count = await desk.sessions.endAll(tx, userId, 'revoked');
    await recordOperation(desk, tx, operator, { action: 'sessions.end-all', details: { userId, count } });
    return count;
  });
  return {
    json: { userId, email, sessionsEnded },
    text: `${email} is signed out of ${sessionsEnded} sessions.`,
  };
}
