import type { RegistryRoute } from './http/exchange.ts';
import { agentCheckRoutes } from './routes/agent-checks.ts';
import { agentHealthRoutes } from './routes/agent-health.ts';
import { agentServiceRoutes } from './routes/agent-services.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { catalogWriteRoutes } from './routes/catalog-writes.ts';
import type { RouteDeps } from './routes/deps.ts';
import { healthRoutes } from './routes/health.ts';
import { kvRoutes } from './routes/kv.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { statusRoutes } from './routes/status.ts';
import { txnRoutes } from './routes/txn.ts';

/** The part of Consul's HTTP API that is served, each response as Consul gives it. */
export function registryRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const parts = [agentServiceRoutes, agentCheckRoutes, agentHealthRoutes, healthRoutes, catalogRoutes];
  const more = [catalogWriteRoutes, kvRoutes, sessionRoutes, txnRoutes, statusRoutes];
  return [...parts, ...more].flatMap((routesOf) => routesOf(deps));
}
