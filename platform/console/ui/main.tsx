import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, get, post } from './api.ts';
import { pageOf } from './page-of.tsx';
import { MayChange } from './parts.tsx';
import { go, usePlace } from './router.ts';

interface Session {
  readonly operator: string;
  readonly role: 'viewer' | 'operator';
  readonly system: string;
  readonly records: readonly { readonly kind: string; readonly title: string }[];
}

/** A link that works once: it is behind the sign, which no server sees, and gone from the address at once. */
async function signIn(): Promise<Session> {
  const [, token] = /^#login=(.+)$/.exec(location.hash) ?? [];
  if (token !== undefined) {
    history.replaceState(null, '', location.pathname + location.search);
    await post('login', { token }).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
    });
  }
  return await get<Session>('session');
}

function App() {
  const [session, setSession] = useState<Session>();
  const [problem, setProblem] = useState('');
  const place = usePlace();
  useEffect(() => {
    const ask = async (): Promise<void> => {
      try {
        setSession(await signIn());
        setProblem('');
      } catch (error) {
        setSession(undefined);
        setProblem((error as Error).message);
      }
    };
    const askAgain = () => void ask();
    void ask();
    window.addEventListener('signed-out', askAgain);
    window.addEventListener('hashchange', askAgain);
    return () => {
      window.removeEventListener('signed-out', askAgain);
      window.removeEventListener('hashchange', askAgain);
    };
  }, []);
  useKeys(session);
  useFinder();
  if (!session)
    return (
      <main>
        <h1>Flotilla console</h1>
        {problem && (
          <p class="notice bad" role="alert">
            {problem}
          </p>
        )}
      </main>
    );
  return (
    <div class="shell">
      <a class="skip" href="#content">
        To the content
      </a>
      <Nav session={session} path={place.path} />
      <main id="content">
        <MayChange.Provider value={session.role === 'operator'}>
          {pageOf(place, session.records[0]?.kind)}
        </MayChange.Provider>
      </main>
    </div>
  );
}

type Entry = readonly [path: string, title: string, key: string];

/** Pages by what somebody is after; a letter behind `g` leads there. */
function groupsOf({ records }: Session): readonly (readonly [title: string, entries: readonly Entry[]])[] {
  const business: readonly Entry[] = [
    ['/', 'Overview', 'o'],
    ...records.map(({ kind, title }, index) => [`/records/${kind}`, title, index === 0 ? 'r' : ''] as const),
    ['/sagas', 'Sagas', 's'],
    ['/messages', 'Messages', 'm'],
    ['/streams', 'Streams', 'e'],
    ['/invariants', 'Invariants', 'i'],
  ];
  return [
    ['Business', business],
    [
      'System',
      [
        ['/services', 'Services', 'v'],
        ['/gateways', 'Gateway', 'w'],
        ['/discovery', 'Discovery', 'd'],
        ['/edges', 'Resilience', 'b'],
        ['/identity', 'Identity', 'u'],
      ],
    ],
    [
      'Telemetry',
      [
        ['/slos', 'Objectives', 'p'],
        ['/traces', 'Traces', 't'],
        ['/logs', 'Logs', 'l'],
        ['/metrics', 'Metrics', 'n'],
        ['/audit', 'Audit', 'a'],
      ],
    ],
  ];
}

function Nav({ session, path }: { readonly session: Session; readonly path: string }) {
  const isAt = (to: string) => (to === '/' ? path === '/' : path.startsWith(to));
  return (
    <nav class="nav" aria-label="Pages">
      <div class="brand">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 1v9H2zM9 3l5 7H9zM1 11h14l-3 4H4z" />
        </svg>
        <span>{session.system}</span>
      </div>
      {groupsOf(session).map(([group, entries]) => (
        <div class="group" key={group}>
          <span class="of">{group}</span>
          {entries.map(([to, title, key]) => (
            <a key={to} href={to} aria-current={isAt(to) ? 'page' : undefined}>
              {title} {key && <kbd>g {key}</kbd>}
            </a>
          ))}
        </div>
      ))}
      <div class="foot">
        <Theme />
        <span>
          Signed in as {session.operator}
          {session.role === 'viewer' && ', to look'}
        </span>
        <button type="button" onClick={() => void post('logout', {}).then(() => location.reload())}>
          Sign out
        </button>
      </div>
    </nav>
  );
}

function Theme() {
  const [theme, setTheme] = useState(localStorage.getItem('theme') ?? '');
  useEffect(() => {
    localStorage.setItem('theme', theme);
    if (theme === '') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return (
    <label>
      Theme
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
        <option value="">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

/** Most of a long trace is not in the document: the browser's own search would not find it. Pressed twice, it is the browser's. */
function useFinder(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'f' || !(event.ctrlKey || event.metaKey)) return;
      const finder = document.querySelector<HTMLInputElement>('main [data-finds]');
      if (finder === null || finder === document.activeElement) return;
      event.preventDefault();
      finder.select();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

/** `g` and a letter goes to a page, `/` to the search of the page. */
function useKeys(session: Session | undefined): void {
  useEffect(() => {
    let isPrefixed = false;
    const press = (event: KeyboardEvent) => {
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as Element).tagName);
      if (!session || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isPrefixed) {
        isPrefixed = false;
        const found = groupsOf(session)
          .flatMap(([, entries]) => entries)
          .find(([, , key]) => key === event.key);
        if (found) go(found[0]);
      } else if (event.key === 'g') isPrefixed = true;
      else if (event.key === '/') {
        event.preventDefault();
        document.querySelector<HTMLInputElement>('main input[type="search"]')?.focus();
      }
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [session]);
}

const root = document.getElementById('app');
if (root) render(<App />, root);
