import type { RunningSystem } from '../test/system/running-system.ts';
import {
  lateCommit,
  mailsAreAway,
  placedOnce,
  refusedShipment,
  releaseAll,
  releasedFirst,
  type Scenario,
  signedUpOnce,
  sold,
  takenOver,
} from './bug-scenarios.ts';
import type { Crash } from './crash-plan.ts';
import type { CodeBug } from './planted-code-bugs.ts';

/** The proof that the checker would notice a mistake in the code. */
export interface BugProof {
  readonly bug: CodeBug;
  readonly what: string;
  /** The service that has it. */
  readonly service: string;
  /** What has to happen for it to do harm. */
  readonly scenario: Scenario;
  readonly crashes: readonly Crash[];
  /** The invariant that must be violated. */
  readonly finds: string;
  /** What may stay violated for ever besides, because the system cannot come to rest with it. */
  readonly unrest?: readonly string[];
  /** Takes back what it has left behind, where that would go on to change. */
  readonly heal?: (system: RunningSystem) => Promise<void>;
}

const crash = (service: string, point: string): readonly Crash[] => [{ service, point }];

/** In two lives: an order is told of when it is placed and when it ends, in one batch or in two. */
const twice = (service: string, point: string) => [...crash(service, point), ...crash(service, point)];

export const BUG_PROOFS: readonly BugProof[] = [
  {
    bug: 'handle-twice',
    what: 'a message that comes twice is handled twice, and its mail gets a new id each time',
    service: 'notification',
    scenario: sold,
    crashes: crash('order', 'relay.after-publish'),
    finds: 'G3a',
  },
  {
    bug: 'ack-before-commit',
    what: 'a message is acknowledged before its effects are committed',
    service: 'notification',
    scenario: sold,
    crashes: twice('notification', 'consumer.before-commit'),
    finds: 'G1',
  },
  {
    bug: 'swallow-failure',
    what: 'a message whose handler failed counts as done',
    service: 'notification',
    scenario: mailsAreAway,
    crashes: [],
    finds: 'G1',
  },
  {
    bug: 'delete-before-publish',
    what: 'the outbox row is deleted before the transport has the message',
    service: 'order',
    scenario: sold,
    crashes: twice('order', 'relay.before-publish'),
    finds: 'G1',
  },
  {
    bug: 'cursor-by-id',
    what: 'the relay goes on after the highest id it has seen, whatever commits later with a lower one',
    service: 'order',
    scenario: lateCommit,
    crashes: [],
    finds: 'G6',
  },
  {
    bug: 'publish-before-commit',
    what: 'a message is published outside of the transaction that it tells about',
    service: 'identity',
    scenario: signedUpOnce,
    crashes: crash('identity', 'identity.before-sign-up-commit'),
    finds: 'G2b',
  },
  {
    bug: 'answer-before-commit',
    what: 'the client is told that its order was accepted before that is committed',
    service: 'order',
    scenario: placedOnce,
    crashes: crash('order', 'order.before-place-commit'),
    finds: 'M6',
  },
  {
    bug: 'drop-compensation',
    what: 'the saga records that it undid a step, and does not',
    service: 'order',
    scenario: refusedShipment,
    crashes: [],
    finds: 'M5',
  },
  {
    bug: 'saga-state-apart',
    what: 'the state of a saga is not written in the transaction of its hooks',
    service: 'order',
    scenario: sold,
    crashes: crash('order', 'saga.before-end'),
    finds: 'O4b',
    unrest: ['O1'],
  },
  {
    bug: 'forget-running-sagas',
    what: 'nobody takes up the sagas of a process that died',
    service: 'order',
    scenario: sold,
    crashes: crash('order', 'saga.after-call'),
    finds: 'O1',
    unrest: ['O4a', 'S4', 'S6'],
  },
  {
    bug: 'new-key-per-attempt',
    what: 'each attempt to charge has an idempotency key of its own',
    service: 'payment',
    scenario: sold,
    crashes: crash('payment', 'payment.after-provider-call'),
    finds: 'M2c',
  },
  {
    bug: 'timeout-is-failure',
    what: 'a charge that was not answered counts as declined',
    service: 'payment',
    scenario: sold,
    crashes: crash('payment-provider', 'provider.after-capture-commit'),
    finds: 'M3',
  },
  {
    bug: 'record-refund-before-call',
    what: 'a refund is booked before the provider is asked for it',
    service: 'payment',
    scenario: refusedShipment,
    crashes: crash('payment', 'payment.after-outcome-commit:2'),
    finds: 'M3',
  },
  {
    bug: 'release-twice',
    what: 'stock is given back again when the request is repeated: the database refuses, and no order comes to its end',
    service: 'inventory',
    scenario: refusedShipment,
    crashes: crash('inventory', 'inventory.after-release-commit'),
    finds: 'O1',
    unrest: ['O4a'],
  },
  {
    bug: 'release-without-bar',
    what: 'a release that comes first does not refuse the reservation that arrives late',
    service: 'inventory',
    scenario: releasedFirst,
    crashes: [],
    finds: 'S4',
    unrest: ['S6'],
    heal: releaseAll,
  },
  {
    // The last one: its saga stays stuck.
    bug: 'write-without-lease',
    what: 'an engine writes what came of a step although another has taken the saga over',
    service: 'order',
    scenario: takenOver,
    crashes: [],
    finds: 'O4a',
    unrest: ['O1'],
  },
];
