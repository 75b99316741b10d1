export type { RegistryToken } from './acl.ts';
export { connectRegistry } from './connect-registry.ts';
export { type Registry, type RegistryOptions, startRegistry } from './start-registry.ts';
