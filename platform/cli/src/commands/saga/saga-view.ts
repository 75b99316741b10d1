import type { OpenVerb, SagaDetails, SagaMessageRecord, SagaSummary } from '@flotilla/saga/desk';
import { table } from '../../screen/table.ts';

export function sagaTable(sagas: readonly SagaSummary[]): string {
  const rows = sagas.map((saga) => [
    saga.id,
    `${saga.type}@${saga.version}`,
    saga.status,
    saga.step === undefined ? '-' : `${saga.direction} ${saga.step}`,
    String(saga.attempt),
    saga.lastError ? `${saga.lastError.code}: ${saga.lastError.message}` : (saga.reason?.code ?? '-'),
    time(saga.startedAt),
  ]);
  return table([['SAGA', 'TYPE', 'STATUS', 'STEP', 'ATTEMPT', 'WHY', 'STARTED'], ...rows]);
}

export function parkedTable(messages: readonly SagaMessageRecord[]): string {
  const rows = messages.map((message) => [
    message.messageId,
    message.type,
    message.key ?? message.commandId ?? '-',
    message.note,
    time(message.receivedAt),
  ]);
  return table([['MESSAGE', 'TYPE', 'KEY OR COMMAND', 'WAITS BECAUSE', 'RECEIVED'], ...rows]);
}

/** One saga with everything that ever happened to it. */
export function sagaView(saga: SagaDetails, open: readonly OpenVerb[]): string {
  return [head(saga), `data  ${JSON.stringify(saga.data)}`, historyTable(saga), attemptTable(saga)]
    .concat(messageLines(saga), auditLines(saga), openLines(open))
    .filter((part) => part !== '')
    .join('\n\n');
}

function head(saga: SagaDetails): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['saga', saga.id],
    ['type', `${saga.type}, version ${saga.version}`],
    ['status', saga.status],
    ['step', saga.step && `${saga.direction} ${saga.step}, attempt ${saga.attempt}`],
    ['reason', saga.reason && `${saga.reason.kind}: ${saga.reason.code}`],
    ['cancelled', saga.cancelReason],
    ['error', saga.lastError && `${saga.lastError.code}: ${saga.lastError.message}`],
    ['keys', saga.correlationKeys.length > 0 ? saga.correlationKeys.join(', ') : undefined],
    ['worked on by', holderOf(saga)],
    ['next attempt', saga.endedAt ? undefined : time(saga.nextAttemptAt)],
    ['deadline', time(saga.deadlineAt)],
    ['ended', saga.endedAt && time(saga.endedAt)],
    ['changes', String(saga.changes)],
  ];
  return table(facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** One that should have ended its work by now has stalled, or is gone. */
function holderOf({ leasedBy, leasedUntil }: SagaDetails): string | undefined {
  if (leasedBy === undefined || leasedUntil === undefined || leasedUntil.getTime() > Date.now())
    return leasedBy;
  return `${leasedBy}, stalled since ${time(leasedUntil)}`;
}

function historyTable({ history }: SagaDetails): string {
  const rows = history.map((step) => [
    `${step.direction} ${step.branch === undefined ? step.step : `${step.step}/${step.branch}`}`,
    step.via,
    step.status,
    String(step.attempts),
    time(step.startedAt),
    step.endedAt ? `${step.endedAt.getTime() - step.startedAt.getTime()} ms` : '-',
    step.lastError ? `${step.lastError.code}: ${step.lastError.message}` : short(step.reply),
  ]);
  return table([['STEP', 'VIA', 'STATUS', 'ATTEMPTS', 'OPENED', 'TOOK', 'REPLY OR LAST ERROR'], ...rows]);
}

function attemptTable({ attempts }: SagaDetails): string {
  if (attempts.length === 0) return '';
  const rows = attempts.map(({ step, branch, direction, attempt, error, endedAt }) => [
    `${direction} ${branch === undefined ? step : `${step}/${branch}`}`,
    String(attempt),
    time(endedAt),
    `${error.code}: ${error.message}`,
  ]);
  return table([['FAILED ATTEMPT AT', 'NUMBER', 'ENDED', 'ERROR'], ...rows]);
}

function messageLines({ messages }: SagaDetails): string {
  if (messages.length === 0) return '';
  const rows = messages.map(({ type, messageId, state, note, receivedAt }) => [
    type,
    messageId,
    state,
    note,
    time(receivedAt),
  ]);
  return table([['MESSAGE', 'ID', 'STATE', 'WHY', 'RECEIVED'], ...rows]);
}

function openLines(open: readonly OpenVerb[]): string {
  if (open.length === 0) return '';
  return table([
    ['YOU MAY', 'WHAT COMES OF IT'],
    ...open.map(({ verb, consequence }) => [verb, consequence]),
  ]);
}

function auditLines({ audit }: SagaDetails): string {
  if (audit.length === 0) return '';
  const rows = audit.map(({ at, by, verb, reason }) => [time(at), by, verb, reason]);
  return table([['AT', 'BY', 'DID', 'BECAUSE'], ...rows]);
}

const MOST_CHARS = 80;

function short(value: unknown): string {
  if (value === undefined) return '-';
  const json = JSON.stringify(value);
  return json.length > MOST_CHARS ? `${json.slice(0, MOST_CHARS)}…` : json;
}

function time(at: Date): string {
  return at.toISOString();
}
