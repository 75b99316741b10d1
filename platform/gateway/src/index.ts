import type { PartResponse } from './aggregates/merge.ts';
import type { ResponseHead } from './wire/rules/response.ts';

export type { AdminTarget, Purge } from './admin/admin-target.ts';
export { newAdminToken } from './admin/admin-token.ts';
export {
  type AdminListener,
  type AdminListenerOptions,
  createAdminListener,
} from './admin/create-admin-listener.ts';
export type { RouteSummary, RouteView } from './admin/route-views.ts';
export type { AggregateMerge } from './aggregates/aggregate.ts';
export type { PartResponse } from './aggregates/merge.ts';
export { loadConfigFiles } from './config/files.ts';
export { hostsAsServices } from './config/hosts-as-services.ts';
export { limitsReference } from './config/limits-reference.ts';
export { type ReadOptions, readGatewayConfig } from './config/read-gateway-config.ts';
export { configReference } from './config/reference.ts';
export { configSchema } from './config/schema.ts';
export { type WatchDeps, watchConfig } from './config/watch.ts';
export { createGateway, type Gateway, type ListenAddress } from './create-gateway.ts';
export type { GatewayErrorCode } from './errors.ts';
export type { Exchange, Step } from './exchange.ts';
export type { GatewayOptions } from './gateway-options.ts';
export { ANYTHING, type Registered } from './grammar/registered.ts';
export type { GatewayConfig } from './model.ts';
export { newApiKey } from './policies/authentication/api-keys.ts';
export type { DelegatingHandler, DelegatingHandlers } from './policies/delegating-handlers/handlers.ts';
export { type GatewayProcessOptions, runGateway } from './process/run-gateway.ts';
export { superviseWorkers } from './process/supervise-workers.ts';
export { type ExplainInput, type Explanation, explainUrl } from './routing/explain.ts';
export { formatExplanation } from './routing/format-explanation.ts';
export { fieldName } from './wire/rules/field-names.ts';
export { appendField, type Fields, fieldValue, removeField, setField } from './wire/rules/fields.ts';
export type { Refusal } from './wire/rules/refusal.ts';
export type { ResponseHead } from './wire/rules/response.ts';

/** The older name of `PartResponse`. */
export type PartAnswer = PartResponse;
/** The older name of `ResponseHead`. */
export type AnswerHead = ResponseHead;
