/** A line of the sources, and what stands there when a bug is planted. */
export interface CodeChange {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/**
 * Deliberate mistakes in the code, for the proof that the invariant checker would notice them. The sources hold none of
 * this: `plant-bugs.ts` changes a module while it is loaded. Two changes where one alone does no harm, because a second
 * layer holds. What each of them breaks, and what must find it, is listed in `bug-proofs.ts`.
 */
export const CODE_BUGS = {
  'handle-twice': [
    {
      file: 'platform/messaging/src/inbox/task-batches.ts',
      find: 'if (fresh.delete(task.inboxId)) await runTask(task, tx);',
      replace: 'await runTask(task, tx);',
    },
    {
      file: 'shop/notification/src/subscriptions.ts',
      find: 'const mailId = mailIdOf(id, topic);',
      replace: 'const mailId = crypto.randomUUID();',
    },
  ],
  'ack-before-commit': [
    {
      file: 'platform/messaging/src/bus/dispatcher.ts',
      find: 'const settlements: readonly Settlement[] = await handle(batch);',
      replace: 'await source.ack(batch); const settlements: readonly Settlement[] = await handle(batch);',
    },
  ],
  'swallow-failure': [
    {
      file: 'platform/messaging/src/inbox/settling.ts',
      find: 'settleFailure: async (task, error, failures, countedCrashes) => {',
      replace: 'settleFailure: async (task, error, failures, countedCrashes) => { return;',
    },
  ],
  'delete-before-publish': [
    {
      file: 'platform/messaging/src/outbox/relay-pump.ts',
      find: "crashPoint('relay.before-publish');",
      replace: "await store.confirm(rows); crashPoint('relay.before-publish');",
    },
  ],
  'cursor-by-id': [
    {
      file: 'platform/messaging/src/outbox/relay-pump.ts',
      find: 'const reached: Reached = new Map();',
      replace: 'const reached: Reached = (options.everReached ??= new Map());',
    },
  ],
  'publish-before-commit': [
    {
      file: 'shop/identity/src/features/open-account.ts',
      find: 'await outbox.publish(tx, userRegistered, registered);',
      replace: 'await db.transaction((other) => outbox.publish(other, userRegistered, registered));',
    },
  ],
  'answer-before-commit': [
    {
      file: 'shop/order/src/features/place-order.ts',
      find: 'const accepted = await accept(deps, order, request, requestHash);',
      replace: `
        const accepted = accept(deps, order, request, requestHash);
        accepted.catch(() => undefined);
        return { kind: 'answered', orderId: order.id, response: deps.awaitOrder.response(order) };`,
    },
  ],
  'drop-compensation': [
    {
      file: 'platform/saga/src/run/call-step.ts',
      find: 'await step.undo?.(data, call);',
      replace: '',
    },
  ],
  'saga-state-apart': [
    {
      file: 'platform/saga/src/run/write.ts',
      find: 'await recordStep(tx, record)',
      replace: 'await recordStep(deps.db ?? tx, record)',
    },
  ],
  'forget-running-sagas': [
    {
      file: 'platform/saga/src/run/poller.ts',
      find: 'if (limit <= 0) return false;',
      replace: 'return false;',
    },
  ],
  'new-key-per-attempt': [
    {
      file: 'shop/payment/src/features/charge-order.ts',
      find: 'const request = toRequest(payment);',
      replace: 'const request = { ...toRequest(payment), key: deps.newId() };',
    },
  ],
  'timeout-is-failure': [
    {
      file: 'shop/payment/src/features/charge-order.ts',
      find: 'deps.logger.warn({ err: error, paymentId: request.key }',
      replace: `return { status: 'declined', reason: 'no-answer' };
        deps.logger.warn({ err: error, paymentId: request.key }`,
    },
  ],
  'record-refund-before-call': [
    {
      file: 'shop/payment/src/features/refund-order.ts',
      find: "crashPoint('payment.before-refund-call');",
      replace: `
        await recordChange(deps, payment, holder, (current) => decideRefunded(current, deps.newId()));
        crashPoint('payment.before-refund-call');`,
    },
  ],
  'release-twice': [
    {
      file: 'shop/inventory/src/features/release-stock.ts',
      find: "case 'already':",
      replace: "case 'already': await order.takeBack(lines);",
    },
  ],
  'release-without-bar': [
    {
      file: 'shop/inventory/src/features/release-stock.ts',
      find: 'await order.bar();',
      replace: '',
    },
  ],
  'write-without-lease': [
    {
      file: 'platform/saga/src/store/records.ts',
      find: 'WHERE id = $1 AND $' + '{FENCE}',
      replace: 'WHERE id = $1 AND ($2::integer, $3::integer) IS NOT NULL',
    },
  ],
} as const satisfies Readonly<Record<string, readonly CodeChange[]>>;

export type CodeBug = keyof typeof CODE_BUGS;

/** Throws when the line is not there exactly once: what a test plants must be what it says. */
export function plantIn(text: string, { file, find, replace }: CodeChange): string {
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times, not once: ${find}`);
  return text.replace(find, () => replace);
}
