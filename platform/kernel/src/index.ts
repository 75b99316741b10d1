export { BoundedMap } from './bounded-map.ts';
export { collect } from './collect.ts';
export { armCrashPoint, crashPoint, watchCrashPoints } from './crash-point.ts';
export { didYouMean } from './did-you-mean.ts';
export { createDocumentSchemas, type DocumentSchemas } from './document-schemas.ts';
export {
  type ErrorDetails,
  isPlatformError,
  isRetryable,
  PlatformError,
  type PlatformErrorOptions,
  toError,
} from './errors.ts';
export { createFairPlaces, type FairPlaces, type FairRooms } from './fair-places.ts';
export { isUuid, type NewId, uuidv5, uuidv7 } from './ids.ts';
export { canonicalJson, isRecord, type Json } from './json.ts';
export { answerPings, type Liveness, watchLiveness } from './liveness.ts';
export { createLock, type Lock } from './lock.ts';
export { escapeMarkup } from './markup.ts';
export { type Money, money, multiplyMoney, sumMoney } from './money.ts';
export { PROBLEM_CONTENT_TYPE, type Problem, problemJson } from './problem-json.ts';
export { isSecretName, REDACTED, redactedJson, redactText } from './redact.ts';
export { accept, type Result, reject } from './result.ts';
export type { Schema, Static } from './schema.ts';
export { createSecretCheck } from './secret-check.ts';
export { backoffMs, spread } from './time/backoff.ts';
export { type Clock, systemClock } from './time/clock.ts';
export { type Loop, type LoopLogger, type LoopOptions, pause, type Rest, startLoop } from './time/loop.ts';
export { unlessAborted, type WithinOptions, within } from './time/within.ts';
export { createValidator, type Issue, type Validate, type ValidatorOptions } from './validator.ts';
