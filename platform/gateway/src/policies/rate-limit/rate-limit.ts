import { hash } from 'node:crypto';
import { addressOwner } from '@flotilla/kernel/addresses';
import type { Exchange, Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { type Fields, fieldValue, removeField, setField } from '../../wire/rules/fields.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import { type Admission, type Budgets, createBudgets } from './budget.ts';
import type { RateLimitConfig } from './config.ts';
import type { SharedBudgets } from './shared-budgets.ts';

export interface RateLimitDeps {
  /** Names the route in Redis and among the budgets kept over a reload: the same in every replica. */
  readonly routeId: string;
  /** The upstream template, for a message. */
  readonly routeName: string;
  readonly strict: boolean;
  readonly budgets: BudgetRegistry;
  /** Without it, `store: 'shared'` counts in memory. */
  readonly shared: SharedBudgets | undefined;
  readonly nowMs: () => number;
}

/** The budgets of all routes in this process. */
export interface BudgetRegistry {
  readonly known: ReadonlyMap<string, Budgets>;
  of(routeId: string, config: RateLimitConfig): Budgets;
}

/** With the registry of the configuration before, routes whose rule stays the same keep their budgets. */
export function createBudgetRegistry(before?: BudgetRegistry): BudgetRegistry {
  const known = new Map<string, Budgets>();
  const former = before?.known;
  return {
    known,
    of: (routeId, config) => {
      const id = budgetId(routeId, config);
      const budgets = known.get(id) ?? former?.get(id) ?? createBudgets(config);
      known.set(id, budgets);
      return budgets;
    },
  };
}

function budgetId(routeId: string, { limit, periodMs, waitMs, key }: RateLimitConfig): string {
  const owner = 'header' in key ? key.header.toLowerCase() : 'claim' in key ? key.claim : '';
  return `${routeId} ${limit}/${periodMs}/${waitMs ?? 0} ${key.kind}:${owner}`;
}

/** Claims are known after authentication only; all other budgets are charged before it. */
export type RateLimitStage = 'before-authentication' | 'after-authentication';

/**
 * Takes one request off its owner's budget or refuses it. `undefined` unless the route is limited in this
 * stage.
 */
export function compileRateLimit(
  config: RateLimitConfig | undefined,
  stage: RateLimitStage,
  deps: RateLimitDeps,
): Step | undefined {
  if (config === undefined) return undefined;
  if ((config.key.kind === 'claim') !== (stage === 'after-authentication')) return undefined;
  const { routeId, nowMs, shared } = deps;
  const local = deps.budgets.of(routeId, config);
  const prefix = `flotilla:limit:${budgetId(routeId, config)} `;
  const ownerOf = compileOwner(config);
  const store = config.store === 'shared' ? shared : undefined;
  const unidentified =
    deps.strict && config.key.kind === 'header' ? noClientId(config, deps.routeName) : undefined;
  const tell = compileTelling(config, deps.strict);

  return (exchange) => {
    const { owner, name, isFallback } = ownerOf(exchange);
    if (isFallback && unidentified !== undefined) return unidentified;
    if (config.whitelist.has(name)) return undefined;
    const admission = store?.admit(prefix + owner, config);
    if (admission === undefined) return tell(exchange, local.admit(owner, nowMs()), nowMs());
    return admission.then((shares) => tell(exchange, shares ?? local.admit(owner, nowMs()), nowMs()));
  };
}

interface Owner {
  /** Unlike for each way to be named: nobody spends the budget of an address by naming it in a field. */
  readonly owner: string;
  /** As the whitelist has it. */
  readonly name: string;
  readonly isFallback: boolean;
}

const ROUTE: Owner = { owner: 'route', name: '', isFallback: false };
const MAX_OWNER_LENGTH = 100;

function compileOwner({ key }: RateLimitConfig): (exchange: Exchange) => Owner {
  if (key.kind === 'header') {
    const header = key.header.toLowerCase();
    // The outgoing fields: a transform may set the client id, and what no client may say is not in them.
    return ({ outgoing, clientAddress }) => {
      const id = fieldValue(outgoing.fields, header);
      return id ? named('h', id) : ofAddress(clientAddress, true);
    };
  }
  if (key.kind === 'claim') {
    const { claim } = key;
    return ({ claims, clientAddress }) => {
      const text = claims?.get(claim)?.join(',');
      return text === undefined ? ofAddress(clientAddress, true) : named('c', text);
    };
  }
  return key.kind === 'route' ? () => ROUTE : ({ clientAddress }) => ofAddress(clientAddress);
}

function named(kind: string, name: string): Owner {
  const short = name.length > MAX_OWNER_LENGTH ? hash('sha256', name, 'base64') : name;
  return { owner: `${kind}:${short}`, name, isFallback: false };
}

/** The whitelist has whole addresses; counted is whom they belong to. */
function ofAddress(name: string, isFallback = false): Owner {
  return { owner: `a:${addressOwner(name)}`, name, isFallback };
}

const LIMIT = fieldName('ratelimit-limit');
const REMAINING = fieldName('ratelimit-remaining');
const RESET = fieldName('ratelimit-reset');
const X_LIMIT = fieldName('x-ratelimit-limit');
const X_REMAINING = fieldName('x-ratelimit-remaining');
const X_RESET = fieldName('x-ratelimit-reset');

/** Writes the budget onto the response and makes the refusal of a rejection. */
function compileTelling(
  config: RateLimitConfig,
  strict: boolean,
): (exchange: Exchange, admission: Admission, nowMs: number) => Refusal | undefined {
  const limit = String(config.limit);
  const isoTime = createIsoTime();
  return ({ answerFields }, admission, nowMs) => {
    const { admitted, remaining, resetAfterMs } = admission;
    if (config.headers && isTightest(answerFields, admission)) {
      const left = String(remaining);
      tellStandard(answerFields, limit, left, wholeSeconds(resetAfterMs));
      if (!admitted) removeOlder(answerFields);
      else tellOlder(answerFields, limit, left, isoTime(nowMs + resetAfterMs));
    }
    return admitted ? undefined : rejection(config, resetAfterMs, strict);
  };
}

/** Formatting a date costs as much as the whole admission, and the requests of a period name the same one. */
function createIsoTime(): (ms: number) => string {
  let lastMs = Number.NaN;
  let text = '';
  return (ms) => {
    if (ms === lastMs) return text;
    lastMs = ms;
    text = new Date(ms).toISOString();
    return text;
  };
}

function tellStandard(fields: Fields, limit: string, remaining: string, reset: string): void {
  setField(fields, LIMIT, limit);
  setField(fields, REMAINING, remaining);
  setField(fields, RESET, reset);
}

function tellOlder(fields: Fields, limit: string, remaining: string, reset: string): void {
  setField(fields, X_LIMIT, limit);
  setField(fields, X_REMAINING, remaining);
  setField(fields, X_RESET, reset);
}

function removeOlder(fields: Fields): void {
  for (const { lower } of [X_LIMIT, X_REMAINING, X_RESET]) removeField(fields, lower);
}

/** Of several limits the one that is told is the one that refuses, or that is spent first. */
function isTightest(told: Fields, { admitted, remaining }: Admission): boolean {
  const before = fieldValue(told, REMAINING.lower);
  return before === undefined || !admitted || remaining < Number(before);
}

function wholeSeconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}

/** Strictly, the wait is a decimal fraction of seconds. */
function rejection(
  { status, format, message, headers }: RateLimitConfig,
  againAfterMs: number,
  strict: boolean,
): Refusal {
  const seconds = strict
    ? String(Math.max(1, Math.round(againAfterMs * 10)) / 10_000)
    : wholeSeconds(againAfterMs);
  return {
    status,
    code: 'rate-limited',
    ...(format === 'text' ? { text: message } : { detail: message }),
    ...(headers && { headers: [['retry-after', seconds]] }),
  };
}

function noClientId({ limit, period, wait }: RateLimitConfig, routeName: string): Refusal {
  const text =
    `Rate limiting client could not be identified for the route '${routeName}' due to a missing or unknown ` +
    `client ID header required by rule '${limit}/${period}/w${wait}'!`;
  return { status: 503, code: 'client-unidentified', text, headers: [['retry-after', '-1']] };
}
