import type { Clock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { Lifetimes } from './lifetimes.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import { hashOf } from './rotation.ts';
import type { ProviderScope } from './scope.ts';
import type { Sessions } from './sessions.ts';

export interface RecordsOptions {
  readonly scope: ProviderScope;
  readonly clock: Pick<Clock, 'now'>;
  readonly lifetimes: Lifetimes;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
}

const SAVE = `
  INSERT INTO auth_record AS r (model, id_hash, payload, grant_id, session_id, uid, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)`;
const OR_REPLACE = `
  ON CONFLICT (model, id_hash) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
    session_id = excluded.session_id, uid = excluded.uid, expires_at = excluded.expires_at`;
const OR_KEEP = ' ON CONFLICT (model, id_hash) DO NOTHING RETURNING model';

const LIVES = `
  r.expires_at > $3 AND (r.session_id IS NULL OR EXISTS (
    SELECT 1 FROM auth_session s WHERE s.id = r.session_id AND s.ended_at IS NULL AND s.idle_until > $3))`;
const FIND = `
  SELECT r.payload, r.consumed_at FROM auth_record r WHERE r.model = $1 AND r.id_hash = $2 AND ${LIVES}`;
const FIND_BY_UID = `
  SELECT r.payload, r.consumed_at FROM auth_record r WHERE r.model = $1 AND r.uid = $2 AND ${LIVES}
  ORDER BY r.expires_at DESC LIMIT 1`;
const LOCK_SESSION = `
  SELECT s.id FROM auth_session s JOIN auth_record r ON r.session_id = s.id
  WHERE r.model = $1 AND r.id_hash = $2 FOR NO KEY UPDATE OF s`;

/** What is used up by its use, so that exactly one use may win. */
const USED_ONCE = new Set(['AuthorizationCode', 'PushedAuthorizationRequest', 'DeviceCode']);

interface Row {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly consumed_at: Date | null;
}

/** Where the provider keeps what it issues. Ids are hashed; what is used once is locked from its look-up to COMMIT. */
export function createRecords(options: RecordsOptions): AdapterFactory {
  return (model) => {
    if (model === 'RefreshToken') return refreshTokenRecords(options);
    if (model === 'Session') return sessionRecords(options);
    if (model === 'ReplayDetection') return onceRecords(options);
    return records(model, options);
  };
}

function records(model: string, options: RecordsOptions): Adapter {
  const { scope, clock } = options;
  const repeatMs = options.lifetimes.repeatSeconds * 1_000;

  async function find(id: string): Promise<AdapterPayload | undefined> {
    const inTransaction = scope.current() !== undefined;
    const isLocked = inTransaction && USED_ONCE.has(model);
    // First the session, then what hangs on it: the order in which a logout takes them.
    if (isLocked) await scope.on().query(LOCK_SESSION, [model, hashOf(id)]);
    const sql = isLocked ? `${FIND} FOR UPDATE OF r` : FIND;
    const [row] = await scope.on().query<Row>(sql, [model, hashOf(id), clock.now()]);
    if (row === undefined) return undefined;
    const { consumed_at: usedAt } = row;
    const grantId = row.payload['grantId'];
    // A client whose response was lost sends its code again: refused, but what the first time gave stays.
    if (usedAt !== null && typeof grantId === 'string' && clock.now().getTime() - usedAt.getTime() < repeatMs)
      scope.current()?.spared.add(grantId);
    return toPayload(row, id);
  }

  return {
    upsert: (id, payload, expiresInSeconds) =>
      save(scope.on(), { model, id, payload, expiresInSeconds, clock, onConflict: OR_REPLACE }).then(noValue),
    find,
    findByUid: async (uid) => {
      const [row] = await scope.on().query<Row>(FIND_BY_UID, [model, uid, clock.now()]);
      return row && toPayload(row, undefined);
    },
    findByUserCode: async () => undefined,
    consume: async (id) => {
      const used = await scope
        .on()
        .query(
          'UPDATE auth_record SET consumed_at = $3 WHERE model = $1 AND id_hash = $2 AND consumed_at IS NULL RETURNING model',
          [model, hashOf(id), clock.now()],
        );
      if (used.length === 0) throw new errors.InvalidGrant('already used');
    },
    destroy: async (id) => {
      if (model === 'Grant' && scope.current()?.spared.has(id)) return;
      await scope
        .on()
        .query('DELETE FROM auth_record WHERE model = $1 AND id_hash = $2', [model, hashOf(id)]);
    },
    revokeByGrantId: async (grantId) => {
      if (scope.current()?.spared.has(grantId)) return;
      await scope.on().query('DELETE FROM auth_record WHERE model = $1 AND grant_id = $2', [model, grantId]);
    },
  };
}

/** A token that was used and comes again in time is shown as unused, and gets the successor that it got before. */
function refreshTokenRecords(options: RecordsOptions): Adapter {
  const { scope, clock, sessions, refreshTokens } = options;
  const plain = records('RefreshToken', options);
  return {
    ...plain,
    upsert: async (id, payload, expiresInSeconds) => {
      const { sessionUid, accountId, clientId } = payload;
      if (sessionUid !== undefined && accountId !== undefined) {
        const clientIds = clientId === undefined ? [] : [clientId];
        // It was locked when the code or the token was looked up.
        await sessions.use(scope.on(), { id: sessionUid, accountId, clientIds });
      }
      const record = { model: 'RefreshToken', id, payload, expiresInSeconds, clock, onConflict: OR_KEEP };
      await save(scope.on(), record);
    },
    find: async (id) => {
      const current = scope.current();
      if (current === undefined) return await plain.find(id);
      const found = await refreshTokens.lock(current.on, id);
      if (found?.grantId === undefined) return undefined;
      const payload = { ...found.payload, jti: id };
      if (found.use === 'replay') return { ...payload, consumed: Math.floor(clock.now().getTime() / 1_000) };
      current.rotating = id;
      return payload;
    },
    consume: async (id) => {
      if (scope.current()?.rotating === undefined) return await plain.consume(id);
      // The window is counted from the first use.
      await scope
        .on()
        .query(
          "UPDATE auth_record SET consumed_at = coalesce(consumed_at, $2) WHERE model = 'RefreshToken' AND id_hash = $1",
          [hashOf(id), clock.now()],
        );
    },
  };
}

/** The cookie's side of a session. A request that was under way while the session ended does not bring it back. */
function sessionRecords(options: RecordsOptions): Adapter {
  const { scope, clock, sessions } = options;
  const plain = records('Session', options);
  return {
    ...plain,
    upsert: async (id, payload, expiresInSeconds) => {
      const { uid, accountId } = payload;
      if (uid !== undefined && accountId !== undefined) {
        const { device, address } = scope.current() ?? {};
        const clientIds = Object.keys(payload.authorizations ?? {});
        const lives = await sessions.use(scope.on(), { id: uid, accountId, clientIds, device, address });
        if (!lives) return;
      }
      const session = accountId === undefined ? payload : { ...payload, sessionUid: uid };
      const record = { id, payload: session as AdapterPayload, expiresInSeconds, clock };
      await save(scope.on(), { ...record, model: 'Session', onConflict: OR_REPLACE });
    },
  };
}

/** Proofs that may come once: of two at the same time the second finds the first one's row. */
function onceRecords(options: RecordsOptions): Adapter {
  const { scope, clock } = options;
  return {
    ...records('ReplayDetection', options),
    upsert: async (id, payload, expiresInSeconds) => {
      const record = { model: 'ReplayDetection', id, payload, expiresInSeconds, clock, onConflict: OR_KEEP };
      if (!(await save(scope.on(), record))) throw new errors.InvalidRequest('the proof was used before');
    },
  };
}

interface NewRecord {
  readonly model: string;
  readonly id: string;
  readonly payload: AdapterPayload;
  readonly expiresInSeconds: number | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly onConflict: string;
}

async function save(on: Queryable, record: NewRecord): Promise<boolean> {
  const { model, id, payload, expiresInSeconds, clock, onConflict } = record;
  const kept = withoutSecrets(payload);
  const rows = await on.query(`${SAVE}${onConflict}`, [
    model,
    hashOf(id),
    JSON.stringify(kept),
    payload.grantId ?? null,
    payload.sessionUid ?? null,
    payload.uid ?? null,
    // Everything that is kept ends: what the library gives no time has its own.
    new Date(clock.now().getTime() + (expiresInSeconds ?? 0) * 1_000),
  ]);
  return rows.length === 1;
}

/** An id is what its bearer shows; an interaction repeats that of the session's cookie, and nothing reads it there. */
function withoutSecrets({ jti: _id, session, ...kept }: AdapterPayload): object {
  if (session === undefined) return kept;
  const { cookie: _cookie, ...rest } = session;
  return { ...kept, session: rest };
}

function toPayload({ payload, consumed_at: usedAt }: Row, id: string | undefined): AdapterPayload {
  return {
    ...payload,
    ...(id !== undefined && { jti: id }),
    ...(usedAt !== null && { consumed: Math.floor(usedAt.getTime() / 1_000) }),
  };
}

const noValue = (): undefined => undefined;
