import type { Handler, Message } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import type { SagaDefinition, SagaEventHandler } from '../define/definition.ts';
import { isGroup, isMessage, type SagaReply } from '../define/step.ts';
import type { ChangeDeps } from './change.ts';
import { takeMessage } from './take-message.ts';

/** Whoever can subscribe to the type of a reply or event. */
type Listener = Pick<SagaReply<unknown>, 'type' | 'listen'>;

/** One handler for each type of message that some definition awaits. */
export function messageHandlers(
  deps: ChangeDeps,
  definitions: readonly SagaDefinition[],
): readonly Handler[] {
  const replies = definitions.flatMap(repliesOf);
  const listeners = new Map<string, Listener>();
  for (const listener of [...replies, ...definitions.flatMap(({ events }) => events)])
    listeners.set(listener.type, listener);
  const replyTypes = new Set(replies.map(({ type }) => type));
  return [...listeners.values()].map(({ type, listen }) => {
    const events = eventsOf(definitions, type);
    return listen((message, tx) => deliver(deps, tx, message, replyTypes.has(type), events));
  });
}

async function deliver(
  deps: ChangeDeps,
  tx: Transaction,
  message: Message,
  isReply: boolean,
  events: ReadonlyMap<string, SagaEventHandler<object>>,
): Promise<void> {
  if (isReply) await takeMessage(deps, tx, { message, sagaType: '' }, 'bus');
  for (const [sagaType, { keyOf }] of events) {
    await takeMessage(deps, tx, { message, sagaType, key: keyOf(message) }, 'bus');
  }
}

function repliesOf({ steps }: SagaDefinition): readonly SagaReply<unknown>[] {
  return steps
    .flatMap((element) => (isGroup(element) ? element.members : [element]))
    .filter(isMessage)
    .flatMap(({ replies, undo }) => [...replies, ...(undo?.replies ?? [])]);
}

/** By type of saga; the newest version says what the key is. */
function eventsOf(
  definitions: readonly SagaDefinition[],
  type: string,
): ReadonlyMap<string, SagaEventHandler<object>> {
  const byType = new Map<string, SagaEventHandler<object>>();
  for (const definition of [...definitions].sort((a, b) => a.version - b.version)) {
    const event = definition.events.find((one) => one.type === type);
    if (event) byType.set(definition.type, event);
  }
  return byType;
}
