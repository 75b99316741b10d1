import { toError } from '@flotilla/kernel';
import { configInvalid } from '../errors.ts';
import type { GatewayConfig } from '../model.ts';
import { readTlsFiles } from '../wire/backend/tls-files.ts';

/** Throws `GATEWAY_CONFIG_INVALID` with every `DownstreamTlsOptions` whose files cannot be used: no back end could be reached with them. */
export function checkTlsFiles({ routes, dynamic }: GatewayConfig): void {
  const problems = new Set<string>();
  const policies = [
    ...routes.map(({ name, backendTls }) => ({ name, backendTls })),
    ...(dynamic === undefined ? [] : [{ name: 'dynamic routes', backendTls: dynamic.defaults.backendTls }]),
    ...[...(dynamic?.services ?? [])].map(([name, { backendTls }]) => ({ name, backendTls })),
  ];
  for (const { name, backendTls } of policies) {
    if (backendTls === undefined) continue;
    try {
      readTlsFiles(backendTls);
    } catch (error) {
      problems.add(`${name}: DownstreamTlsOptions cannot be used: ${toError(error).message}`);
    }
  }
  if (problems.size > 0) throw configInvalid([...problems]);
}
