import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { profileQuery } from '../api/account.ts';
import { USER_KEY } from '../api/query-client.ts';
import { RequestError, request } from '../api/request.ts';
import type { SignedIn } from '../api/types.ts';
import { tellOtherTabs } from './other-tabs.ts';

/** Who is signed in: `null` for a guest, `undefined` while nobody knows. */
export function useUser(): {
  readonly user: SignedIn['user'] | null | undefined;
  readonly isUnknown: boolean;
  /** Why nobody knows; `null` while the answer is on its way. */
  readonly error: Error | null;
  readonly retry: () => void;
} {
  const { data, isPending, isError, error, refetch } = useQuery({
    queryKey: USER_KEY,
    queryFn: readUser,
    initialData: () => (localStorage.getItem(KNOWN) === null ? null : undefined), // nothing on the page waits for it
    staleTime: 0, // signed out elsewhere: seen as soon as somebody looks at the page again
  });
  // A name that was changed here is shown at once; in tokens it is a little later.
  const { data: profile } = useQuery({ ...profileQuery, enabled: false });
  const user = data?.user && profile?.id === data.user.id ? { ...data.user, name: profile.name } : data?.user;
  return {
    user: data === undefined ? undefined : (user ?? null),
    isUnknown: isPending || (isError && !data),
    error: data ? null : error,
    retry: () => void refetch(),
  };
}

/** Somebody has signed in with this browser and not out again: for all tabs, and for the next visit. */
const KNOWN = 'fl-signed-in';

/** A guest is not asked for again and again: each question would be a refusal, and an error in the browser's console. */
async function readUser({ signal }: { readonly signal: AbortSignal }): Promise<SignedIn | null> {
  if (localStorage.getItem(KNOWN) === null) return null;
  try {
    return await request<SignedIn>('/bff/user', { signal });
  } catch (error) {
    if (!(error instanceof RequestError && error.status === 401)) throw error;
    localStorage.removeItem(KNOWN);
    return null;
  }
}

/** The server knows somebody whom this page took for a guest: its storage was cleared, and the session's cookie was not. */
export function noteUser(client: QueryClient): void {
  if (localStorage.getItem(KNOWN) !== null) return;
  localStorage.setItem(KNOWN, '1');
  client.invalidateQueries({ queryKey: USER_KEY }).catch(() => undefined); // who cannot be asked for is unknown
}

const STARTED = 'fl-login-started';
/** Longer than that ago, a login that led nowhere was given up. */
const RECENT_MS = 5 * 60_000;

/** Signs in by a navigation, and comes back to this page. */
export function logIn(returnTo: string = location.pathname + location.search): void {
  sessionStorage.setItem(STARTED, String(Date.now()));
  localStorage.setItem(KNOWN, '1');
  location.assign(`/bff/login?returnUrl=${encodeURIComponent(returnTo)}`);
}

/** Whether somebody came back from signing in a moment ago: known once. */
export function takeStartedLogin(): boolean {
  const at = Number(sessionStorage.getItem(STARTED));
  sessionStorage.removeItem(STARTED);
  return Date.now() - at < RECENT_MS;
}

export function useLogOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    // What is still being asked for would be refused while the session ends.
    await client.cancelQueries({ predicate: isPersonal });
    try {
      await request('/bff/logout', { method: 'POST' });
    } catch (error) {
      client.invalidateQueries({ predicate: isPersonal }).catch(() => undefined); // each part says so itself
      throw error;
    }
    localStorage.removeItem(KNOWN);
    client.setQueryData(USER_KEY, null);
    client.removeQueries({ predicate: isPersonal });
    tellOtherTabs('user');
  };
}

/** Keys of what belongs to whoever is signed in. */
const PERSONAL = ['cart', 'orders', 'order', 'home', 'quote', 'sessions', 'addresses', 'profile'];

function isPersonal({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean {
  return PERSONAL.includes(String(queryKey[0]));
}
