export type { AdminTarget, Purge } from './admin/admin-target.ts';
export { newAdminToken } from './admin/admin-token.ts';
export {
  type AdminListener,
  type AdminListenerOptions,
  createAdminListener,
} from './admin/create-admin-listener.ts';
export type { AggregateMerge } from './aggregates/aggregate.ts';
export type { PartAnswer } from './aggregates/merge.ts';
export { loadConfigFiles } from './config/files.ts';
export type { GatewayConfig } from './config/model.ts';
export { type ReadOptions, readGatewayConfig } from './config/read-gateway-config.ts';
export { configReference } from './config/reference.ts';
export { ANYTHING, type Registered } from './config/registered.ts';
export { configSchema } from './config/schema.ts';
export { createGateway, type Gateway, type GatewayOptions, type ListenAddress } from './create-gateway.ts';
export type { GatewayErrorCode } from './errors.ts';
export type { Exchange, Step } from './exchange.ts';
export type { DelegatingHandler, DelegatingHandlers } from './handlers.ts';
export type { AnswerHead } from './http/answer.ts';
export { fieldName } from './http/field-names.ts';
export { appendField, type Fields, fieldValue, removeField, setField } from './http/fields.ts';
export { EXIT_CONFIG, type GatewayProcessOptions, runGateway } from './process/run-gateway.ts';
export { superviseWorkers } from './process/supervise-workers.ts';
export type { Refusal } from './refusal.ts';
export { type ExplainInput, type Explanation, explainUrl } from './routing/explain.ts';
export { formatExplanation } from './routing/format-explanation.ts';
