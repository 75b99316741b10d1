export type { RegistryToken } from './acl.ts';
export { type Registry, type RegistryOptions, startRegistry } from './start-registry.ts';
