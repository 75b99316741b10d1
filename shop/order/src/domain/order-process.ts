import type { OrderStatus } from '@shop/contracts';

/**
 * The rules of an order that runs by events, as a pure function: where it stands × what was heard → where it stands
 * next and what has to be done. Participants are different publishers, so their reports come in any order: an
 * order goes as far as all reports together allow.
 */

/** What a participant says it has done. `taken`: the stock has left the warehouse's books. */
export type Report =
  | 'reserved'
  | 'redeemed'
  | 'paid'
  | 'taken'
  | 'shipped'
  | 'released'
  | 'unredeemed'
  | 'refunded';

/**
 * - `open`: may still be cancelled.
 * - `shipping`: the point of no return; only the shipment itself can still be refused.
 * - `cancelling`: participants have been told to give back what they took.
 */
export type Stage = 'open' | 'shipping' | 'cancelling' | 'confirmed' | 'cancelled';

export interface OrderProcess {
  readonly stage: Stage;
  readonly reports: readonly Report[];
  /** It was reduced by a coupon, which has to be used before it is shipped, or given back. */
  readonly hasCoupon: boolean;
  /** Why it is being cancelled, or was. */
  readonly reason?: string;
}

export type Heard =
  | { readonly kind: 'reported'; readonly report: Exclude<Report, 'shipped'> }
  | { readonly kind: 'shipped'; readonly shipmentId: string }
  /** A participant said no: it has done nothing. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The customer does not want it any more, or its time is over. */
  | { readonly kind: 'withdrawn'; readonly reason: string };

/** What follows for the order itself and for the participants, in this order. */
export type Consequence =
  | { readonly kind: 'advance'; readonly to: OrderStatus }
  | Exclude<Question, { readonly kind: 'request-stock' | 'present-coupon' }>
  | { readonly kind: 'confirm'; readonly shipmentId: string }
  | { readonly kind: 'cancel'; readonly reason: string };

/** What participants are asked to do, once or again: each of them does it once. */
export type Question =
  | { readonly kind: 'request-stock' }
  | { readonly kind: 'present-coupon' }
  | { readonly kind: 'grant-shipping' }
  | { readonly kind: 'request-cancellation'; readonly reason: string };

export interface Decision {
  readonly process: OrderProcess;
  readonly consequences: readonly Consequence[];
}

export function newProcess(hasCoupon: boolean): OrderProcess {
  return { stage: 'open', reports: [], hasCoupon };
}

/** On the way to the shipment, in the order in which an order shows them. */
const MILESTONES: readonly (readonly [Report, OrderStatus])[] = [
  ['reserved', 'InventoryReserved'],
  ['paid', 'PaymentProcessed'],
];
const BEFORE_SHIPPING: readonly Report[] = ['reserved', 'paid', 'taken'];
const BEFORE_CANCELLED: readonly Report[] = ['released', 'refunded'];

function mayBeShipped(process: OrderProcess): boolean {
  return hasAll(process, BEFORE_SHIPPING) && (!process.hasCoupon || process.reports.includes('redeemed'));
}

function hasGivenBack(process: OrderProcess): boolean {
  return hasAll(process, BEFORE_CANCELLED) && (!process.hasCoupon || process.reports.includes('unredeemed'));
}

export function decide(process: OrderProcess, heard: Heard): Decision {
  switch (heard.kind) {
    case 'reported':
      return process.reports.includes(heard.report) ? unchanged(process) : report(process, heard.report);
    case 'shipped':
      return confirm(process, heard.shipmentId);
    case 'refused':
    case 'withdrawn':
      return turn(process, heard);
  }
}

function report(before: OrderProcess, report: Report): Decision {
  const process = add(before, report);
  if (process.stage === 'open') return advance(before, process);
  // News of what was done before the cancellation arrived there is only noted: it is given back like the rest.
  if (process.stage !== 'cancelling' || !hasGivenBack(process)) return { process, consequences: [] };
  const reason = process.reason ?? 'cancelled';
  return { process: { ...process, stage: 'cancelled' }, consequences: [{ kind: 'cancel', reason }] };
}

function advance(before: OrderProcess, process: OrderProcess): Decision {
  const advances = statuses(process)
    .slice(statuses(before).length)
    .map((to) => ({ kind: 'advance', to }) as const);
  if (!mayBeShipped(process)) return { process, consequences: advances };
  return {
    process: { ...process, stage: 'shipping' },
    consequences: [...advances, { kind: 'grant-shipping' }],
  };
}

function confirm(before: OrderProcess, shipmentId: string): Decision {
  if (before.stage !== 'shipping') return unchanged(before);
  const process = { ...add(before, 'shipped'), stage: 'confirmed' } as const;
  return { process, consequences: [{ kind: 'confirm', shipmentId }] };
}

function turn(
  process: OrderProcess,
  { kind, reason }: Extract<Heard, { readonly reason: string }>,
): Decision {
  const mayTurn = process.stage === 'open' || (process.stage === 'shipping' && kind === 'refused');
  if (!mayTurn) return unchanged(process);
  return {
    process: { ...process, stage: 'cancelling', reason },
    consequences: [{ kind: 'request-cancellation', reason }],
  };
}

/** The answer to a customer who wants to cancel, from where the order stands. */
export function answerCancel({ stage }: OrderProcess): 'requested' | 'too-late' | 'ended' {
  if (stage === 'shipping') return 'too-late';
  return stage === 'open' || stage === 'cancelling' ? 'requested' : 'ended';
}

/**
 * What to ask once more when an order stands still. A paid order that waits for its stock to be taken has nobody who
 * could be asked: the payment is news of another service, so its deadline turns it around.
 */
export function askAgain(process: OrderProcess): readonly Question[] {
  switch (process.stage) {
    case 'open':
      return openQuestions(process);
    case 'shipping':
      return [{ kind: 'grant-shipping' }];
    case 'cancelling':
      return [{ kind: 'request-cancellation', reason: process.reason ?? 'cancelled' }];
    case 'confirmed':
    case 'cancelled':
      return [];
  }
}

/** What an order that may still be cancelled waits for. */
export function openQuestions({ reports, hasCoupon }: OrderProcess): readonly Question[] {
  return [
    ...(reports.includes('paid') ? [] : [{ kind: 'request-stock' } as const]),
    ...(!hasCoupon || reports.includes('redeemed') ? [] : [{ kind: 'present-coupon' } as const]),
  ];
}

export function hasEnded({ stage }: OrderProcess): boolean {
  return stage === 'confirmed' || stage === 'cancelled';
}

function add(process: OrderProcess, report: Report): OrderProcess {
  return { ...process, reports: [...process.reports, report] };
}

function unchanged(process: OrderProcess): Decision {
  return { process, consequences: [] };
}

/** A status shows only when all before it do: the money may be heard of before the stock. */
function statuses(process: OrderProcess): readonly OrderStatus[] {
  const missing = MILESTONES.findIndex(([milestone]) => !process.reports.includes(milestone));
  return MILESTONES.slice(0, missing < 0 ? MILESTONES.length : missing).map(([, status]) => status);
}

function hasAll(process: OrderProcess, reports: readonly Report[]): boolean {
  return reports.every((report) => process.reports.includes(report));
}
