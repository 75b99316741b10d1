import { useEffect, useRef, useState } from 'preact/hooks';

/** What the server says was wrong. */
export class ApiError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

async function answerOf<T>(response: Response): Promise<T> {
  const body = (await response.json().catch(() => ({}))) as {
    readonly code?: string;
    readonly message?: string;
  };
  if (!response.ok)
    throw new ApiError(body.code ?? 'CONSOLE_UNAVAILABLE', body.message ?? `status ${response.status}`);
  return body as T;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await answerOf<T>(await fetch(`/api/${path}`, { ...(signal && { signal }) }));
}

export async function post<T>(path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return await answerOf<T>(
    await fetch(`/api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  );
}

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

/**
 * What is at a path, and again every `everyMs`. A tab that nobody sees asks nothing, so that any number of them is open. The last
 * answer stays on the page when the next one fails.
 */
export function useApi<T>(path: string | undefined, everyMs: number = 0): Loaded<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: ApiError }>({});
  const [round, setRound] = useState(0);
  const latest = useRef(path);
  latest.current = path;
  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const fail = (thrown: unknown): void => {
      if (stop.signal.aborted) return;
      const isAnswer = thrown instanceof ApiError;
      const error = isAnswer ? thrown : new ApiError('CONSOLE_UNAVAILABLE', 'the console does not answer');
      if (error.code === 'CONSOLE_SIGN_IN') window.dispatchEvent(new Event('signed-out'));
      setState((before) => (before.path === path ? { ...before, error } : { path, error }));
    };
    const ask = async (): Promise<void> => {
      try {
        const data = await get<T>(path, stop.signal);
        if (latest.current === path) setState({ path, data });
      } catch (thrown) {
        fail(thrown);
      }
    };
    const load = async (): Promise<void> => {
      if (!document.hidden) await ask();
      if (everyMs > 0 && !stop.signal.aborted) timer = setTimeout(() => void load(), everyMs);
    };
    void load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, round]);
  const isCurrent = state.path === path;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    reload: () => setRound((before) => before + 1),
  };
}
