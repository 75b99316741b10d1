import { useEffect, useState } from 'react';
import { RequestError } from '../api/request.ts';
import { wordsOf } from '../api/words.ts';
import { Notice } from './notice.tsx';

/** A failure in words, with a way to try again as soon as the server wants that. */
export function Failure({ error, what, onRetry }: { error: unknown; what?: string; onRetry?: () => void }) {
  const waitMs = error instanceof RequestError ? error.retryAfterMs : undefined;
  const seconds = useCountdown(error, waitMs ?? 0);
  const requestId = error instanceof RequestError ? error.requestId : undefined;
  return (
    <Notice kind="error" title={what ?? 'Something went wrong'}>
      <p>{wordsOf(error)}</p>
      {onRetry && (
        <button type="button" className="button button-quiet" onClick={onRetry} disabled={seconds > 0}>
          {seconds > 0 ? `Try again in ${seconds} s` : 'Try again'}
        </button>
      )}
      {requestId && <p className="fine">Reference {requestId}</p>}
    </Notice>
  );
}

/** Whole seconds until a failure may be tried again. */
export function useCountdown(error: unknown, waitMs: number): number {
  const [left, setLeft] = useState(Math.ceil(waitMs / 1_000));
  useEffect(() => {
    setLeft(Math.ceil(waitMs / 1_000));
    if (!error || waitMs === 0) return;
    const end = Date.now() + waitMs;
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1_000));
      setLeft(seconds);
      if (seconds === 0) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [error, waitMs]);
  return left;
}
