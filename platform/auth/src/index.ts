export {
  allOf,
  anyOf,
  authenticated,
  type Policy,
  requirePermission,
  requireRole,
  requireScope,
} from './policy.ts';
export type { Principal } from './principal.ts';
