import { QueryCache, QueryClient } from '@tanstack/react-query';
import { RequestError } from './request.ts';

export const USER_KEY = ['user'] as const;

const MAX_RETRIES = 2;
/** Whoever has waited so long is told: the services have tried for themselves by then. */
const PATIENCE_MS = 2_000;

/** Reads are tried again when that can help, as late as the server asks for; what has an effect never is by itself. */
export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        // Signed out elsewhere, or for too long: everything that asks for a user says so at once.
        if (error instanceof RequestError && error.status === 401) client.setQueryData(USER_KEY, null);
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 20_000,
        networkMode: 'always', // a browser that believes to be offline may still reach a shop on the same machine
        retry: (failures, error) => failures < MAX_RETRIES && canHelp(error),
        retryDelay: (failures, error) =>
          (error instanceof RequestError ? error.retryAfterMs : undefined) ?? 400 * 2 ** failures,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
  return client;
}

function canHelp(error: unknown): boolean {
  if (!(error instanceof RequestError)) return false;
  if (error.tookMs > PATIENCE_MS) return false;
  if (error.retryAfterMs !== undefined && error.retryAfterMs > 5_000) return false; // the page shows when
  return error.status === 0 || error.status === 429 || error.status >= 500;
}
