import type { SqlValue } from '@flotilla/postgres';
import type { Desk, PartQuery, RecordConfig } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { textOf } from './input.ts';
import { part } from './partial.ts';
import { findSaga } from './sagas.ts';

const SHOWN = 100;

function recordOf({ records }: Desk, kind: string): RecordConfig {
  const found = Object.hasOwn(records, kind) ? records[kind] : undefined;
  if (found === undefined) throw consoleError('CONSOLE_NOT_FOUND', `there are no ${kind} here`);
  return found;
}

/** In a transaction that cannot write, whatever the query is. */
async function rowsOf(deps: Desk, { database, sql }: PartQuery, values: readonly SqlValue[]) {
  return await deps.inDatabase(database, (db) =>
    db.transaction(async (tx) => {
      await tx.query('SET TRANSACTION READ ONLY');
      return await tx.query<Record<string, unknown>>(sql, values);
    }),
  );
}

export async function listRecords(deps: Desk, kind: string, query: URLSearchParams): Promise<object> {
  const record = recordOf(deps, kind);
  const rows = await rowsOf(deps, record.list, [textOf(query, 'search') ?? '', SHOWN]);
  return { title: record.title, rows };
}

/** Everything about one: each part from where it lies; a part that is away is named, and the page is there without it. */
export async function findRecord(deps: Desk, kind: string, id: string): Promise<object> {
  const record = recordOf(deps, kind);
  if (!/^[\w-]{1,64}$/.test(id)) throw consoleError('CONSOLE_NOT_FOUND', 'no such id');
  const [parts, saga, traces, logs] = await Promise.all([
    Promise.all(
      record.parts.map(async (one) => ({ title: one.title, ...(await part(() => rowsOf(deps, one, [id]))) })),
    ),
    part(() => sagaOf(deps, record, id)),
    part(() => tracesOf(deps, record, id)),
    part(() => deps.telemetry()?.logs.list({ text: id, limit: 300 }).toReversed() ?? []),
  ]);
  if (parts[0]?.ok && parts[0].value.length === 0)
    throw consoleError('CONSOLE_NOT_FOUND', `${record.title}: none has the id ${id}`);
  return { title: record.title, id, parts, saga, traces, logs };
}

async function sagaOf(deps: Desk, { saga }: RecordConfig, id: string) {
  if (saga === undefined) return null;
  const [row] = await rowsOf(deps, saga, [id]);
  const sagaId = row?.['saga_id'];
  return sagaId === undefined ? null : await findSaga(deps, saga.database, String(sagaId));
}

/** By what spans say of it, and by the lines of logs that name it. */
function tracesOf(deps: Desk, { spanAttributes = [] }: RecordConfig, id: string) {
  const reader = deps.telemetry();
  if (reader === undefined) return [];
  const bySpan = spanAttributes.flatMap((name) => reader.traces.withAttribute(name, id, 20));
  const byLog = reader.logs.list({ text: id, limit: 300 }).flatMap(({ traceId }) => traceId ?? []);
  const known = new Set(bySpan.map(({ traceId }) => traceId));
  const more = [...new Set(byLog)].filter((traceId) => !known.has(traceId)).slice(0, 20);
  const found = more.flatMap((traceId) => {
    const trace = reader.traces.find(traceId);
    if (trace === undefined) return [];
    const { details: _, startNs: __, ...summary } = trace;
    return [summary];
  });
  return [...new Map([...bySpan, ...found].map((trace) => [trace.traceId, trace])).values()];
}
