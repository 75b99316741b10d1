import { crashPoint } from '@flotilla/kernel';
import type { Message } from '@flotilla/messaging';
import { storableJson, type Transaction } from '@flotilla/postgres';
import { isEnded, type SagaEvent } from '../decide/state.ts';
import { stepAt } from '../define/definition.ts';
import { isMessage, type StepOutcome } from '../define/step.ts';
import type { Instance, OpenStep } from '../store/instance.ts';
import {
  type Delivery,
  findByKey,
  findCommand,
  isSettled,
  keepMessage,
  type Settled,
  uuidOrNull,
} from '../store/messages.ts';
import { recordData } from '../store/records.ts';
import { applyEvent, type ChangeDeps, changedMeanwhile, changeSaga, readableBy } from './change.ts';
import { toRejection } from './rejection.ts';

/** Delivers a reply or an event, whichever way it got here, and keeps what does not simply close its step. */
export async function takeMessage(
  deps: ChangeDeps,
  tx: Transaction,
  delivery: Delivery,
  from: 'bus' | 'parked',
): Promise<Settled> {
  const isReply = delivery.sagaType === '';
  const settled = isReply ? await takeReply(deps, tx, delivery.message) : await takeEvent(deps, tx, delivery);
  // A reply that did its work is in the history of its step.
  const isTold = isReply && from === 'bus' && settled.state === 'applied';
  if (!isTold) await keepMessage(tx, delivery, settled);
  if (settled.state === 'parked') {
    const { id, type } = delivery.message;
    deps.logger.info({ messageId: id, type, note: settled.note }, 'a message waits for its saga');
  }
  if (isReply) crashPoint('saga.before-reply-commit');
  else crashPoint('saga.before-event-commit');
  tx.afterCommit(() => {
    if (isReply) crashPoint('saga.after-reply-commit');
    else crashPoint('saga.after-event-commit');
  });
  return settled;
}

async function takeReply(deps: ChangeDeps, tx: Transaction, message: Message): Promise<Settled> {
  const commandId = uuidOrNull(message.causationId);
  const sender = await findCommand(tx, commandId);
  if (sender === undefined || commandId === null)
    return { state: 'parked', note: 'no saga sent this command' };
  const { sagaId } = sender;
  return await changeSaga(tx, sagaId, async (row) => {
    if (row === undefined) throw changedMeanwhile(sagaId);
    if (row.step === null) return { state: 'ignored', note: 'the saga has ended', sagaId };
    const instance = readableBy(deps, row);
    if (instance === undefined) return { state: 'parked', note: unknownVersion(row.def_version) };
    const open = instance.open.find((one) => one.commandId === commandId);
    if (open === undefined) return { state: 'ignored', note: 'the step is closed', sagaId };
    const outcome = readReply(instance, open, message);
    if (outcome === undefined) return { state: 'ignored', note: 'not a reply of this step', sagaId };
    const event: SagaEvent = {
      ...(open.branch !== '' && { branch: open.branch }),
      ...(outcome.ok ? { kind: 'succeeded' } : { kind: 'rejected', rejection: toRejection(outcome.reason) }),
    };
    await applyEvent(deps, tx, instance, event, outcome.ok ? outcome.result : undefined);
    return { state: 'applied', note: 'closed its step', sagaId };
  });
}

function readReply(
  { definition, state }: Instance,
  { branch }: OpenStep,
  message: Message,
): StepOutcome<unknown> | undefined {
  const step = stepAt(definition, state.step, branch);
  if (!isMessage(step)) return undefined;
  const replies = state.direction === 'do' ? step.replies : step.undo?.replies;
  return replies?.find(({ type }) => type === message.type)?.read(message);
}

async function takeEvent(deps: ChangeDeps, tx: Transaction, delivery: Delivery): Promise<Settled> {
  const { message, sagaType, key = '' } = delivery;
  const sagaId = await findByKey(tx, sagaType, key);
  if (sagaId === undefined) return { state: 'parked', note: 'no saga has this key' };
  if (await isSettled(tx, delivery)) return { state: 'applied', note: 'was applied before', sagaId };
  return await changeSaga(tx, sagaId, async (row) => {
    if (row === undefined) throw changedMeanwhile(sagaId);
    if (isEnded(row.status)) return { state: 'ignored', note: 'the saga has ended', sagaId };
    const instance = readableBy(deps, row);
    if (instance === undefined) return { state: 'parked', note: unknownVersion(row.def_version) };
    const handler = instance.definition.events.find(({ type }) => type === message.type);
    if (handler === undefined) return { state: 'ignored', note: 'this version takes no such event', sagaId };
    const dataJson = storableJson(JSON.stringify(await handler.apply(tx, instance.data, message)));
    if (!(await recordData(tx, instance, dataJson))) throw changedMeanwhile(sagaId);
    return { state: 'applied', note: 'changed the data', sagaId };
  });
}

function unknownVersion(version: number): string {
  return `this engine does not know version ${version}`;
}
